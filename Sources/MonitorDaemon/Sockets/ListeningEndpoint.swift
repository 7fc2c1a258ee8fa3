import Glibc
import ZeroMQ

extension ZeroMQSocket {
    static func open(
        _ sockets: ZeroMQContext, _ kind: Kind, _ options: [ZeroMQOption]
    ) throws(StartFailure) -> ZeroMQSocket {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(sockets, kind)
            for option in options { try socket.set(option) }
            return socket
        } catch {
            throw .socket(error)
        }
    }

    /// Binds every endpoint, or reports to the operator which one cannot be bound, and why.
    /// - Parameters:
    ///   - option: the command-line option that chooses another.
    ///   - security: which of them ask for keys.
    /// - Returns: the endpoints as bound, with the ports that the system chose.
    func listen(on endpoints: [String], option: String, security: SocketSecurity) throws(StartFailure) -> [String] {
        do throws(ZeroMQError) {
            // A peer that never completes the handshake is dropped after this time.
            try set(.handshakeInterval(.seconds(10)))
            try noticeVanishedPeers()
        } catch {
            throw .socket(error)
        }
        var bound: [String] = []
        for endpoint in endpoints {
            if let failure = Self.directoryProblem(endpoint, option: option) { throw failure }
            do throws(ZeroMQError) {
                try security.secure(self, for: endpoint)
                try bind(endpoint)
                bound.append(try lastEndpoint())
                SocketFiles.remember(endpoint)
            } catch {
                throw Self.failure(endpoint, option: option, error)
            }
        }
        return bound
    }

    /// Closes endpoints and opens them again, which ends all their connections: peers connect again, and are checked
    /// again. Blocks until the system has released the addresses, usually a few milliseconds.
    /// - Parameter bound: as `listen` returned them.
    /// - Throws: if another process has taken one meanwhile.
    func listenAgain(on bound: [String], security: SocketSecurity) throws(ZeroMQError) {
        stopListening(on: bound)
        try openAgain(bound, security: security)
    }

    /// The second half of `listenAgain`.
    func openAgain(_ bound: [String], security: SocketSecurity) throws(ZeroMQError) {
        for endpoint in bound {
            try security.secure(self, for: endpoint)
            var tries = 0
            while true {
                do throws(ZeroMQError) {
                    try bind(endpoint)
                    SocketFiles.remember(endpoint)
                    break
                } catch  where error.code == .addressInUse && tries < 300 {
                    tries += 1
                    usleep(10_000)
                }
            }
        }
    }

    /// Closes endpoints, which ends their connections.
    func stopListening(on endpoints: [String]) {
        for endpoint in endpoints { try? unbind(endpoint) }
        Self.removeSocketFiles(of: endpoints)
    }

    /// libzmq leaves the socket files of ipc endpoints behind.
    static func removeSocketFiles(of endpoints: [String]) {
        for endpoint in endpoints { SocketFiles.remove(endpoint) }
    }

    /// The socket's connection events, from now on.
    func watched() throws(StartFailure) -> ZeroMQMonitor {
        do throws(ZeroMQError) {
            return try monitor()
        } catch {
            throw .socket(error)
        }
    }

    private static func directoryProblem(_ endpoint: String, option: String) -> StartFailure? {
        guard let path = Endpoint.ipcPath(endpoint), !path.hasPrefix("@"), path != "*" else { return nil }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        var status = stat()
        guard stat(directory.isEmpty ? "/" : directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return .endpoint(
                endpoint, option: option, "there is no directory \(directory)",
                next: "create it (mkdir -p \(directory))")
        }
        guard access(directory.isEmpty ? "/" : directory, W_OK) == 0 else {
            return .endpoint(
                endpoint, option: option, "the directory \(directory) cannot be written to",
                next: "run as a user who owns it")
        }
        return nil
    }

    private static func failure(_ endpoint: String, option: String, _ error: ZeroMQError) -> StartFailure {
        switch error.code {
        case .addressInUse:
            .endpoint(
                endpoint, option: option, "it is in use already",
                next: "stop the program that listens there (ss -lxtp)")
        case .fileExists:
            .endpoint(
                endpoint, option: option, "what lies at this path is no socket, and is left alone",
                next: "move it away if it is not needed")
        case .addressNotAvailable, .notFound:
            .endpoint(
                endpoint, option: option, "this machine has no such address", next: "correct it")
        case .permissionDenied where Endpoint.ipcPath(endpoint) != nil:
            .endpoint(
                endpoint, option: option, "permission denied", next: "run as the user whose socket lies there")
        case .permissionDenied:
            .endpoint(endpoint, option: option, "permission denied", next: "take a port above 1023")
        default:
            .endpoint(endpoint, option: option, error.text, next: "correct it")
        }
    }
}
