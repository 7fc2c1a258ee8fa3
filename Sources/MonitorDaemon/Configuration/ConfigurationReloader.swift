import ECGSecurity
import ECGWire
import Logging

/// Reads the configuration file and the key files again. If there is a mistake in one, nothing changes.
struct ConfigurationReloader: Sendable {
    /// nil: the daemon was started without a file.
    let path: String?
    /// They have precedence over the file, now as at the start.
    let overrides: ConfigurationOverrides
    let context: DaemonContext

    func reload() {
        let (settings, security, logger) = (context.settings, context.security, context.logger)
        guard let path else {
            logger.warning("nothing to read again: the daemon was started without a configuration file")
            return
        }
        var new: DaemonConfiguration
        do throws(ConfigurationFile.Failure) {
            new = overrides.applied(to: try ConfigurationFile.read(path: path))
        } catch {
            context.metrics.reloads.add(for: .failed)
            for line in error.description.split(separator: "\n") { logger.error("\(line)") }
            logger.error("the configuration stays as it was", metadata: ["file": "\(path)"])
            return
        }
        // Endpoints need a restart: those of the command line are as they were resolved at the start.
        overrides.keepEndpoints(of: settings.current, in: &new)
        let keys: ReloadableSecurity.State
        do throws(SecretFileError) {
            // Where the files lie, and whether keys are asked for, is as it was when the daemon started.
            var places = new
            places.security = settings.current.security
            places.http.tokenFile = settings.current.http.tokenFile
            places.station = settings.current.station
            keys = try SecurityFiles.read(places)
        } catch {
            context.metrics.reloads.add(for: .failed)
            logger.error("\(error)")
            logger.error("the configuration and the keys stay as they were", metadata: ["file": "\(path)"])
            return
        }
        let changedKeys = security.replaceReportingChanges(by: keys)
        if !changedKeys.isEmpty { logger.notice("keys read again", metadata: ["changed": "\(changedKeys)"]) }
        let old = settings.current
        let changed = ConfigurationSchema.differences(old, new)
        var merged = new
        // What needs a restart stays as it is, in the daemon's own view too.
        merged.keepRestartOnlyValues(of: old)
        settings.replace(by: merged)
        LogLevel.current = merged.log.level
        context.log.setPeriod(seconds: merged.log.periodSeconds)
        context.metrics.reloads.add(for: .ok)
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
