import ECGATKGAN
import ECGClassification
import ECGSecurity
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// The daemon as a whole: samples in over ZeroMQ, beats and alerts out.
public enum Daemon {
    public static let version = "0.1.0"

    /// Read if no other file is given and this one exists.
    public static let defaultConfigurationPath = "/etc/ecgmon/ecgmond.toml"

    /// Checks a configuration file and the key files that it names.
    /// - Throws: every mistake in the file with its line, or what is wrong with a key file.
    public static func check(configurationAt path: String) throws(StartFailure) {
        let configuration = try read(path)
        do throws(SecretFileError) {
            _ = try SecurityFiles.read(configuration)
            _ = try ClusterSettings(configuration.cluster)
        } catch {
            throw .security(error)
        }
    }

    /// Runs the daemon until SIGTERM or SIGINT has come and everything taken in is finished. SIGHUP reads the file
    /// again. To be called once in a process: it sets up the process's logging and signals.
    /// - Parameters:
    ///   - path: of the configuration file; nil: `defaultConfigurationPath`.
    ///   - overrides: have precedence over the file.
    /// - Throws: `StartFailure` if it cannot start; what ended it, otherwise.
    public static func run(configurationAt path: String?, overrides: ConfigurationOverrides) async throws {
        signal(SIGPIPE, SIG_IGN)
        // A journal that reaches a file size limit is a write error; it must not end the process.
        signal(SIGXFSZ, SIG_IGN)
        let path = path ?? (access(defaultConfigurationPath, R_OK) == 0 ? defaultConfigurationPath : nil)
        var file = try path.map(read) ?? DaemonConfiguration()
        let socketsNote = path == nil ? DefaultSockets.place(&file) : nil
        var configuration = overrides.applied(to: file)
        // The file's are checked; the command line's are not.
        if let problem = ListeningAddresses.resolve(&configuration).first {
            throw StartFailure(words: "\(problem.key): \(problem.words)", exitCode: ExitStatus.configuration)
        }
        let (logger, logWriter) = try startLogging(configuration)
        defer { logWriter.finish() }
        try await serve(
            configuration, path: path, overrides: overrides, logger: logger, logWriter: logWriter,
            socketsNote: socketsNote)
    }

    private static func read(_ path: String) throws(StartFailure) -> DaemonConfiguration {
        do throws(ConfigurationFile.Failure) {
            return try ConfigurationFile.read(path: path)
        } catch {
            throw .configuration(error)
        }
    }

    private static func startLogging(
        _ configuration: DaemonConfiguration
    ) throws(StartFailure) -> (Logger, LogWriter) {
        LogLevel.current = configuration.log.level
        if SystemdJournal.isStandardError {
            return try startLogging(SystemdJournal.self)
        }
        return try startLogging(StandardErrorLog.self)
    }

    private static func startLogging<Format: LogFormat>(
        _ format: Format.Type
    ) throws(StartFailure) -> (Logger, LogWriter) {
        let writer: LogWriter
        do throws(SystemCallError) {
            writer = try LogWriter { Format.report(dropped: $0) }
        } catch {
            throw .threads(error)
        }
        LoggingSystem.bootstrap { _ in QueuedLogHandler(format, writer: writer) }
        return (Logger(label: "ecgmond"), writer)
    }

    private static func serve(
        _ configuration: DaemonConfiguration, path: String?, overrides: ConfigurationOverrides, logger: Logger,
        logWriter: LogWriter, socketsNote: String?
    ) async throws {
        let notifier = ServiceNotifier()
        notifier.status("loading the model")
        let classifier = try loadModel(configuration, configurationFile: path)
        let security: ReloadableSecurity.State
        let cluster: ClusterSettings?
        do throws(SecretFileError) {
            security = try SecurityFiles.read(configuration)
            cluster = try ClusterSettings(configuration.cluster)
        } catch {
            throw StartFailure.security(error)
        }
        let station =
            configuration.station.enabled && StationService.obstacle(configuration) == nil
                && cluster?.role.isGateway != false
            ? StationFeed(maximumBeds: configuration.station.maximumBeds, use: cluster == nil ? .alone : .gateway) : nil
        let settings = ReloadableSettings(configuration)
        let log = PeriodicLog(logger: logger, periodSeconds: configuration.log.periodSeconds)
        let context = DaemonContext(
            settings: settings, security: ReloadableSecurity(security),
            metrics: DaemonMetrics(logDropped: logWriter.dropped), log: log, logger: logger, logWriter: logWriter,
            sameHeartbeat: SameHeartbeatWatch(settings: settings, log: log), station: station)
        let state = DaemonState(watchdogInterval: notifier.watchdogInterval)
        let pipeline: Pipeline
        do throws(SystemCallError) {
            pipeline = try Pipeline(classifier: classifier, cluster: cluster, context: context)
        } catch {
            throw StartFailure.threads(error)
        }
        let endpoints = try pipeline.start()
        let stationService: StationService
        do {
            stationService = try await StationService(pipeline: pipeline)
        } catch {
            pipeline.stop()
            throw error
        }
        if let socketsNote {
            var metadata: Logger.Metadata = ["sockets": "\(socketsNote)"]
            if pipeline.journal == nil {
                metadata["journal"] = "none, so nothing is kept when the daemon ends; --journal FILE keeps one"
            }
            logger.notice("no configuration file: the defaults hold", metadata: metadata)
        }
        state.didLook()
        let listening = AsyncStream<UInt16>.makeStream()
        let supervision = SupervisionService(
            pipeline: pipeline, state: state, notifier: notifier, endpoints: endpoints,
            reloader: ConfigurationReloader(path: path, overrides: overrides, context: context),
            httpListening: listening.stream, httpEnabled: configuration.http.enabled,
            stationAddress: stationService.address)
        let http = HTTPService(
            settings: configuration.http, pipeline: pipeline, state: state, listening: listening.continuation)
        let finishing = PipelineService(pipeline: pipeline, state: state, notifier: notifier)
        // They are asked to stop in the opposite order: the pages and the watchdog go on while the pipeline finishes.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: supervision, successTerminationBehavior: .ignore),
                    .init(service: http, successTerminationBehavior: .ignore),
                    .init(service: stationService, successTerminationBehavior: .ignore),
                    .init(service: finishing, successTerminationBehavior: .ignore),
                ], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)))
        do {
            try await group.run()
        } catch {
            pipeline.stop()
            throw error
        }
        logger.info("ended")
    }

    /// The service group logs each of its steps, which is more than an operator wants to know.
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
}
