import ECGSecurity

/// Reads what `[security]` and `[http]` name: the server's key, the table of keys, the token.
enum SecurityFiles {
    /// - Throws: what is wrong with which file. Nothing is half read.
    static func read(_ configuration: DaemonConfiguration) throws(SecretFileError) -> ReloadableSecurity.State {
        var state = ReloadableSecurity.State()
        let security = configuration.security
        state.ipcWithoutCurve = security.ipcWithoutCurve
        if let path = serverKeyPath(security) {
            state.serverKey = try KeyFile.read(path: path)
            guard let table = authorizedKeysPath(security) else {
                throw SecretFileError(
                    path: path, reason: "there is no table of the keys to let in beside it",
                    nextStep: "set security.authorized_keys")
            }
            state.permissions = try AuthorizedKeysFile.read(path: table)
        } else if let table = authorizedKeysPath(security) {
            // A credential that did not come must not leave everything open.
            throw SecretFileError(
                path: table, reason: "there is a table of keys, and no key of the server's",
                nextStep: "set security.server_key, or see why the credential server.key is missing")
        }
        if let path = httpTokenPath(configuration.http) { state.httpToken = try HTTPToken(path: path) }
        if let path = stationViewTokenPath(configuration.station) { state.stationViewToken = try HTTPToken(path: path) }
        if let path = stationCommandTokenPath(configuration.station) {
            state.stationCommandToken = try HTTPToken(path: path)
        }
        return state
    }

    /// Whether endpoints are to ask for keys.
    static func isEnabled(_ security: DaemonConfiguration.Security) -> Bool { serverKeyPath(security) != nil }

    static func serverKeyPath(_ security: DaemonConfiguration.Security) -> String? {
        path(security.serverKey, credential: "server.key")
    }

    static func authorizedKeysPath(_ security: DaemonConfiguration.Security) -> String? {
        path(security.authorizedKeys, credential: "authorized_keys.toml")
    }

    static func httpTokenPath(_ http: DaemonConfiguration.HTTP) -> String? {
        path(http.tokenFile, credential: "http.token")
    }

    static func stationViewTokenPath(_ station: DaemonConfiguration.Station) -> String? {
        path(station.viewTokenFile, credential: "station-view.token")
    }

    static func stationCommandTokenPath(_ station: DaemonConfiguration.Station) -> String? {
        path(station.commandTokenFile, credential: "station-command.token")
    }

    /// The configured path has precedence over a credential from systemd (`LoadCredential=`).
    private static func path(_ configured: String, credential: String) -> String? {
        configured.isEmpty ? ProtectedFile.credential(credential) : configured
    }
}
