import DaemonHarness
import ECGEvaluation
import ECGReplay
import ECGWire
import Glibc
import ToolSupport
import ZeroMQ

/// One run of the demonstration: subscribe, replay, listen, stop the daemon, sum up.
struct DemoSession {
    let material: ReplayMaterial
    let attack: AttackedEpisode.Report?
    /// Samples that are a copy of earlier ones.
    let playedBack: Range<Int>?
    let speed: Double
    let terminal: Terminal

    struct Outcome {
        var summary: [String]
        /// What should have happened and did not.
        var problems: [String]
    }

    private static let stream = "bed-208"

    func run(_ daemon: LocalDaemon) throws(ToolError) -> Outcome {
        let context: ZeroMQContext
        var subscriber: SubscriberClient
        do {
            context = try ZeroMQContext()
            subscriber = try SubscriberClient(
                endpoint: daemon.endpoints.events,
                filters: [.all(.alert), .all(.beat), .all(.suspicion), .all(.status), .all(.health)], context: context,
                queueLength: 100_000)
        } catch {
            throw ToolError(
                "the demo cannot listen to its daemon: \(error)", nextStep: "Raise the limit of open files")
        }
        var tally = DemoTally()
        var display = DemoDisplay(
            terminal: terminal, rate: material.samplingRate,
            attacked: Int64(attack?.range.lowerBound ?? 0)..<Int64(attack?.range.upperBound ?? 0))
        func take(waitingUpTo timeout: Duration) -> Bool {
            guard let publication = try? subscriber.receive(timeout: timeout) else { return false }
            tally.note(publication.body, on: publication.topic, missed: publication.missedBefore)
            if let event = publication.event { display.show(event) }
            return true
        }

        try waitForDaemon(daemon, take: take, isThere: { tally.heard })
        let started = monotonicNanoseconds()
        let report = try replay(into: daemon, context: context) { while take(waitingUpTo: .zero) {} }
        let seconds = Double(monotonicNanoseconds() - started) / 1e9

        // Everything sent has arrived when the daemon says so; then it is asked to end, and finishes what it has.
        let clock = ContinuousClock()
        var deadline = clock.now + .seconds(30)
        while tally.samplesAccepted < UInt64(report.samples), clock.now < deadline, !Interruption.requested,
            !daemon.hasEnded
        {
            _ = take(waitingUpTo: .milliseconds(50))
        }
        daemon.signal(SIGTERM)
        deadline = clock.now + .seconds(15)
        while !daemon.hasEnded, clock.now < deadline { _ = take(waitingUpTo: .milliseconds(20)) }
        let ending = daemon.wait(seconds: 1) ?? daemon.stop(within: 1) ?? .killed(signal: SIGKILL)
        while take(waitingUpTo: .milliseconds(200)) {}
        if !Interruption.requested { display.finish() }
        return Outcome(
            summary: summary(tally, report, ending, seconds: seconds), problems: problems(tally, report, ending, daemon)
        )
    }

    /// The daemon is there, and our subscription is in force, when its health has been heard.
    private func waitForDaemon(
        _ daemon: LocalDaemon, take: (Duration) -> Bool, isThere: () -> Bool
    ) throws(ToolError) {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(30)
        while !isThere(), !Interruption.requested {
            _ = take(.milliseconds(50))
            if daemon.hasEnded {
                throw ToolError(
                    "the daemon ended at once: \(daemon.lastLogLine)", nextStep: "Start `ecgmond` by itself to see more"
                )
            }
            if clock.now >= deadline {
                throw ToolError(
                    "the daemon said nothing within 30 s: \(daemon.lastLogLine)",
                    nextStep: "Start `ecgmond` by itself to see more")
            }
        }
    }

    private func replay(
        into daemon: LocalDaemon, context: ZeroMQContext, listening: () -> Void
    ) throws(ToolError) -> ReplayEngine.Report {
        let engine = ReplayEngine(
            material: material, streams: [Self.stream], session: UInt64(wallClockNanoseconds()),
            blockLength: max(1, Int((material.samplingRate / 4).rounded())), speed: speed,
            startNanoseconds: ReplayEngine.startTime(of: material, speed: speed, loops: false))
        var sender = try ReplaySender(
            endpoint: daemon.endpoints.ingest, context: context, connectTimeout: .seconds(10),
            note: { Terminal.note($0) })
        return try engine.run(into: &sender) { _ in
            listening()
            return true
        }
    }

