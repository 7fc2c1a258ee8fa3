/// The alert about samples that do not arrive, judged by the wall clock. It is separate from the deterministic path:
/// nothing there depends on it, and its alerts have their own numbers.
struct SilenceAlert: Sendable, Codable {
    private var number: UInt32 = 0
    private var isActive = false
    private var acknowledgedBy: String?
    private var text = ""
    private var samplesHaveCome = false
    private var moment = Moment(session: 0, sampleIndex: 0, decidedAt: 0, time: 0, samplingRate: 1)

    mutating func start(
        session: UInt64, lastIndex: Int64, time: Int64, samplingRate: Double, seconds: Double,
        events: inout [MonitorEvent]
    ) {
        guard !isActive else { return }
        isActive = true
        acknowledgedBy = nil
        samplesHaveCome = false
        number = session == moment.session ? number &+ 1 : 1
        moment = Moment(
            session: session, sampleIndex: lastIndex, decidedAt: lastIndex, time: time, samplingRate: samplingRate)
        text = "signal lost: no new samples for \(fixed(seconds, decimals: 1)) s"
        write(.started, &events)
    }

    mutating func samplesCame() { samplesHaveCome = true }

    mutating func endIfSamplesCame(events: inout [MonitorEvent]) {
        guard isActive, samplesHaveCome else { return }
        isActive = false
        text = "signal lost over: samples come again"
        write(.ended, &events)
    }

    /// Acknowledges the alert if the command asks for that, and lists it while it is active.
    mutating func apply(
        _ command: AlarmCommand, _ result: AlarmCommandOutcome.Result, events: inout [MonitorEvent]
    ) -> (alert: Alert, isAcknowledged: Bool)? {
        guard isActive else { return nil }
        var isAcknowledged = false
        if case .acknowledge(let kind, let number) = command.action, result == .done || result == .nothingToDo,
            kind == nil || kind == .signalLost, number == nil || number == self.number, acknowledgedBy == nil
        {
            acknowledgedBy = command.by
            isAcknowledged = true
            write(.updated, change: .acknowledged, &events)
        }
        return (alert(.updated, nil), isAcknowledged)
    }

    private func write(_ phase: AlertPhase, change: AlertChange? = nil, _ events: inout [MonitorEvent]) {
        events.append(moment.event(.alert(alert(phase, change)), at: moment.sampleIndex))
    }

    private func alert(_ phase: AlertPhase, _ change: AlertChange?) -> Alert {
        let kind = AlertKind.signalLost
        var alert = Alert(
            kind: kind, phase: phase, priority: kind.priority, number: number, basis: .wallClock,
            endedBecause: phase == .ended ? .cleared : nil, onsetSampleIndex: moment.sampleIndex, durationSeconds: 0,
            heartRate: nil, beatCount: 0, text: text, change: change)
        alert.acknowledgedBy = acknowledgedBy
        return alert
    }
}
