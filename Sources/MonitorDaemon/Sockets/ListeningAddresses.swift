import ECGSecurity

/// The check of everything that the daemon listens on. `--check-config`, the start and a reload share it.
enum ListeningAddresses {
    /// A mistake, with the key of the configuration that it is in.
    struct Problem: Equatable {
        var key: String
        var words: String
    }

    /// Puts the address that is meant in the place of each name, and checks who can reach it. Names are looked up here
    /// and nowhere else: what has been checked is what is bound to.
    /// - Returns: every mistake.
    static func resolve(_ configuration: inout DaemonConfiguration, _ resolver: HostResolver = .system) -> [Problem] {
        var problems: [Problem] = []
        for (key, path) in keys {
            for index in configuration[keyPath: path].indices {
                let endpoint = configuration[keyPath: path][index]
                do throws(HostResolver.Problem) {
                    configuration[keyPath: path][index] = try Endpoint.resolved(endpoint, resolver)
                } catch {
                    problems.append(Problem(key: key, words: "\(endpoint) \(error.words)"))
                }
            }
        }
        let hasPageToken = SecurityFiles.httpTokenPath(configuration.http) != nil
        let hasViewToken = SecurityFiles.stationViewTokenPath(configuration.station) != nil
        let pages = [
            resolve(
                &configuration.http.address, key: "http.address", hasToken: hasPageToken,
                danger: "read the pages", tokenKey: "http.token_file", resolver),
            resolve(
                &configuration.station.address, key: "station.address", hasToken: hasViewToken,
                danger: "watch the patients", tokenKey: "station.view_token_file", resolver),
        ]
        problems += pages.compactMap { $0 }
        guard problems.isEmpty else { return problems }
        return twice(configuration) + exposed(configuration)
    }

    private static let keys: [(key: String, path: any ConfigurationKey.Path<[String]>)] = [
        ("ingest.endpoints", \.ingest.endpoints), ("events.endpoints", \.events.endpoints),
        ("commands.endpoints", \.commands.endpoints),
        ("ingest.acknowledged_endpoints", \.ingest.acknowledgedEndpoints), ("history.endpoints", \.history.endpoints),
    ]

    /// Resolves the address of pages, which must not be open to the network without a token.
    private static func resolve(
        _ address: inout String, key: String, hasToken: Bool, danger: String, tokenKey: String,
        _ resolver: HostResolver
    ) -> Problem? {
        do throws(HostResolver.Problem) {
            let found = try resolver.address(of: address)
            address = found.text
            guard !found.isLoopback, !hasToken else { return nil }
            return Problem(
                key: key,
                words: "\(found.text) can be reached from the network, where anybody could \(danger); use a "
                    + "loopback address (127.0.0.1 or ::1), or set \(tokenKey)")
        } catch {
            return Problem(key: key, words: "\"\(LogFields.oneLine(address))\" \(error.words)")
        }
    }

    private static func twice(_ configuration: DaemonConfiguration) -> [Problem] {
        var keys: [String: String] = [:]
        var problems: [Problem] = []
        for (key, path) in Self.keys {
            for endpoint in configuration[keyPath: path] where Endpoint.isExclusive(endpoint) {
                if let other = keys[endpoint] {
                    let place = other == key ? "twice" : "in \(other), too"
                    problems.append(Problem(key: key, words: "\(endpoint) is \(place); one socket can have it"))
                }
                keys[endpoint] = key
            }
        }
        return problems
    }

    /// Without keys only this machine may reach an endpoint.
    private static func exposed(_ configuration: DaemonConfiguration) -> [Problem] {
        guard !SecurityFiles.isEnabled(configuration.security) else { return [] }
        var problems: [Problem] = []
        for (key, path) in keys {
            for endpoint in configuration[keyPath: path] where !Endpoint.isLocal(endpoint) {
                problems.append(
                    Problem(
                        key: key,
                        words: "\(endpoint) can be reached from the network, where anybody could read and forge; set "
                            + "security.server_key and security.authorized_keys (see `ecgmon keys`), or use a loopback "
                            + "or ipc endpoint"))
            }
        }
        return problems
    }
}