    private var attacked: Range<Int64> {
        Int64(attack?.range.lowerBound ?? 0)..<Int64(attack?.range.upperBound ?? 0)
    }

    /// Where suspicions were raised in ECG that is neither attacked nor a copy.
    private func mistakenSuspicions(_ tally: DemoTally) -> [Int64] {
        tally.falseSuspicions(
            attacked: attacked, playedBack: playedBack.map { Int64($0.lowerBound)..<Int64($0.upperBound) })
    }

    private func summary(
        _ tally: DemoTally, _ report: ReplayEngine.Report, _ ending: ChildProcess.Ending, seconds: Double
    ) -> [String] {
        let lines = EventLine(terminal: terminal)
        let alerts = tally.alerts.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.value) \(lines.name($0.key))" }
        var text = [
            "",
            "sent       \(report.samples) samples in \(fixed(seconds, 1)) s, at most "
                + "\(fixed(Double(report.largestLateness) / 1e6, 1)) ms late",
            "beats      \(tally.beats.count): \(tally.count(.normal)) N, \(tally.count(.supraventricular)) S, "
                + "\(tally.count(.ventricular)) V, \(tally.count(.fusion)) F, "
                + "\(tally.count(.unspecified)) not classified",
            "alerts     " + (alerts.isEmpty ? "none" : alerts.joined(separator: ", ")),
        ]
        if let attack {
            let changed = tally.changedByAttack(attack.beats, toleranceSamples: Int64(material.samplingRate * 0.15))
            text.append(
                "attack     \(changed) of \(attack.beats.count) attacked beats got another class than the clean ECG "
                    + "gives them")
            if let delay = tally.suspicionDelay(attacked: attacked) {
                text.append("suspicion  raised after \(delay) attacked beats")
            } else {
                text.append("suspicion  not raised in the attacked episode")
            }
        }
        if let start = playedBack?.lowerBound {
            if let noticed = tally.replaySuspicion(from: Int64(start)) {
                let delay = Double(noticed - Int64(start)) / material.samplingRate
                text.append("replay     suspected after \(fixed(delay, 0)) s")
            } else {
                text.append("replay     not suspected")
            }
        }
        let mistaken = mistakenSuspicions(tally)
        text.append(
            "clean part "
                + (mistaken.isEmpty
                    ? "no suspicion"
                    : "\(mistaken.count) suspicions, at "
                        + mistaken.map { ClockTime(seconds: Double($0) / material.samplingRate).description }.joined(
                            separator: ", ")))
        text.append(
            "events     \(tally.events) received, \(tally.lost) lost, \(tally.messagesRejected) messages rejected")
        text.append("daemon     \(ending)")
        return text
    }

    private func problems(
        _ tally: DemoTally, _ report: ReplayEngine.Report, _ ending: ChildProcess.Ending, _ daemon: LocalDaemon
    ) -> [String] {
        var problems: [String] = []
        if !report.complete { problems.append("the replay did not finish") }
        if tally.beats.isEmpty { problems.append("no beat was found") }
        if tally.count(.unspecified) * 10 > tally.beats.count {
            problems.append("more than a tenth of the beats have no class")
        }
        if attack != nil, tally.suspicionDelay(attacked: attacked) == nil {
            problems.append("the attack raised no suspicion")
        }
        if let playedBack, tally.replaySuspicion(from: Int64(playedBack.lowerBound)) == nil {
            problems.append("the replay raised no suspicion")
        }
        let mistaken = mistakenSuspicions(tally).count
        if mistaken > 0 { problems.append("\(mistaken) suspicions in ECG that was not attacked") }
        if tally.lost > 0 { problems.append("\(tally.lost) events were lost") }
        if tally.messagesRejected > 0 { problems.append("\(tally.messagesRejected) messages were rejected") }
        if ending != .exited(code: 0) { problems.append("the daemon's end: \(ending); \(daemon.lastLogLine)") }
        return problems
    }
}
