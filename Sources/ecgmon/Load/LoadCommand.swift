import ArgumentParser
import DaemonEvaluation
import DaemonHarness
import ECGEvaluation
import ECGReplay
import FoundationEssentials
import Glibc
import ToolSupport

/// `ecgmon load`: how many beds a daemon serves.
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Send the ECG of many beds to a daemon in real time, and measure how it copes.",
        discussion: """
            Each stream sends a WFDB record over and over, from a place of its own. The daemon is one of its own, with \
            a journal and the configuration as shipped, unless --ingest and --events name another.

            A latency runs from when the block with the event's last needed sample was complete until the event is at \
            a subscriber. The bare round trip through ZeroMQ, measured beside it, is the floor. The daemon kept up if \
            it refused no block, missed no sample and lost no event, had taken all samples a second after the last, \
            and 99 % of the beats came within --limit.

            Examples:
              ecgmon load --streams 1000
              ecgmon load --find --seconds 30
              ecgmon load --streams 1,10,100,1000 --plot load.svg
              ecgmon load --streams 100 --ingest tcp://127.0.0.1:5570 --events tcp://127.0.0.1:5572
            """)

    @Argument(help: "Paths of WFDB records without extension; the streams send them by turns.")
    var records: [String] = ["Fixtures/208s"]

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of beds; several numbers, separated by commas: one run each; with --find, the first number.",
            valueName: "n"))
    var streams = "100"

    @Flag(help: "Find the highest number of beds that the daemon serves, within 5 %.")
    var find = false

    @Option(help: ArgumentHelp("With --find, no more than this.", valueName: "n"))
    var maximum = 20_000

    @Option(help: ArgumentHelp("Time that is measured.", valueName: "seconds"))
    var seconds = 30.0

    @Option(help: ArgumentHelp("Time before it, in which the monitors learn.", valueName: "seconds"))
    var warmUp = 20.0

    @Option(help: ArgumentHelp("With several numbers, a file for the curves, as SVG.", valueName: "file"))
    var plot: String?

    @Option(help: ArgumentHelp("Length of a block.", valueName: "seconds"))
    var block = 0.1

    @Option(help: ArgumentHelp("99 % of the beats must come within this time.", valueName: "ms"))
    var limit = 250.0

    @Option(help: "Lead of the records, by name or number from 0, or all.")
    var lead: String?

    @Option(help: ArgumentHelp("Another daemon's ingest endpoint.", valueName: "endpoint"))
    var ingest: String?

    @Option(help: ArgumentHelp("Its events endpoint.", valueName: "endpoint"))
    var events: String?

    @Option(help: ArgumentHelp("Port of its pages, to count what it refused.", valueName: "port"))
    var httpPort: UInt16?

    @Option(help: ArgumentHelp("Its process, for processor time and memory.", valueName: "pid"))
    var process: Int32?

    @OptionGroup var keyOptions: KeyOptions

    @Flag(inversion: .prefixedNo, help: "Whether the daemon of its own keeps a journal.")
    var journal = true

    @Option(help: ArgumentHelp("Configuration file of the daemon of its own.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The daemon's program.", valueName: "file"))
    var daemon: String?

    @Option(help: ArgumentHelp("The weights.", valueName: "file"))
    var model: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !records.isEmpty else { throw ValidationError("name a record") }
        guard !counts.isEmpty, counts.count == streams.split(separator: ",", omittingEmptySubsequences: false).count,
            counts.allSatisfy({ (1...100_000).contains($0) })
        else { throw ValidationError("--streams takes numbers from 1 to 100000, with commas between") }
        guard !find || counts.count == 1 else { throw ValidationError("--find takes one number with --streams") }
        guard plot == nil || counts.count > 1 && !find else {
            throw ValidationError("--plot needs several numbers with --streams")
        }
        guard (1...100_000).contains(maximum) else { throw ValidationError("--maximum takes 1 to 100000") }
        guard seconds >= 1, seconds <= 86_400 else { throw ValidationError("--seconds takes 1 to 86400") }
        guard warmUp >= 0, warmUp <= 3_600 else { throw ValidationError("--warm-up takes 0 to 3600") }
        guard block >= 0.01, block <= 10 else { throw ValidationError("--block takes 0.01 to 10") }
        guard limit > 0, limit <= 60_000 else { throw ValidationError("--limit takes more than 0 and at most 60000") }
        guard (ingest == nil) == (events == nil) else { throw ValidationError("--ingest and --events belong together") }
        guard ingest != nil || (httpPort == nil && process == nil && keyOptions.key == nil) else {
            throw ValidationError("--http-port, --process and keys are for a daemon that --ingest names")
        }
    }

    private var counts: [Int] { streams.split(separator: ",").compactMap { Int($0) } }

    func run() throws {
        Interruption.install()
        var sources: [LoadSource] = []
        for record in records {
            let path = record == "Fixtures/208s" ? (InstalledFiles.find("\(record).hea") ?? record) : record
            sources.append(
                try LoadSource(try ReplayMaterial(recordPath: path, lead: lead), blockSeconds: block))
        }
        guard find else {
            if counts.count > 1 { return try drawCurve(sources) }
            let figures = try measure(sources, streams: counts[0])
            try ReportOutput.show(figures, json: json, text: LoadText.text(figures))
            if !figures.keptUp { throw ExitCode(1) }
            return
        }
        var search = LoadSearch(start: counts[0], maximum: maximum)
        var tried: [LoadFigures] = []
        while let number = search.number {
            let figures = try measure(sources, streams: number)
            tried.append(figures)
            Terminal.note(LoadText.line(figures))
            let used = figures.daemon_cores.map { $0 + figures.load_cores }
            search.note(
                keptUp: figures.keptUp,
                cores: used.map { ($0, Double(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) })
        }
        let best = tried.last { $0.beds == search.served && $0.keptUp }
        try ReportOutput.show(
            FoundLoad(beds_served: search.served, at_that_number: best, runs: tried), json: json,
            text: (best.map { LoadText.text($0) + "\n\n" } ?? "") + "beds served: \(search.served)")
        if best == nil { throw ExitCode(1) }
    }

    private struct FoundLoad: Encodable {
        var beds_served: Int
        var at_that_number: LoadFigures?
        var runs: [LoadFigures]
    }

    /// One run for each number of beds.
    private func drawCurve(_ sources: [LoadSource]) throws {
        var all: [LoadFigures] = []
        for count in counts {
            all.append(try measure(sources, streams: count))
            Terminal.note(LoadText.line(all[all.count - 1]))
        }
        if let plot {
            do {
                try LineChart.svg(LoadText.charts(all)).write(toFile: plot, atomically: true, encoding: .utf8)
            } catch {
                throw ToolError("\(printable(plot)) cannot be written", nextStep: "Name a file in a folder that exists")
            }
        }
        try ReportOutput.show(all, json: json, text: LoadText.table(all))
    }

    /// One run, with a fresh daemon if it is one of its own.
    private func measure(_ sources: [LoadSource], streams: Int) throws -> LoadFigures {
        let plan = LoadPlan(sources: sources, streams: streams, session: UInt64(wallClockNanoseconds()))
        let load = LoadRun(
            plan: plan, warmUpSeconds: warmUp, seconds: seconds, limitMilliseconds: limit,
            keys: try keyOptions.load())
        let folder = try TemporaryDirectory()
        var figures: LoadFigures
        let progress = TimedProgress(seconds: warmUp + seconds, "\(streams) beds")
        defer { withExtendedLifetime(progress) {} }
        if let ingest, let events {
            let target = LoadRun.Target(ingest: ingest, events: events, httpPort: httpPort, process: process)
            figures = try load.run(at: target, directory: folder.path)
        } else {
            figures = try withOwnDaemon(folder.path) { try load.run(at: $0, directory: folder.path) }
        }
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
        return figures
    }

    private func withOwnDaemon(
        _ folder: String, _ body: (LoadRun.Target) throws -> LoadFigures
    ) throws -> LoadFigures {
        var setup = LocalDaemon.Options(
            programs: [daemon ?? InstalledFiles.program("ecgmond")], model: try InstalledFiles.model(model))
        if let config { setup.configuration = try ownConfiguration(config) }
        let file = "\(folder)/journal.sqlite"
        if journal { setup.journal = .file(file) }
        setup.servesPages = true
        setup.notifies = true
        let daemon = try LocalDaemon(setup, directory: folder)
        try daemon.start()
        defer { daemon.end(SIGTERM) }
        let isReady = daemon.waitUntilReady()
        // Its log is written by a thread of its own, a little later.
        var port = daemon.httpPort
        for _ in 0..<200 where isReady && port == nil && !daemon.hasEnded {
            usleep(20_000)
            port = daemon.httpPort
        }
        guard isReady, let process = daemon.processID, let port else {
            throw ToolError("the daemon does not start: \(daemon.lastLogLine)", nextStep: "See its log")
        }
        return try body(
            LoadRun.Target(
                ingest: daemon.endpoints.ingest, events: daemon.endpoints.events, httpPort: port, process: process,
                journal: journal ? file : ""))
    }

    private func ownConfiguration(_ path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw ToolError("\(printable(path)) cannot be read", nextStep: "Give a configuration file of ecgmond")
        }
    }
}
