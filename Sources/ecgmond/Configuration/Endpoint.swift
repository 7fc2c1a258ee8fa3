import Glibc

/// What an endpoint may be, and who can reach it.
enum Endpoint {
    /// - Returns: what is wrong with it in words that follow "… must", nil where nothing is.
    static func problem(with endpoint: String) -> String? {
        if let path = ipcPath(endpoint) {
            if path.isEmpty { return "holds \"\(endpoint)\", which lacks a path" }
            if path.utf8.count > maximumIPCPathLength {
                return "holds \"\(endpoint)\", whose path is longer than \(maximumIPCPathLength) bytes"
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

    /// An address that the HTTP pages may be served on; who can reach it is another matter.
    static func problem(withHTTPAddress address: String) -> String? {
        let host = address.hasPrefix("[") && address.hasSuffix("]") ? String(address.dropFirst().dropLast()) : address
        var (four, six) = (in_addr(), in6_addr())
        return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
            ? nil : "must be an IP address, such as 127.0.0.1 or ::1"
    }

    /// The path of a Unix socket holds 108 bytes with its final zero.
    static let maximumIPCPathLength = 107

    static func ipcPath(_ endpoint: String) -> String? {
        endpoint.hasPrefix("ipc://") ? String(endpoint.dropFirst(6)) : nil
    }

    /// Whether only this machine can reach it.
    static func isLocal(_ endpoint: String) -> Bool {
        if ipcPath(endpoint) != nil { return true }
        guard let (host, _) = hostAndPort(endpoint) else { return false }
        return isLoopback(host: host)
    }

    private static func hostAndPort(_ endpoint: String) -> (host: String, port: String)? {
        let rest = endpoint.dropFirst("tcp://".count)
        guard let colon = rest.lastIndex(of: ":") else { return nil }
        return (String(rest[..<colon]), String(rest[rest.index(after: colon)...]))
    }

    static func isLoopback(host: String) -> Bool {
        if host == "::1" || host == "[::1]" || host == "lo" { return true }
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }
}
