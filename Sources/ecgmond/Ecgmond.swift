import ArgumentParser
import Glibc
import MonitorDaemon

/// The daemon's command line.
@main
struct Ecgmond: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ecgmond",
        abstract: "Watches ECG in real time: samples in over ZeroMQ, beats and alerts out.",
        discussion: """
            Options go before what the configuration file says. Without --config, \(defaultConfigurationPath) is read if
            there is one. SIGHUP reads the file again, SIGTERM finishes what has been taken in and ends.
            """,
        version: Daemon.version)

    private static let defaultConfigurationPath = Daemon.defaultConfigurationPath

    @Option(help: ArgumentHelp("Configuration file (TOML).", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Say whether a file is right, or its mistakes by line, and end.", valueName: "file"))
    var checkConfig: String?

    @Option(help: ArgumentHelp("Endpoint to take samples on; may be given several times.", valueName: "endpoint"))
    var ingest: [String] = []

    @Option(help: ArgumentHelp("Endpoint to publish events on; may be given several times.", valueName: "endpoint"))
    var events: [String] = []

    @Option(help: ArgumentHelp("Endpoint to take commands on; may be given several times.", valueName: "endpoint"))
    var commands: [String] = []

    @Option(
        help: ArgumentHelp(
            "Endpoint to take acknowledged samples on; may be given several times. With --ingest only: none.",
            valueName: "endpoint"))
    var ingestAcknowledged: [String] = []

    @Option(
        help: ArgumentHelp(
            "Endpoint to answer for the past on; may be given several times. With --events only: none.",
            valueName: "endpoint"))
    var history: [String] = []

    @Option(help: ArgumentHelp("The journal's file.", valueName: "file"))
    var journal: String?

    @Flag(name: .customLong("no-journal"), help: "Keep no journal.")
    var noJournal = false

    @Option(help: "How events are written: json or binary.")
    var encoding: String?

    @Option(help: ArgumentHelp("Weights of the classifier (safetensors, its model card beside it).", valueName: "file"))
    var model: String?

    @Option(help: "Port of the http pages; 0: any that is free, told in the log.")
    var httpPort: Int?

    @Flag(name: .customLong("no-http"), help: "Serve no http pages.")
    var noHTTP = false

    @Option(help: "Worker threads; 0: one for each processor.")
    var workers: Int?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    private var overrides: ConfigurationOverrides {
        var overrides = ConfigurationOverrides()
        overrides.ingest = ingest
        overrides.events = events
        overrides.commands = commands
        overrides.acknowledged = ingestAcknowledged
        overrides.history = history
        overrides.journal = journal
        overrides.noJournal = noJournal
        overrides.encoding = encoding
        overrides.model = model
        overrides.httpPort = httpPort
        overrides.noHTTP = noHTTP
        overrides.workers = workers
        overrides.logLevel = logLevel
        return overrides
    }

    func validate() throws {
        if let problem = overrides.problem { throw ValidationError(problem) }
    }

    func run() async throws {
        do {
            if let checkConfig {
                try Daemon.check(configurationAt: checkConfig)
                print("\(checkConfig): ok")
            } else {
                try await Daemon.run(configurationAt: config, overrides: overrides)
            }
        } catch let failure as StartFailure {
            OutputFile.writeLastWords((failure.namesFile ? "" : "ecgmond: ") + failure.words + "\n")
            throw ExitCode(failure.exitCode)
        }
    }
}
