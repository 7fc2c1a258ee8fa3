import ECGSecurity
import Glibc

extension Doctor {
    private static let soon: Int64 = 30 * 86_400

    /// Keys, the table of keys, and tokens.
    func keys() -> [Finding] {
        let state: ReloadableSecurity.State
        do throws(SecretFileError) {
            state = try SecurityFiles.read(configuration)
        } catch {
            let place = error.line > 0 ? "\(error.path):\(error.line)" : error.path
            return [.problem("keys", "\(place): \(error.reason)", next: error.nextStep)]
        }
        var findings = unreadableForService()
        guard state.isEnabled else {
            findings.append(.ok("keys", "none: only this machine can connect, and whoever can may do everything"))
            return findings + station()
        }
        let entries = state.permissions.keys
        let now = AccessControl.now
        if entries.isEmpty {
            findings.append(
                .warning(
                    "keys", "the table of keys is empty: nobody can connect",
                    next: "ecgmon keys authorize \(configuration.security.authorizedKeys) NAME KEY.pub --push \"bed-*\""
                ))
        }
        for entry in entries {
            guard let expires = entry.expires, expires - now < Self.soon else { continue }
            findings.append(
                expires <= now
                    ? .warning("keys", "the key \(entry.name) has expired", next: "revoke it, or authorize it anew")
                    : .warning(
                        "keys", "the key \(entry.name) expires in \((expires - now) / 86_400) days",
                        next: "authorize its successor before that"))
        }
        if findings.isEmpty { findings.append(.ok("keys", "a server key, \(entries.count) keys in the table")) }
        return findings + station()
    }

    /// Files that root can read and the service cannot.
    private func unreadableForService() -> [Finding] {
        guard geteuid() == 0, let user = Self.serviceUser else { return [] }
        let paths = [
            configuration.security.serverKey, configuration.security.authorizedKeys, configuration.http.tokenFile,
            configuration.station.viewTokenFile, configuration.station.commandTokenFile,
        ]
        return paths.filter { !$0.isEmpty }.compactMap { path in
            var status = stat()
            guard stat(path, &status) == 0, status.st_uid != user, status.st_mode & 0o044 == 0 else { return nil }
            return .problem(
                "keys", "\(path) cannot be read by the service's user ecgmon",
                next: "chown ecgmon \(path), or pass it as a credential (LoadCredential=)")
        }
    }

    private func station() -> [Finding] {
        guard let obstacle = StationService.obstacle(configuration) else { return [] }
        return [
            .warning(
                "station", "the central station is not served: \(obstacle)",
                next: "set it, or set station.enabled = false")
        ]
    }
}
