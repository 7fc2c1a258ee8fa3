import ArgumentParser
import DaemonEvaluation
import DaemonHarness
import ECGReplay
import ToolSupport

/// `ecgmon evaluate latency`: how long an alert takes from its sample to a subscriber, with and without a journal.
struct EvaluateLatency: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "Measure the time from sending the block that decides an alert until a subscriber has the alert.",
        discussion: """
            Simulated ECG with many alerts is sent to an acknowledged endpoint at the pace of the signal, to a fresh \
            daemon for each run: without a journal, with synchronous = "normal" and with "full" in turn. The time runs \
            from passing the block with the alert's decided_at_sample_index to the socket until the alert arrives. It \
            does not include the delay of the method itself (decided_at_sample_index - sample_index).

            Example:
              ecgmon evaluate latency
            """)

    @Option(
        help: ArgumentHelp(
            "Number of simultaneous streams; may be several numbers, separated by commas.", valueName: "n"))
    var streams = "20,200"

    @Option(help: ArgumentHelp("Length of signal in each run.", valueName: "seconds"))
    var seconds = 30.0

    @Option(help: ArgumentHelp("Number of runs with each kind of journal.", valueName: "n"))
    var repetitions = 3

    @Option(help: ArgumentHelp("Multiple of real speed.", valueName: "factor"))
    var speed = 1.0

    @Option(help: ArgumentHelp("Samples per block, at 360 Hz.", valueName: "n"))
    var block = 90

    @Option(help: ArgumentHelp("The daemon's program.", valueName: "file"))
    var daemon: String?

    @Option(help: ArgumentHelp("The weights.", valueName: "file"))
    var model: String?

    @OptionGroup var drawing: PlotOptions

    private var counts: [Int] { streams.split(separator: ",").compactMap { Int($0) } }

    func validate() throws {
        guard !counts.isEmpty, counts.count == streams.split(separator: ",", omittingEmptySubsequences: false).count,
            counts.allSatisfy({ (1...10_000).contains($0) })
        else { throw ValidationError("--streams takes numbers from 1 to 10000, with commas between") }
        guard seconds >= 1, seconds <= 3600 else { throw ValidationError("--seconds takes 1 to 3600") }
        guard (1...1000).contains(repetitions) else { throw ValidationError("--repetitions takes 1 to 1000") }
        guard speed > 0, speed <= 100 else { throw ValidationError("--speed takes more than 0 and at most 100") }
        guard (1...3600).contains(block) else { throw ValidationError("--block takes 1 to 3600") }
    }

    func run() throws {
        Interruption.install()
        let materials = LatencyRun.materials(seconds: seconds)
        let weights = try InstalledFiles.model(model)
        let program = daemon ?? InstalledFiles.program("ecgmond")
        var table = TextTable([
            "streams", "journal", "alerts", "median ms", "99 % ms", "largest ms", "median : none", "99 % : none",
        ])
        let runs = counts.count * repetitions * LatencyJournal.allCases.count
        let progress = TimedProgress(seconds: Double(runs) * seconds / speed, "")
        defer { withExtendedLifetime(progress) {} }
        for count in counts {
            var latencies: [LatencyJournal: [Int64]] = [:]
            for repetition in 0..<repetitions {
                // By turns, each beginning once.
                let turns = LatencyJournal.allCases.indices.map {
                    LatencyJournal.allCases[($0 + repetition) % LatencyJournal.allCases.count]
                }
                for journal in turns {
                    if Interruption.requested { throw ExitCode(Interruption.exitCode) }
                    let folder = try TemporaryDirectory()
                    let run = LatencyRun(
                        materials: materials, streams: count, block: block, seconds: seconds, speed: speed)
                    var setup = LocalDaemon.Options(programs: [program], model: weights)
                    setup.configuration = journal.configuration
                    setup.hasAcknowledgedIngest = true
                    setup.notifies = true
                    if journal != .none { setup.journal = .file("\(folder.path)/d/journal.sqlite") }
                    let outcome = try run.run(with: LocalDaemon(setup, directory: "\(folder.path)/d"))
                    for problem in outcome.problems { Terminal.note(problem) }
                    latencies[journal, default: []] += outcome.latencies
                    Terminal.note("\(count) streams, \(journal.rawValue): \(outcome.latencies.count) alerts")
                }
            }
            let reference = LatencyFigures(latencies[.none] ?? [])
            for journal in LatencyJournal.allCases {
                table.rows.append(
                    ["\(count)", journal.rawValue] + LatencyFigures(latencies[journal] ?? []).cells(against: reference))
            }
        }
        let shown = table
        print(shown.text)
        try ReportOutput.draw({ shown.text }, to: drawing.plot)
    }
}
