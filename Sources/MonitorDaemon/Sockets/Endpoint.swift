import Glibc

/// What an endpoint may be, and who can reach it.
enum Endpoint {
    /// - Returns: what is wrong with its form, in words that follow "… must"; nil if nothing is.
    static func problem(with endpoint: String) -> String? {
        if let path = ipcPath(endpoint) {
            if path.isEmpty { return "holds \"\(endpoint)\", which lacks a path" }
            if path.utf8.count > maximumIPCPathBytes {
                return "holds \"\(endpoint)\", whose path is longer than \(maximumIPCPathBytes) bytes"
            }
            return nil
        }
        guard endpoint.hasPrefix("tcp://") else {
            return "holds \"\(endpoint)\", which begins with neither tcp:// nor ipc://"
        }
        guard let (host, port) = hostAndPort(endpoint), !host.isEmpty else {
            return "holds \"\(endpoint)\", which is not of the form tcp://ADDRESS:PORT"
        }
        guard port == "*" || UInt16(port) != nil else {
            return "holds \"\(endpoint)\", whose port is not from 1 to 65535, nor * for any"
        }
        return nil
    }

    /// The path of a Unix socket holds 108 bytes with its final zero.
    static let maximumIPCPathBytes = 107

    static func ipcPath(_ endpoint: String) -> String? {
        endpoint.hasPrefix("ipc://") ? String(endpoint.dropFirst(6)) : nil
    }

    /// The endpoint with its host in numbers: what is checked is what is bound to.
    /// - Parameter endpoint: of the right form.
    /// - Throws: why its host cannot be listened on.
    static func resolved(_ endpoint: String, _ resolver: HostResolver) throws(HostResolver.Problem) -> String {
        guard ipcPath(endpoint) == nil, let (host, port) = hostAndPort(endpoint), host != "*" else { return endpoint }
        return "tcp://\(try resolver.address(of: host)):\(port)"
    }

    /// Whether only this machine can reach it. Only numbers are believed: a name may stand for anything.
    /// - Parameter endpoint: as `resolved` returned it.
    static func isLocal(_ endpoint: String) -> Bool {
        if ipcPath(endpoint) != nil { return true }
        guard let (host, _) = hostAndPort(endpoint) else { return false }
        return IPAddress(host)?.isLoopback ?? false
    }

    /// Whether two services cannot both have it.
    static func isExclusive(_ endpoint: String) -> Bool {
        if let path = ipcPath(endpoint) { return path != "*" }
        return hostAndPort(endpoint).map { $0.port != "*" && UInt16($0.port) != 0 } ?? false
    }

    private static func hostAndPort(_ endpoint: String) -> (host: String, port: String)? {
        let rest = endpoint.dropFirst("tcp://".count)
        guard let colon = rest.lastIndex(of: ":") else { return nil }
        return (String(rest[..<colon]), String(rest[rest.index(after: colon)...]))
    }
}
