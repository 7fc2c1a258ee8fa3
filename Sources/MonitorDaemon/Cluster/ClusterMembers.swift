import MonitorCluster

/// The workers of a cluster as one of them hears of them, and what it tells them of itself.
struct ClusterMembers {
    private let settings: ClusterSettings
    private let model: String
    /// Differs with every start.
    private let start = UInt64.random(in: 1 ... .max)
    private let context: DaemonContext
    private var members = MemberTable()

    /// - Parameter model: SHA-256 of the classifier's weights, in hexadecimal digits.
    init(_ settings: ClusterSettings, model: String, context: DaemonContext) {
        self.settings = settings
        self.model = model
        self.context = context
    }

    /// This worker's own sign of life.
    func sign(_ owned: [MemberSign.Owned]) -> MemberSign {
        MemberSign(
            name: settings.member, start: start, partitions: UInt32(settings.names.partitions), version: Daemon.version,
            model: model, owned: owned)
    }

    /// Takes a sign of life, its own among them, and says what is wrong with it.
    mutating func hear(_ body: [UInt8]) {
        guard let sign = try? MemberSign(bytes: body) else {
            context.metrics.cluster.unreadable.add(1)
            context.log.note("a member of another version", cause: "version", stream: "", detail: "upgrade all of them")
            return
        }
        members.hear(sign, at: DaemonClock.monotonic())
        guard sign.name != settings.member || sign.start != start, let words = disagreement(with: sign) else { return }
        context.log.note("members of this cluster disagree", cause: "disagreement", stream: "", detail: words)
    }

    private func disagreement(with sign: MemberSign) -> String? {
        let names = settings.names
        if sign.name == settings.member {
            return "two workers are called \(sign.name); give one of them another cluster.member"
        }
        if sign.partitions != UInt32(names.partitions) {
            return "\(sign.name) has \(sign.partitions) partitions, this one \(names.partitions): two clusters are "
                + "called \(names.cluster); give one of them another cluster.name"
        }
        if sign.model != model {
            return "\(sign.name) uses another model (\(sign.model.prefix(12))); set model.path alike on all members"
        }
        return nil
    }

    mutating func forgetSilent(at now: UInt64) { members.forgetSilent(at: now) }

    mutating func forgetAll() { members = MemberTable() }

    /// The names in the order in which they should own a partition.
    func order(of partition: Int) -> [String] { members.order(of: partition) }

    /// When a member was first heard of; monotonic, ns.
    func since(_ name: String) -> UInt64? { members.since(name) }
}
