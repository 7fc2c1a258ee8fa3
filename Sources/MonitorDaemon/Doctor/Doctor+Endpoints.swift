import Glibc

extension Doctor {
    /// Whether the daemon could listen where it is to, or does so already.
    func endpoints() -> [Finding] {
        let running = runningDaemon()
        var findings: [Finding] = [running.finding].compactMap { $0 }
        let all =
            configuration.ingest.endpoints + configuration.ingest.acknowledgedEndpoints
            + configuration.events.endpoints + configuration.history.endpoints + configuration.commands.endpoints
        var free = 0
        for endpoint in all {
            if let finding = examine(endpoint, daemonRuns: running.isRunning) {
                findings.append(finding)
            } else {
                free += 1
            }
        }
        var pages: [(String, String, Int)] = []
        if configuration.http.enabled {
            pages.append(("http.port", configuration.http.address, configuration.http.port))
        }
        if configuration.station.enabled {
            pages.append(("station.port", configuration.station.address, configuration.station.port))
        }
        for (key, address, port) in pages where port != 0 && !running.isRunning {
            guard let error = bindError(address, UInt16(clamping: port)) else { continue }
            findings.append(
                .problem(
                    "endpoints", "\(key) \(address):\(port): \(error.words)", next: "\(error.nextStep), or set \(key)"))
        }
        if free == all.count, findings.allSatisfy({ $0.verdict == .ok }) {
            findings.append(.ok("endpoints", running.isRunning ? "in use by the daemon" : "all \(all.count) are free"))
        }
        return findings
    }

    private func examine(_ endpoint: String, daemonRuns: Bool) -> Finding? {
        if let path = Endpoint.ipcPath(endpoint) { return examineSocket(path, endpoint, daemonRuns: daemonRuns) }
        let rest = endpoint.dropFirst("tcp://".count)
        guard !daemonRuns, let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...])
        else { return nil }
        let host = String(rest[..<colon])
        guard let error = bindError(host == "*" ? "0.0.0.0" : host, port) else { return nil }
        return .problem("endpoints", "\(endpoint): \(error.words)", next: error.nextStep)
    }

    private func bindError(_ host: String, _ port: UInt16) -> (words: String, nextStep: String)? {
        guard let address = IPAddress(host) else { return nil }
        do throws(SystemCallError) {
            close(try address.bind(port: port, flags: 0))
            return nil
        } catch {
            return switch error.code {
            case EADDRINUSE: ("it is in use", "stop the program that listens there (ss -ltnp)")
            case EACCES: ("permission denied", "take a port above 1023")
            case EADDRNOTAVAIL: ("this machine has no such address", "correct it (ip address)")
            default: (String(cString: strerror(error.code)), "correct it")
            }
        }
    }

    private func examineSocket(_ path: String, _ endpoint: String, daemonRuns: Bool) -> Finding? {
        guard !path.hasPrefix("@"), path != "*" else { return nil }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        var status = stat()
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            // The unit makes this one when the service starts.
            return folder == "/run/ecgmon"
                ? .warning(
                    "endpoints", "\(endpoint): there is no folder \(folder) yet",
                    next: "start the service (systemctl start ecgmond), or systemd-tmpfiles --create")
                : .problem("endpoints", "\(endpoint): there is no folder \(folder)", next: "mkdir -p \(folder)")
        }
        if status.st_mode & 0o002 != 0, status.st_mode & 0o1000 == 0 {
            return .warning(
                "endpoints", "\(folder) can be written to by everybody: anybody may replace its sockets",
                next: "chmod o-w \(folder)")
        }
        guard access(folder, W_OK | X_OK) == 0 else {
            return .problem(
                "endpoints", "\(endpoint): this user cannot write to \(folder)", next: "run as the service's user")
        }
        guard lstat(path, &status) == 0 else { return nil }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            return .problem(
                "endpoints", "\(endpoint): what lies at this path is no socket, and is left alone",
                next: "move it away if it is not needed")
        }
        guard !daemonRuns, somebodyListens(path) else { return nil }
        return .problem("endpoints", "\(endpoint): it is in use", next: "stop the program that listens there (ss -lxp)")
    }

    private func somebodyListens(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }

    /// Asks the pages of a daemon that may be running already.
    private func runningDaemon() -> (isRunning: Bool, finding: Finding?) {
        guard configuration.http.enabled, configuration.http.port != 0,
            let answer = HealthQuestion(
                host: configuration.http.address, port: UInt16(clamping: configuration.http.port)
            ).ask()
        else { return (false, nil) }
        return switch answer.status {
        case 200: (true, .ok("daemon", "it is running and healthy"))
        case 401: (true, .ok("daemon", "it is running; its pages ask for the token"))
        case 503:
            (
                true,
                .problem(
                    "daemon", "it is running and not healthy: \(answer.body)",
                    next: "see its log (journalctl -u ecgmond)")
            )
        default: (false, nil)
        }
    }
}

/// `GET /healthz`, with a second for everything.
private struct HealthQuestion {
    let host: String
    let port: UInt16

    func ask() -> (status: Int, body: String)? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let target = host == "0.0.0.0" ? "127.0.0.1" : host
        guard getaddrinfo(target, "\(port)", &hints, &list) == 0, let name = list?.pointee else { return nil }
        defer { freeaddrinfo(list) }
        let descriptor = socket(name.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        guard connect(descriptor, name.ai_addr, name.ai_addrlen) == 0 else { return nil }
        let request = Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 16_384 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let words = text.prefix(64).split(separator: " ")
        guard text.hasPrefix("HTTP/1."), words.count > 1, let status = Int(words[1]) else { return nil }
        let lines = text.split(whereSeparator: \.isNewline)
        return (status, LogFields.oneLine(lines.last.map(String.init) ?? ""))
    }
}
