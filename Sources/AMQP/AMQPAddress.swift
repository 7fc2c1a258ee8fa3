/// Where a broker listens, and how to log in there.
public struct AMQPAddress: Sendable, Equatable, CustomStringConvertible {
    public var host: String
    /// 1 to 65535.
    public var port: Int
    /// TLS, with the broker's certificate checked against its name.
    public var isEncrypted: Bool

    public init(host: String, port: Int, isEncrypted: Bool) {
        self.host = host
        self.port = port
        self.isEncrypted = isEncrypted
    }

    /// - Parameter text: `amqp://HOST[:PORT]` or, with TLS, `amqps://HOST[:PORT]`; an IPv6 address in brackets. The
    ///   ports are 5672 and 5671 where none is given.
    /// - Returns: nil for anything else; names, passwords and paths have no place in it.
    public init?(_ text: String) {
        let rest: Substring
        if text.hasPrefix("amqps://") {
            (isEncrypted, port, rest) = (true, 5671, text.dropFirst("amqps://".count))
        } else if text.hasPrefix("amqp://") {
            (isEncrypted, port, rest) = (false, 5672, text.dropFirst("amqp://".count))
        } else {
            return nil
        }
        var name = rest
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            name = rest[rest.index(after: rest.startIndex)..<end]
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.first == ":" else { return nil }
            if !after.isEmpty {
                guard let given = Self.port(after.dropFirst()) else { return nil }
                port = given
            }
        } else if let colon = rest.firstIndex(of: ":") {
            name = rest[..<colon]
            guard let given = Self.port(rest[rest.index(after: colon)...]) else { return nil }
            port = given
        }
        let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:".utf8
        guard (1...253).contains(name.utf8.count), name.utf8.allSatisfy(allowed.contains) else { return nil }
        host = String(name)
    }

    private static func port(_ text: Substring) -> Int? {
        Int(text).flatMap { (1...65_535).contains($0) && text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } ? $0 : nil }
    }

    public var description: String {
        "\(isEncrypted ? "amqps" : "amqp")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}

/// Who logs in, and what the connection is like.
public struct AMQPLogin: Sendable, Equatable {
    public var user: String
    public var password: String
    public var virtualHost: String
    /// What the broker's own lists call the connection.
    public var name: String
    /// A connection on which nothing is heard for twice this long is given up by both ends; seconds, 1 or more.
    public var heartbeatSeconds: Int
    /// Files in PEM for TLS: the authorities that the broker's certificate is checked against, and this side's own
    /// certificate and key; empty: none.
    public var authorities: String
    public var certificate: String
    public var key: String
    /// How long a connection may take to be made, and any question to be answered; seconds.
    public var patienceSeconds: Int

    public init(
        user: String, password: String, virtualHost: String = "/", name: String, heartbeatSeconds: Int = 2,
        authorities: String = "", certificate: String = "", key: String = "", patienceSeconds: Int = 5
    ) {
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
        self.name = name
        self.heartbeatSeconds = heartbeatSeconds
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.patienceSeconds = patienceSeconds
    }
}
