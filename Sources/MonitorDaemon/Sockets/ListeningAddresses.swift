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
        if let problem = resolveHTTP(&configuration.http, resolver) { problems.append(problem) }
        if let problem = resolveStation(&configuration.station, resolver) { problems.append(problem) }
        guard problems.isEmpty else { return problems }
        return twice(configuration) + exposed(configuration)
    }

    private static let keys: [(key: String, path: any ConfigurationKey.Path<[String]>)] = [
        ("ingest.endpoints", \.ingest.endpoints), ("events.endpoints", \.events.endpoints),
        ("commands.endpoints", \.commands.endpoints),
        ("ingest.acknowledged_endpoints", \.ingest.acknowledgedEndpoints), ("history.endpoints", \.history.endpoints),
    ]

    private static func resolveHTTP(_ http: inout DaemonConfiguration.HTTP, _ resolver: HostResolver) -> Problem? {
        do throws(HostResolver.Problem) {
            let address = try resolver.address(of: http.address)
            http.address = address.text
            guard !address.isLoopback, SecurityFiles.httpTokenPath(http) == nil else { return nil }
            return Problem(
                key: "http.address",
                words: "\(address.text) can be reached from the network, where anybody could read the pages; use a "
                    + "loopback address (127.0.0.1 or ::1), or set http.token_file")
        } catch {
            return Problem(key: "http.address", words: "\"\(LogFields.oneLine(http.address))\" \(error.words)")
        }
    }

    private static func resolveStation(
        _ station: inout DaemonConfiguration.Station, _ resolver: HostResolver
    ) -> Problem? {
        do throws(HostResolver.Problem) {
            let address = try resolver.address(of: station.address)
            station.address = address.text
            guard !address.isLoopback, SecurityFiles.stationViewTokenPath(station) == nil else { return nil }
            return Problem(
                key: "station.address",
                words: "\(address.text) can be reached from the network, where anybody could watch the patients; use a "
                    + "loopback address (127.0.0.1 or ::1), or set station.view_token_file")
        } catch {
            return Problem(key: "station.address", words: "\"\(LogFields.oneLine(station.address))\" \(error.words)")
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
