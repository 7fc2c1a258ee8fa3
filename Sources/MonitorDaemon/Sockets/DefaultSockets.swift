import Glibc

/// Where the Unix sockets are of a daemon that was started without a configuration file.
///
/// The service manager makes `/run/ecgmon` for a service. Somebody who tries the daemon out cannot write there; they
/// have a folder of their own, which only they can enter (`XDG_RUNTIME_DIR`), or do without.
enum DefaultSockets {
    private static let systemFolder = "/run/ecgmon"

    /// Moves the default Unix sockets to where they can be made, or leaves them out.
    /// - Parameter runtimeFolder: of the user; nil: there is none.
    /// - Returns: what was done, for the log; nil: nothing had to be.
    static func place(
        _ configuration: inout DaemonConfiguration, systemFolder: String = systemFolder,
        runtimeFolder: String? = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }
    ) -> String? {
        if access(systemFolder, W_OK | X_OK) == 0 { return nil }
        let folder = runtimeFolder.flatMap(makeFolder)
        let paths: [any ConfigurationKey.Path<[String]>] = [
            \.ingest.endpoints, \.ingest.acknowledgedEndpoints, \.events.endpoints, \.commands.endpoints,
            \.history.endpoints,
        ]
        for path in paths {
            configuration[keyPath: path] = configuration[keyPath: path].compactMap { endpoint in
                let beginning = "ipc://\(Self.systemFolder)/"
                guard endpoint.hasPrefix(beginning) else { return endpoint }
                return folder.map { "ipc://\($0)/\(endpoint.dropFirst(beginning.count))" }
            }
        }
        return folder.map { "Unix sockets are in \($0)" }
            ?? "no Unix sockets: \(systemFolder) cannot be written, and XDG_RUNTIME_DIR names no folder of yours"
    }

    /// - Returns: the folder for the sockets in the user's own; nil: it cannot be made, or is too long for a socket.
    private static func makeFolder(in folder: String) -> String? {
        let path = "\(folder)/ecgmon"
        let longestName = "/ingest-acknowledged".utf8.count
        guard folder.hasPrefix("/"), path.utf8.count + longestName <= Endpoint.maximumIPCPathBytes else { return nil }
        mkdir(path, 0o700)
        return access(path, W_OK | X_OK) == 0 ? path : nil
    }
}
