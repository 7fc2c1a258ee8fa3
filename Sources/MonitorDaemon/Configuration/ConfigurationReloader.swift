import ECGSecurity
import ECGWire
import Logging

/// Reads the configuration file again. A file with mistakes changes nothing.
struct ConfigurationReloader: Sendable {
    /// nil: the daemon was started without a file.
    let path: String?
    /// What the command line says goes before what the file says, then as now.
    let overrides: ConfigurationOverrides
    let live: LiveSettings
    let security: LiveSecurity
    let log: PeriodicLog
    let metrics: DaemonMetrics
    let logger: Logger

    func reload() {
        guard let path else {
            logger.warning("nothing to read again: the daemon was started without a configuration file")
            return
        }
        let new: DaemonConfiguration
        do throws(ConfigurationFile.Failure) {
            new = overrides.applied(to: try ConfigurationFile.read(path: path))
        } catch {
            metrics.reloads.add(for: .failed)
            for line in error.description.split(separator: "\n") { logger.error("\(line)") }
            logger.error("the configuration stays as it was", metadata: ["file": "\(path)"])
            return
        }
        let keys: LiveSecurity.State
        do throws(SecretFileError) {
            // Where the files lie, and whether keys are asked for, is as it was when the daemon started.
            var places = new
            places.security = live.current.security
            places.http.tokenFile = live.current.http.tokenFile
            keys = try SecurityFiles.read(places)
        } catch {
            metrics.reloads.add(for: .failed)
            logger.error("\(error)")
            logger.error("the configuration and the keys stay as they were", metadata: ["file": "\(path)"])
            return
        }
        let changedKeys = security.replaceTellingChanges(by: keys)
        if !changedKeys.isEmpty { logger.notice("keys read again", metadata: ["changed": "\(changedKeys)"]) }
        let old = live.current
        let changed = ConfigurationSchema.differences(old, new)
        var merged = new
        // What needs a restart stays as it is, in the daemon's own view too.
        merged.keepRestartOnlyValues(of: old)
        live.replace(by: merged)
        LogLevel.current = merged.log.level
        log.setPeriod(seconds: merged.log.periodSeconds)
        metrics.reloads.add(for: .ok)
        logger.notice(
            "configuration read again",
            metadata: [
                "file": "\(path)", "changed": "\(Self.names(changed.filter { $0.reload != .restart }))",
                "wards": "\(merged.wards.count)", "patients": "\(merged.patients.count)",
            ])
        let later = changed.filter { $0.reload == .restart }
        if !later.isEmpty {
            logger.warning("takes effect when the daemon is started again", metadata: ["keys": "\(Self.names(later))"])
        }
        let fresh = changed.filter { $0.reload == .newStreams }
        if !fresh.isEmpty {
            logger.notice("takes effect for streams that begin now", metadata: ["keys": "\(Self.names(fresh))"])
        }
    }

    private static func names(_ keys: [ConfigurationKey]) -> String {
        keys.isEmpty ? "nothing" : keys.map(\.fullName).joined(separator: " ")
    }
}

/// What the command line sets.
struct ConfigurationOverrides: Sendable, Equatable {
    var ingest: [String] = []
    var events: [String] = []
    var commands: [String] = []
    var acknowledged: [String] = []
    var history: [String] = []
    /// Empty: none.
    var journal: String?
    var encoding: String?
    var model: String?
    var httpPort: Int?
    var noHTTP = false
    var workers: Int?
    var logLevel: Logger.Level?

    func applied(to configuration: DaemonConfiguration) -> DaemonConfiguration {
        var result = configuration
        // Who moves one of a pair of endpoints does not want the other where it usually is.
        if !ingest.isEmpty || !acknowledged.isEmpty { result.ingest.acknowledgedEndpoints = acknowledged }
        if !events.isEmpty || !history.isEmpty { result.history.endpoints = history }
        if !ingest.isEmpty { result.ingest.endpoints = ingest }
        if !events.isEmpty { result.events.endpoints = events }
        if let journal { result.journal.path = journal }
        if !commands.isEmpty { result.commands.endpoints = commands }
        if let encoding = encoding.flatMap({ BodyEncoding(rawValue: $0) }) { result.events.encoding = encoding }
        if let model { result.model.path = model }
        if let httpPort { result.http.port = httpPort }
        if noHTTP { result.http.enabled = false }
        if let workers { result.workers.count = workers }
        if let logLevel { result.log.level = logLevel }
        return result
    }
}

extension DaemonConfiguration {
    fileprivate mutating func keepRestartOnlyValues(of old: DaemonConfiguration) {
        let new = self
        self = old
        // Everything that may change while the daemon runs, by the same rule as in `ConfigurationSchema`.
        for key in ConfigurationSchema.keys where key.reload != .restart { key.copy(new, &self) }
        wards = new.wards
        patients = new.patients
    }
}
