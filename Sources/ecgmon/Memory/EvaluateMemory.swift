import ArgumentParser
import DaemonEvaluation
import DaemonHarness
import ToolSupport

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
        let configuration = MemoryRun.configuration(streams: streams, days: days, minutes: minutes, workers: workers)
        var setup = LocalDaemon.Options(
            programs: [self.daemon ?? InstalledFiles.program("ecgmond")], model: try InstalledFiles.model(model))
        setup.configuration = configuration(0)
        setup.journal = .file("\(folder.path)/journal.sqlite")
        setup.hasAcknowledgedIngest = true
        setup.servesPages = true
        let daemon = try LocalDaemon(setup, directory: folder.path)
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
}
