/// The alert about samples that do not come, as the wall clock sees it. It lies beside the deterministic path: nothing
/// there depends on it, and its alerts have their own numbers.
struct SilenceAlert: Sendable {
    private var number: UInt32 = 0
    private var isActive = false
    private var samplesHaveCome = false
    private var moment = Moment(session: 0, sampleIndex: 0, decidedAt: 0, time: 0, samplingRate: 1)

    mutating func start(
        session: UInt64, lastIndex: Int64, time: Int64, samplingRate: Double, seconds: Double,
        events: inout [MonitorEvent]
    ) {
        guard !isActive else { return }
        isActive = true
        samplesHaveCome = false
        number = session == moment.session ? number &+ 1 : 1
        moment = Moment(
            session: session, sampleIndex: lastIndex, decidedAt: lastIndex, time: time, samplingRate: samplingRate)
        write(.started, "signal lost: nothing came for \(fixed(seconds, decimals: 1)) s", &events)
    }

    mutating func samplesCame() { samplesHaveCome = true }

    mutating func endIfSamplesCame(events: inout [MonitorEvent]) {
        guard isActive, samplesHaveCome else { return }
        isActive = false
        write(.ended, "signal lost over: samples come again", &events)
    }

    private func write(_ phase: AlertPhase, _ text: String, _ events: inout [MonitorEvent]) {
        let kind = AlertKind.signalLost
        let alert = Alert(
            kind: kind, phase: phase, priority: kind.priority, number: number, basis: .wallClock,
            endedBecause: phase == .ended ? .cleared : nil, onsetSampleIndex: moment.sampleIndex, durationSeconds: 0,
            heartRate: nil, beatCount: 0, text: text)
        events.append(moment.event(.alert(alert), at: moment.sampleIndex))
    }
}
