import ECGMonitor
import ECGWire
import MonitorWire
import SwiftProtobuf

extension AlarmCommand {
    /// What became of it, as a label and in one line for people.
    func summary(of outcome: AlarmCommandOutcome) -> (label: CommandLabel, text: String) {
        switch outcome.result {
        case .tooLong(let limit):
            let seconds = limit == limit.rounded() ? "\(Int(limit))" : "\(limit)"
            return (.tooLong, "a pause of \(seconds) s at most is allowed")
        case .invalid(let words): return (.invalid, words)
        case .nothingToDo:
            if case .resume = action { return (.nothingToDo, "nothing is paused") }
            return (.nothingToDo, "nothing is on that was not acknowledged")
        case .done: break
        }
        switch action {
        case .acknowledge: return (.done, "\(outcome.acknowledged) acknowledged")
        case .pause(let kind, _):
            let seconds = Int((outcome.pause?.remainingSeconds ?? 0).rounded())
            return (.done, "\(kind == .audio ? "audio" : "alarms") paused for \(seconds) s")
        case .resume: return (.done, "the pause is over")
        case .list: return (.done, "\(outcome.alerts.count) on")
        }
    }
}

extension WireCommandReply {
    mutating func fill(_ outcome: AlarmCommandOutcome) {
        session = outcome.session
        appliedAtSampleIndex = outcome.appliedAtSampleIndex
        acknowledged = UInt32(clamping: outcome.acknowledged)
        alerts = outcome.alerts.map { WireAlert($0) }
        if let pause = outcome.pause { self.pause = WireAlarmPause(pause) }
    }

    mutating func fill(_ limits: LimitsInForce) {
        for limit in BedLimit.allCases {
            self.limits.current[limit.rawValue] = limit.value(in: limits.current)
            self.limits.configured[limit.rawValue] = limit.value(in: limits.configured)
        }
        self.limits.setBy = limits.set?.by ?? ""
        self.limits.setAtTimeNs = limits.set?.at ?? 0
    }
}

extension AlarmCommandOutcome {
    /// What a worker elsewhere has answered.
    init(_ reply: WireCommandReply) {
        self.init(result: .done, session: reply.session, appliedAtSampleIndex: reply.appliedAtSampleIndex)
        alerts = reply.alerts.compactMap { Alert($0) }
        pause = reply.hasPause ? AlarmPause(reply.pause) : nil
    }
}

extension WireCommand {
    /// A command of the central station, for a worker elsewhere.
    init(_ command: ReceivedCommand) {
        self.init()
        schemaVersion = SampleBlockLimits.schemaVersion
        (number, stream, by) = (command.number, command.stream, command.command.by)
        switch command.command.action {
        case .acknowledge(let kind, let number):
            acknowledge.kind = kind.map { WireAlertKind($0) } ?? .unspecified
            acknowledge.alertNumber = UInt64(number ?? 0)
        case .pause(let kind, let seconds):
            pause.kind = WirePauseKind(kind)
            pause.seconds = seconds ?? 0
        case .resume: resume = Resume()
        case .list: list = List()
        }
    }
}
