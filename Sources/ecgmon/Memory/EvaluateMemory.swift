import ArgumentParser
import ECGWire
import FoundationEssentials

/// `ecgmon evaluate memory`: what a daemon has of the machine's memory over a simulated week.
struct EvaluateMemory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Let a daemon watch a ward for a simulated week, and see whether its memory grows.",
        discussion: """
            The streams are heard in pieces of each simulated hour, with the sample indices and times of the whole, so that the \
            daemon sees gaps of exact extent; some are heard without holes. Patients come and go, sessions begin anew with other \
            rates, leads are off, blocks come twice, in the wrong order, or must be refused. Half of the streams go to the \
            acknowledged endpoint. One subscriber uses the history, one is slow, one never reads, others come and go; commands, \
            questions for the past and /metrics are asked all the while. The journal's limits are scaled to the time that the run \
            takes, so that it deletes as much as it writes. Memory is read from /proc; the median of the last simulated day must \
            not lie above that of the second by more than --tolerance for each day between.
            """)

    @Option(help: ArgumentHelp("How many streams are watched at a time.", valueName: "n"))
    var streams = 1000

    @Option(help: ArgumentHelp("Simulated days, 3 to 365.", valueName: "n"))
    var days = 7

    @Option(
        help: ArgumentHelp(
            "Seconds of most streams that are sent for each simulated hour, 1 to 180; of one in twenty, 20 times as many.",
            valueName: "seconds"))
    var heard = 8

    @Option(help: ArgumentHelp("So many of the streams are sent without holes.", valueName: "n"))
    var whole = 1

    @Option(help: ArgumentHelp("The least time that it takes.", valueName: "minutes"))
    var minutes = 45.0

    @Option(help: ArgumentHelp("Growth that is no growth.", valueName: "MB/day"))
    var tolerance = 1.0

    @Option(help: ArgumentHelp("Chooses what happens to the patients.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("The daemon; default: the one beside this program.", valueName: "file"))
    var daemon: String?

    @Option(help: ArgumentHelp("Threads of the daemon that process streams.", valueName: "n"))
    var workers = 1

    @Option(help: ArgumentHelp("The weights.", valueName: "file"))
    var model: String?

    func validate() throws {
        guard (1...100_000).contains(streams) else { throw ValidationError("--streams takes 1 to 100000") }
        guard (3...365).contains(days) else { throw ValidationError("--days takes 3 to 365") }
        guard (1...180).contains(heard) else { throw ValidationError("--heard takes 1 to 180") }
        guard (0...streams).contains(whole) else { throw ValidationError("--whole takes 0 to the number of streams") }
        guard minutes > 0, minutes <= 100_000 else { throw ValidationError("--minutes takes more than 0") }
        guard tolerance >= 0 else { throw ValidationError("--tolerance takes 0 or more") }
        guard (1...256).contains(workers) else { throw ValidationError("--workers takes 1 to 256") }
    }

    func run() throws {
        Interruption.install()
        let folder = try TemporaryDirectory()
        let configuration = Self.configuration(streams: streams, days: days, minutes: minutes, workers: workers)
        let daemon = try RecoveryDaemon(
            programs: [self.daemon ?? InstalledFiles.program("ecgmond")], directory: folder.path,
            model: InstalledFiles.model(model), configuration: configuration(0), hasPages: true)
        let run = MemoryRun(
            ward: SimulatedWard(
                streams: streams, whole: whole, heardSeconds: heard, seed: seed,
                startNanoseconds: wallClockNanoseconds() - Int64(days) * 86_400_000_000_000),
            hours: days * 24, seconds: minutes * 60, configuration: configuration)
        let terminal = Terminal()
        terminal.line(MemoryTable.heading)
        let outcome = try run.run(with: daemon) { Terminal().line(MemoryTable.line($0)) }
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
        let verdict = MemoryVerdict(outcome, tolerance: tolerance)
        for line in verdict.lines { terminal.line(line) }
        guard verdict.isGood else { throw ExitCode(1) }
    }

    /// The file for each simulated day: a limit of the rules changes with every one.
    ///
    /// What the daemon measures by its own clock is scaled: a stream that sends nothing for three simulated hours is
    /// forgotten, and the journal keeps about a simulated day, beats two hours, of which its bound in bytes takes the
    /// oldest.
    static func configuration(streams: Int, days: Int, minutes: Double, workers: Int) -> @Sendable (Int) -> String {
        let hour = minutes * 60 / Double(days * 24)
        return { day in
            """
            [journal]
            synchronous = "normal"
            keep_days = \(max(0.001, 24 * hour / 86_400))
            keep_beats_hours = \(max(0.001, 2 * hour / 3600))
            maximum_bytes = \(max(1_000_000, streams * 60_000))
            [streams]
            maximum = \(2 * streams + 100)
            silent_after_seconds = \(max(0.5, min(5, hour / 4)))
            forgotten_after_seconds = \(max(1, 3 * hour))
            [workers]
            count = \(workers)
            [log]
            period_seconds = 60
            [monitor]
            bradycardia_below = \(day.isMultiple(of: 2) ? 50 : 49)

            """
        }
    }
}

/// What a run says.
struct MemoryVerdict {
    private let outcome: MemoryRun.Outcome
    private let tolerance: Double
    /// MB for each simulated day.
    let growth: Double?
    /// What is not as it must be, in words.
    let faults: [String]

    /// Causes after which a source that keeps its blocks sends them again.
    private static let sentAgain: Set<String> = ["hello_needed", "beyond_credit", "worker_queue_full"]

    /// - Parameter tolerance: MB for each day.
    init(_ outcome: MemoryRun.Outcome, tolerance: Double) {
        self.outcome = outcome
        self.tolerance = tolerance
        growth = MemoryTable(outcome.readings).growth.map { $0 / 1e6 }
        var faults: [String] = []
        if let growth {
            if growth > tolerance { faults.append("memory grows") }
        } else {
            faults.append("there are no readings of three days")
        }
        let (sent, metrics) = (outcome.sent, outcome.metrics)
        if metrics["ecgmon_samples_total"] != sent.samples {
            faults.append("\(sent.samples) samples were sent, \(metrics["ecgmon_samples_total"]) were taken")
        }
        let refused = Self.refused(metrics).filter { !Self.sentAgain.contains($0.key) }
        if refused != sent.wrong {
            faults.append("\(sent.wrong) blocks had to be refused, \(refused) were")
        }
        if outcome.received.missing > 0 || outcome.received.outOfOrder > 0 {
            faults.append("the subscriber's events have holes")
        }
        if outcome.lastEnding != "exit code 0" { faults.append("the daemon: \(outcome.lastEnding)") }
        self.faults = faults + outcome.problems
    }

    private static func refused(_ metrics: MetricsReading) -> [String: Int] { metrics.counts("ecgmon_rejects_total") }

    var isGood: Bool { faults.isEmpty }

    var lines: [String] {
        let (sent, metrics, received) = (outcome.sent, outcome.metrics, outcome.received)
        let dropped = metrics.counts("ecgmon_journal_dropped_total")
        let refused = Self.refused(metrics).sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let alerts = metrics.counts("ecgmon_alerts_started_total")
        var text = [
            "growth     \(growth.map { fixed($0, 2) } ?? "-") MB a day from the median of day 2 to that of the last, "
                + "\(fixed(tolerance, 2)) allowed",
            "time       \(fixed(outcome.seconds, 0)) s, the daemon's processors \(metrics["process_cpu_seconds_total"]) s",
            "sent       \(sent.samples) samples in \(sent.blocks) blocks of \(outcome.streamNames) streams, "
                + "\(metrics["ecgmon_samples_total"]) taken; \(sent.samplesAgain) a second time, "
                + "\(metrics["ecgmon_samples_duplicate_total"]) dropped as such",
            "refused    \(refused.isEmpty ? "none" : refused.joined(separator: ", ")); "
                + "\(sent.wrong.values.reduce(0, +)) blocks had to be",
            "streams    \(metrics["ecgmon_streams_opened_total"]) begun, \(metrics["ecgmon_streams_expired_total"]) forgotten, "
                + "\(metrics["ecgmon_sessions_changed_total"]) sessions changed, \(metrics["ecgmon_gaps_total"]) gaps, "
                + "\(metrics["ecgmon_samples_reordered_total"]) samples put in order",
            "events     \(metrics.counts("ecgmon_beats_total").values.reduce(0, +)) beats, "
                + "\(alerts.values.reduce(0, +)) alerts of \(alerts.count) kinds; the journal dropped \(dropped["old"] ?? 0) as old, "
                + "\(dropped["space"] ?? 0) for space",
            "subscriber \(received.events) events, \(received.fromHistory) of them out of the history: \(received.missing) missing, "
                + "\(received.outOfOrder) out of order",
            "answers    \(outcome.answers) to commands, questions and requests; \(outcome.visitors) subscribers came and went; "
                + "\(metrics["ecgmon_reloads_total{result=\"ok\"}"]) times other limits",
            "daemon     \(outcome.lastEnding)",
        ]
        text += faults.prefix(20).map { "fault      \($0)" }
        return text
    }
}
