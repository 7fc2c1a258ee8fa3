import AMQP
import ECGSecurity
import Glibc
import MonitorCluster

/// How a cluster stands: its members, who owns which partition, and what is wrong. It is asked of a broker and of the
/// members' signs of life; nothing is changed.
public struct ClusterStatus: Sendable, Equatable {
    /// A worker.
    public struct Member: Sendable, Equatable {
        public var name: String
        public var version: String
        /// SHA-256 of the classifier's weights, in hexadecimal digits.
        public var model: String
        /// How many partitions it owns, and the streams in them.
        public var partitions = 0
        public var streams = 0
    }

    /// A partition of the streams.
    public struct Partition: Sendable, Equatable {
        /// 0, 1, 2 ...
        public var number: Int
        /// nil: nobody owns it.
        public var owner: String?
        /// How often it has changed hands, 1 at first.
        public var epoch: UInt64 = 0
        public var streams = 0
        /// Blocks that no worker has taken yet.
        public var waiting = 0
        /// Blocks that its owner has, and that no state covers yet.
        public var unfinished = 0
    }

    public var cluster: String
    /// The broker that was asked.
    public var broker: String
    public var members: [Member] = []
    /// In the order of their numbers.
    public var partitions: [Partition] = []
    /// What is wrong, each in one line with the next step. Empty: nothing.
    public var problems: [String] = []

    /// How long members are listened for: they show life once a second.
    private static let listening: UInt64 = 2_500_000_000

    /// Asks the cluster that a configuration file names.
    /// - Throws: `StartFailure` with what is wrong with the file, or why no broker answers, and the next step.
    public static func read(configurationAt path: String) throws(StartFailure) -> ClusterStatus {
        let configuration: DaemonConfiguration
        do throws(ConfigurationFile.Failure) {
            configuration = try ConfigurationFile.read(path: path)
        } catch {
            throw .configuration(error)
        }
        let settings: ClusterSettings?
        do throws(SecretFileError) {
            settings = try ClusterSettings(configuration.cluster)
        } catch {
            throw .security(error)
        }
        guard let settings else {
            throw StartFailure(
                words: "\(path): cluster.role is \"none\"; name the configuration of a member with --config",
                exitCode: ExitStatus.configuration)
        }
        var failures: [String] = []
        for address in settings.brokers {
            do throws(AMQPError) {
                var login = settings.login
                login.name += " status"
                return try read(settings, try AMQPConnection(address, login))
            } catch {
                failures.append("\(address): \(error.words); \(BrokerLink.nextStep(error))")
            }
        }
        throw StartFailure(words: failures.joined(separator: "\n"), exitCode: ExitStatus.unavailable)
    }

    private static func read(
        _ settings: ClusterSettings, _ connection: AMQPConnection
    ) throws(AMQPError) -> ClusterStatus {
        let names = settings.names
        try connection.openChannel(BrokerLink.channel)
        var status = ClusterStatus(cluster: names.cluster, broker: "\(connection.address)")
        let signs = try listen(names, connection)
        for sign in signs {
            status.members.append(Member(name: sign.name, version: sign.version, model: sign.model))
        }
        for number in 0..<names.partitions {
            var partition = Partition(number: number)
            partition.waiting = try connection.inspect(names.blocks(number)).messages
            for (index, sign) in signs.enumerated() {
                guard let owned = sign.owned.first(where: { $0.partition == UInt32(number) }) else { continue }
                // In the moment of a change two may say that it is theirs: the later epoch is right.
                guard owned.epoch > partition.epoch else { continue }
                partition.owner = sign.name
                partition.epoch = owned.epoch
                partition.streams = Int(owned.streams)
                partition.unfinished = Int(owned.unfinished)
                status.members[index].partitions += 1
                status.members[index].streams += Int(owned.streams)
            }
            status.partitions.append(partition)
        }
        status.findProblems(signs, names)
        return status
    }

    private static func listen(
        _ names: ClusterNames, _ connection: AMQPConnection
    ) throws(AMQPError) -> [MemberSign] {
        let queue = "\(names.members).status.\(UInt64.random(in: 0 ... .max))"
        try connection.declareQueue(queue, isExclusive: true)
        do throws(AMQPError) {
            try connection.bind(queue, to: names.members, key: "")
        } catch {
            guard case .closed(let code) = error.kind, code == 404 else { throw error }
            throw AMQPError(.closed(code: code), "there is no cluster called \(names.cluster)")
        }
        try connection.consume(queue, as: "status", channel: BrokerLink.channel, prefetch: 1000, acknowledges: false)
        var signs: [String: MemberSign] = [:]
        let end = DaemonClock.monotonic() + listening
        while DaemonClock.monotonic() < end {
            guard let event = try connection.next(timeout: .milliseconds(100)) else { continue }
            if case .delivery(let delivery) = event, let sign = try? MemberSign(bytes: delivery.body) {
                // Two of one name are two members here.
                signs["\(sign.name) \(sign.start)"] = sign
            }
        }
        return signs.values.sorted { ($0.name, $0.start) < ($1.name, $1.start) }
    }

    private mutating func findProblems(_ signs: [MemberSign], _ names: ClusterNames) {
        if signs.isEmpty {
            problems.append("no worker shows life: start one (cluster.role = \"worker\" or \"both\")")
        }
        let ownerless = partitions.filter { $0.owner == nil }.map { "\($0.number)" }
        if !ownerless.isEmpty, !signs.isEmpty {
            let list = ownerless.prefix(10).joined(separator: ", ") + (ownerless.count > 10 ? " ..." : "")
            problems.append(
                "\(ownerless.count) partitions have no owner (\(list)): if they have none in ten seconds, see the "
                    + "workers' logs and `rabbitmqctl list_queues name type online`")
        }
        if let other = signs.first(where: { $0.partitions != UInt32(names.partitions) }) {
            problems.append(
                "\(other.name) has \(other.partitions) partitions, this configuration \(names.partitions): two "
                    + "clusters are called \(names.cluster); give one of them another cluster.name")
        }
        for name in Set(signs.map(\.name)).sorted() where signs.count(where: { $0.name == name }) > 1 {
            problems.append("two workers are called \(name): give one of them another cluster.member")
        }
        func disagree(_ what: String, _ value: (MemberSign) -> String, _ next: String) {
            let values = Set(signs.map(value)).sorted()
            guard values.count > 1 else { return }
            let list = values.map { one in
                "\(one.prefix(12)) (\(signs.filter { value($0) == one }.map(\.name).joined(separator: ", ")))"
            }
            problems.append("members have different \(what): \(list.joined(separator: " and ")): \(next)")
        }
        disagree("versions", { $0.version }, "upgrade all of them")
        disagree("models", { $0.model }, "set model.path alike on all of them")
    }
}
