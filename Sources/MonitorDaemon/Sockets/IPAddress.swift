import Glibc

/// An IP address in numbers, as sockets bind to it.
struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// "127.0.0.1", "::1", "fe80::1%eth0"; an IPv4 address mapped into IPv6 is written as the IPv4 address that it is.
    let text: String
    let isIPv6: Bool

    /// As a URL or an endpoint holds it: an IPv6 address is in brackets.
    var description: String { isIPv6 ? "[\(text)]" : text }

    /// Whether only this machine can reach it.
    var isLoopback: Bool {
        if isIPv6 { return text == "::1" }
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }

    /// - Parameter text: an address in numbers, with or without brackets, in any spelling; names are not looked up.
    /// - Returns: nil if it is none.
    init?(_ text: String) {
        let isInBrackets = text.hasPrefix("[") && text.hasSuffix("]")
        let host = isInBrackets ? String(text.dropFirst().dropLast()) : text
        let found = Self.lookUp(host, flags: AI_NUMERICHOST)
        guard let first = found.first, !isInBrackets || host.contains(":") else { return nil }
        self = first
    }

    private init(text: String, isIPv6: Bool) {
        self.text = text
        self.isIPv6 = isIPv6
    }

    /// The addresses of a host, in the system's order; empty: there are none.
    static func addresses(ofHost name: String) -> [IPAddress] { lookUp(name, flags: 0) }

    private static func lookUp(_ name: String, flags: Int32) -> [IPAddress] {
        guard !name.isEmpty, !name.utf8.contains(0) else { return [] }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var result: [IPAddress] = []
        var next = list
        while let entry = next {
            if let address = IPAddress(entry.pointee), !result.contains(address) { result.append(address) }
            next = entry.pointee.ai_next
        }
        return result
    }

    private init?(_ entry: addrinfo) {
        var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard entry.ai_family == AF_INET || entry.ai_family == AF_INET6,
            getnameinfo(
                entry.ai_addr, entry.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
        else { return nil }
        let text = buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        let mapped = "::ffff:"
        if text.hasPrefix(mapped), text.contains(".") {
            self.init(text: String(text.dropFirst(mapped.count)), isIPv6: false)
        } else {
            self.init(text: text, isIPv6: entry.ai_family == AF_INET6)
        }
    }

    /// A TCP socket bound to this address.
    /// - Parameter port: 0: any that is free.
    func bind(port: UInt16, flags: Int32) throws(SystemCallError) -> Int32 {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(text, "\(port)", &hints, &list) == 0, let name = list?.pointee else {
            throw SystemCallError(call: "getaddrinfo", code: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(list) }
        let descriptor = socket(name.ai_family, Int32(SOCK_STREAM.rawValue) | flags, 0)
        guard descriptor >= 0 else { throw SystemCallError(call: "socket") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard Glibc.bind(descriptor, name.ai_addr, name.ai_addrlen) == 0 else {
            let error = SystemCallError(call: "bind")
            close(descriptor)
            throw error
        }
        return descriptor
    }
}

/// Finds the address that a name in the configuration stands for.
struct HostResolver: Sendable {
    /// The addresses of a host.
    var addresses: @Sendable (String) -> [IPAddress]
    /// Whether the machine has a network interface of this name.
    var isInterface: @Sendable (String) -> Bool

    /// Asks the system: /etc/hosts, DNS, whatever it is set up for. May take seconds.
    static let system = HostResolver(
        addresses: { IPAddress.addresses(ofHost: $0) },
        isInterface: { !$0.utf8.contains(0) && if_nametoindex($0) != 0 })

    /// Knows addresses in numbers and localhost only, and asks nobody.
    static let numbersOnly = HostResolver(addresses: { _ in [] }, isInterface: { _ in false })

    /// Why a name cannot be listened on, in words that follow the endpoint.
    struct Problem: Error, Equatable { var words: String }

    /// The one address to listen on: IPv4 if the host has both kinds, as programs that connect by the name expect.
    /// - Parameter host: an address in numbers, with or without brackets, or a name.
    func address(of host: String) throws(Problem) -> IPAddress {
        if let address = IPAddress(host) { return address }
        if isInterface(host) {
            throw Problem(
                words: "names a network interface, whose addresses can change while the daemon runs, and with them who "
                    + "can reach it; write an address of it, such as 127.0.0.1")
        }
        let all = Self.isPossibleName(host) ? addresses(host) : []
        let four = all.filter { !$0.isIPv6 }
        let candidates = four.isEmpty ? all : four
        guard let first = candidates.first else {
            if Self.isLocalhost(host), let loopback = IPAddress("127.0.0.1") { return loopback }
            throw Problem(
                words: "names a host that this machine knows no address of; write an address, such as 127.0.0.1")
        }
        guard candidates.count == 1 else {
            let list = candidates.prefix(4).map(\.description).joined(separator: ", ")
            throw Problem(words: "names a host with several addresses (\(list)); write the one that is meant")
        }
        return first
    }

    /// RFC 6761 reserves it for loopback, whether or not the machine's tables have it.
    private static func isLocalhost(_ host: String) -> Bool {
        let name = host.lowercased()
        return name == "localhost" || name == "localhost."
    }

    private static func isPossibleName(_ host: String) -> Bool {
        host.utf8.count <= 253
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
