import ArgumentParser
import ECGATKGAN
import ECGSecurity
import ECGWire
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

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
        version: DaemonVersion.text)

    static let defaultConfigurationPath = "/etc/ecgmon/ecgmond.toml"

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

    func validate() throws {
        for endpoint in ingest {
            if let words = Endpoint.problem(with: endpoint) { throw ValidationError("--ingest \(words)") }
        }
        for endpoint in events {
            if let words = Endpoint.problem(with: endpoint) { throw ValidationError("--events \(words)") }
        }
        for endpoint in commands {
            if let words = Endpoint.problem(with: endpoint) { throw ValidationError("--commands \(words)") }
        }
        for endpoint in ingestAcknowledged {
            if let words = Endpoint.problem(with: endpoint) { throw ValidationError("--ingest-acknowledged \(words)") }
        }
        for endpoint in history {
            if let words = Endpoint.problem(with: endpoint) { throw ValidationError("--history \(words)") }
        }
        if let encoding, BodyEncoding(rawValue: encoding) == nil {
            throw ValidationError("--encoding must be json or binary, not \"\(encoding)\"")
        }
        if let httpPort, !(0...65_535).contains(httpPort) {
            throw ValidationError("--http-port must be from 0 to 65535, not \(httpPort)")
        }
        if let workers, !(0...256).contains(workers) {
            throw ValidationError("--workers must be from 0 to 256, not \(workers)")
        }
        if let logLevel, Logger.Level(rawValue: logLevel) == nil {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--log-level must be one of \(levels), not \"\(logLevel)\"")
        }
    }

    func run() async throws {
        do {
            if let checkConfig {
                try check(checkConfig)
            } else {
                try await serve()
            }
        } catch let failure as StartFailure {
            Self.say((failure.namesFile ? "" : "ecgmond: ") + failure.words)
            throw ExitCode(failure.exitCode)
        }
    }

    private func check(_ path: String) throws(StartFailure) {
        let configuration: DaemonConfiguration
        do throws(ConfigurationFile.Failure) {
            configuration = try ConfigurationFile.read(path: path)
        } catch {
            throw .configuration(error)
        }
        do throws(SecretFileError) {
            _ = try SecurityFiles.read(configuration)
        } catch {
            throw .security(error)
        }
        print("\(path): ok")
    }

    private func serve() async throws {
        signal(SIGPIPE, SIG_IGN)
        // A journal at its size limit is an error of writing, not the end.
        signal(SIGXFSZ, SIG_IGN)
        let path = config ?? (access(Self.defaultConfigurationPath, R_OK) == 0 ? Self.defaultConfigurationPath : nil)
        var overrides = ConfigurationOverrides(
            ingest: ingest, events: events, commands: commands, encoding: encoding, model: model, httpPort: httpPort,
            noHTTP: noHTTP,
            workers: workers, logLevel: logLevel.flatMap { Logger.Level(rawValue: $0) })
        overrides.acknowledged = ingestAcknowledged
        overrides.history = history
        overrides.journal = noJournal ? "" : journal.map(Self.absolute)
        let configuration = overrides.applied(to: try readConfiguration(path))
        try refuseUnencrypted(configuration)
        let logger = Self.startLogging(configuration)
        try await Self.watch(configuration, path: path, overrides: overrides, logger: logger)
    }

    /// On a command line a path is meant from where one stands.
    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return "\(String(cString: directory))/\(path)"
    }

    private func readConfiguration(_ path: String?) throws(StartFailure) -> DaemonConfiguration {
        guard let path else { return DaemonConfiguration() }
        do throws(ConfigurationFile.Failure) {
            return try ConfigurationFile.read(path: path)
        } catch {
            throw .configuration(error)
        }
    }

    private func refuseUnencrypted(_ configuration: DaemonConfiguration) throws(StartFailure) {
        guard !SecurityFiles.isEnabled(configuration.security) else { return }
        for endpoint in configuration.ingest.endpoints + configuration.events.endpoints
            + configuration.commands.endpoints + configuration.ingest.acknowledgedEndpoints
            + configuration.history.endpoints
        where !Endpoint.isLocal(endpoint) {
            throw StartFailure(
                words: ConfigurationFile.unencryptedWords(endpoint), exitCode: ExitStatus.configuration)
        }
    }

    private static func startLogging(_ configuration: DaemonConfiguration) -> Logger {
        LogLevel.current = configuration.log.level
        if JournalLogHandler.isStandardErrorTheJournal {
            LoggingSystem.bootstrap { JournalLogHandler(label: $0) }
        } else {
            LoggingSystem.bootstrap { StandardErrorLogHandler(label: $0) }
        }
        return Logger(label: "ecgmond")
    }

    private static func watch(
        _ configuration: DaemonConfiguration, path: String?, overrides: ConfigurationOverrides, logger: Logger
    ) async throws {
        let notifier = ServiceNotifier()
        notifier.status("loading the model")
        let classifier = try loadModel(configuration, configurationFile: path)
        let live = LiveSettings(configuration)
        let security: LiveSecurity
        do throws(SecretFileError) {
            security = LiveSecurity(try SecurityFiles.read(configuration))
        } catch {
            throw StartFailure.security(error)
        }
        let metrics = DaemonMetrics()
        let log = PeriodicLog(logger: logger, periodSeconds: configuration.log.periodSeconds)
        let state = DaemonState()
        let pipeline: Pipeline
        do throws(SystemCallError) {
            pipeline = try Pipeline(
                configuration: configuration, live: live, classifier: classifier, security: security,
                metrics: metrics, log: log, logger: logger)
        } catch {
            throw StartFailure.threads(error)
        }
        let endpoints = try pipeline.start()
        let listening = AsyncStream<UInt16>.makeStream()
        let supervision = SupervisionService(
            pipeline: pipeline, state: state, notifier: notifier, endpoints: endpoints,
            reloader: ConfigurationReloader(
                path: path, overrides: overrides, live: live, security: security, log: log, metrics: metrics,
                logger: logger),
            logger: logger, httpListening: listening.stream,
            httpEnabled: configuration.http.enabled)
        let http = HTTPService(
            settings: configuration.http, pipeline: pipeline, security: security, state: state,
            listening: listening.continuation)
        let watching = PipelineService(
            pipeline: pipeline, state: state, notifier: notifier, live: live, logger: logger)
        // They are asked to stop in the opposite order: the pages and the watchdog go on while the pipeline finishes.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: supervision, successTerminationBehavior: .ignore),
                    .init(service: http, successTerminationBehavior: .ignore),
                    .init(service: watching, successTerminationBehavior: .ignore),
                ], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)))
        do {
            try await group.run()
        } catch {
            pipeline.stop()
            throw error
        }
        logger.info("ended")
    }

    /// The service group tells of each of its steps, which is more than an operator wants to know.
    private static func quiet(_ logger: Logger) -> Logger {
        Logger(label: logger.label) { _ in SwiftLogNoOpLogHandler() }
    }

    private static func loadModel(
        _ configuration: DaemonConfiguration, configurationFile: String?
    ) throws(StartFailure) -> BeatClassifier {
        let path = ModelLocation.resolve(
            configuration.model.path, configurationFile: configurationFile, executable: ModelLocation.executable)
        do throws(ModelError) {
            return try BeatClassifier(contentsOf: path)
        } catch {
            throw .model(path: path, "\(error)")
        }
    }

    private static func say(_ words: String) {
        var line = words + "\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
