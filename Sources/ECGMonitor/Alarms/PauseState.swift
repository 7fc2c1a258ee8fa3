/// The pause of one stream's alarms, which ends automatically.
struct PauseState: Sendable, Codable {
    private(set) var kind: AlarmPause.Kind?
    private var by = ""
    /// The first sample after the pause, source rate.
    private var until: Int64 = 0
    /// Number of pause changes in this session.
    private(set) var changes: UInt32 = 0
    /// The last change has not been published yet.
    var needsReport = false

    mutating func begin(_ kind: AlarmPause.Kind, seconds: Double, by name: String, _ now: Moment) {
        self.kind = kind
        by = name
        until = now.decidedAt &+ Int64((seconds * now.samplingRate).rounded(.up))
        noteChange()
    }

    /// - Returns: whether a pause was in effect.
    mutating func end() -> Bool {
        guard kind != nil else { return false }
        kind = nil
        by = ""
        noteChange()
        return true
    }

    mutating func endIfDue(at index: Int64) {
        if kind != nil, index >= until { _ = end() }
    }

    mutating func changeRate(at index: Int64, from old: Double, to new: Double) {
        guard kind != nil, old > 0 else { return }
        until = index &+ Int64((Double(max(0, until - index)) / old * new).rounded(.up))
    }

    func current(_ now: Moment) -> AlarmPause? {
        guard let kind else { return nil }
        return AlarmPause(kind: kind, remainingSeconds: max(0, now.seconds(from: now.decidedAt, to: until)), by: by)
    }

    private mutating func noteChange() {
        changes &+= 1
        needsReport = true
    }
}
