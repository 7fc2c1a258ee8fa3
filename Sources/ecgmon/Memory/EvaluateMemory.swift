import ArgumentParser
import DaemonEvaluation
import DaemonHarness
import ECGEvaluation
import FoundationEssentials
import ToolSupport

/// `ecgmon evaluate memory`: what a daemon has of the machine's memory over a simulated week.
struct EvaluateMemory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Run a daemon on a ward for a simulated week and check whether its memory grows.",
        discussion: """
            Of each simulated hour only a part is sent, with the sample indices and times of the whole, so the daemon \
            sees gaps of known extent; some streams are sent without gaps. Patients come and go, sessions restart with \
            other rates, leads are off, and blocks are repeated, out of order or invalid. Half of the streams go to \
            the acknowledged endpoint. One subscriber uses the history, one is slow, one never reads, others come and \
            go; commands, history queries and /metrics are requested all the time. The journal's limits are scaled to \
            the length of the run, so that it deletes as much as it writes. Memory is read from /proc; the median of \
            the last simulated day may exceed that of the second by at most --tolerance for each day between.

            Example:
              ecgmon evaluate memory --streams 400 --days 3 --minutes 5
            """)

    @Option(help: ArgumentHelp("Number of streams at a time.", valueName: "n"))
    var streams = 1000

    @Option(help: ArgumentHelp("Simulated days, 3 to 365.", valueName: "n"))
    var days = 7

    @Option(
        help: ArgumentHelp(
            "Seconds sent of each simulated hour, 1 to 180; 20 times as many for one stream in twenty.",
            valueName: "seconds"))
    var heard = 8

    @Option(help: ArgumentHelp("Number of streams that are sent without gaps.", valueName: "n"))
    var whole = 1

    @Option(help: ArgumentHelp("Minimum duration of the run.", valueName: "minutes"))
    var minutes = 45.0

    @Option(help: ArgumentHelp("Growth that is tolerated.", valueName: "MB/day"))
    var tolerance = 1.0

    @Option(help: ArgumentHelp("Seed for what happens to the patients.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("The daemon's program; default: the one next to this program.", valueName: "file"))
    var daemon: String?

    @Option(help: ArgumentHelp("Threads of the daemon that process streams.", valueName: "n"))
    var workers = 1

    @Option(help: ArgumentHelp("A file for the curves of memory and journal, as SVG.", valueName: "file"))
    var plot: String?

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
        let configuration = MemoryRun.configuration(streams: streams, days: days, minutes: minutes, workers: workers)
        var setup = LocalDaemon.Options(
            programs: [self.daemon ?? InstalledFiles.program("ecgmond")], model: try InstalledFiles.model(model))
        setup.configuration = configuration(0)
        setup.journal = .file("\(folder.path)/journal.sqlite")
        setup.hasAcknowledgedIngest = true
        setup.servesPages = true
        let daemon = try LocalDaemon(setup, directory: folder.path)
        var run = MemoryRun(
            ward: SimulatedWard(
                streams: streams, whole: whole, heardSeconds: heard, seed: seed,
                startNanoseconds: wallClockNanoseconds() - Int64(days) * 86_400_000_000_000),
            hours: days * 24, seconds: minutes * 60, configuration: configuration)
        let progress = ProgressLine(total: 1)
        defer { progress.end() }
        run.progress = { progress.advance($0) }
        let terminal = Terminal()
        terminal.line(MemoryTable.heading)
        let outcome = try run.run(with: daemon) { day in
            progress.end()
            Terminal().line(MemoryTable.line(day))
        }
        progress.end()
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
        if let plot {
            do {
                try LineChart.svg(charts(outcome.readings)).write(toFile: plot, atomically: true, encoding: .utf8)
            } catch {
                throw ToolError("\(printable(plot)) cannot be written", nextStep: "Name a file in a folder that exists")
            }
        }
        let verdict = MemoryVerdict(outcome, tolerance: tolerance)
        for line in verdict.lines { terminal.line(line) }
        guard verdict.isGood else { throw ExitCode(1) }
    }

    /// Hour by hour, as many points as can be told apart.
    private func charts(_ readings: [ProcessReading]) -> [LineChart] {
        let step = max(1, readings.count / 168)
        let shown = stride(from: 0, to: readings.count, by: step).map { readings[$0] }
        func line(_ name: String, _ value: (ProcessReading) -> Int) -> LineChart.Line {
            LineChart.Line(name, shown.map { ($0.hour / 24, Double(value($0)) / 1e6) })
        }
        return [
            LineChart(
                title: "Memory of the daemon, \(streams) streams, MB", xTitle: "simulated days",
                lines: [line("resident") { $0.resident }, line("anonymous") { $0.anonymous }], isLogarithmic: false),
            LineChart(
                title: "Journal, MB", xTitle: "simulated days", lines: [line("journal") { $0.journal }],
                isLogarithmic: false),
        ]
    }
}
