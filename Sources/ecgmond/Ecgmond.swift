import ArgumentParser
import Glibc
import MonitorDaemon

/// The daemon's command line.
@main
struct Ecgmond: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ecgmond",
        abstract: "Monitors ECG in real time: receives samples over ZeroMQ and publishes beats and alerts.",
        discussion: """
            Options override the configuration file. Without --config, \(defaultConfigurationPath) is read if it
            exists. SIGHUP reloads the file. SIGTERM processes what has been received, then ends the program. \
            `ecgmon doctor` says whether it could start.

            Examples:
              ecgmond
              ecgmond --config /etc/ecgmon/ecgmond.toml
              ecgmond --check-config /etc/ecgmon/ecgmond.toml
              ecgmond --journal "$PWD/journal.sqlite" --http-port 0
            """,
        version: Daemon.version)

    private static let defaultConfigurationPath = Daemon.defaultConfigurationPath

    @Option(help: ArgumentHelp("Configuration file (TOML).", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Check a configuration file, list its mistakes by line, and exit.", valueName: "file"))
    var checkConfig: String?

    @Option(help: ArgumentHelp("Endpoint that receives samples; repeatable.", valueName: "endpoint"))
    var ingest: [String] = []

    @Option(help: ArgumentHelp("Endpoint that publishes events; repeatable.", valueName: "endpoint"))
    var events: [String] = []

    @Option(help: ArgumentHelp("Endpoint that receives commands; repeatable.", valueName: "endpoint"))
    var commands: [String] = []

    @Option(
        help: ArgumentHelp(
            "Endpoint that receives acknowledged samples; repeatable. None if only --ingest is given.",
            valueName: "endpoint"))
    var ingestAcknowledged: [String] = []

    @Option(
        help: ArgumentHelp(
            "Endpoint that answers history requests; repeatable. None if only --events is given.",
            valueName: "endpoint"))
    var history: [String] = []

    @Option(help: ArgumentHelp("Journal file.", valueName: "file"))
    var journal: String?

    @Flag(name: .customLong("no-journal"), help: "Keep no journal.")
    var noJournal = false

    @Option(help: "Encoding of published events: json or binary.")
    var encoding: String?

    @Option(help: ArgumentHelp("Weights of the classifier (safetensors, its model card beside it).", valueName: "file"))
    var model: String?

    @Option(help: "Port of the HTTP pages; 0 chooses a free one and logs it.")
    var httpPort: Int?

    @Flag(name: .customLong("no-http"), help: "Do not serve HTTP pages.")
    var noHTTP = false

    @Option(help: "Port of the central station; 0 chooses a free one and logs it.")
    var stationPort: Int?

    @Flag(name: .customLong("no-station"), help: "Do not serve the central station.")
    var noStation = false

    @Option(help: "Worker threads; 0 means one per processor.")
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
        overrides.stationPort = stationPort
        overrides.noStation = noStation
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
