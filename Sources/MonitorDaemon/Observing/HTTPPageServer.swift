import Glibc
import Synchronization

/// Serves small pages over HTTP/1.1 within fixed bounds: the number of connections, the bytes of a request, and the
/// time for sending the request and for taking the answer. One request for each connection.
///
/// It runs on one thread of its own. Nothing in a request names a file or creates anything here.
struct HTTPPageServer: ThreadService, ~Copyable {
    /// More are closed as they come.
    static let maximumConnections = 64
    /// For the whole request, however slowly its bytes come, and again for the answer.
    static let patienceNanoseconds: UInt64 = 5_000_000_000

    private struct Connection {
        let descriptor: Int32
        var deadline: UInt64
        var request: [UInt8] = []
        var answer: [UInt8] = []
        var sent = 0
        /// The answer has gone; what the peer still sends is thrown away, so that it gets to read the answer.
        var isEnding = false
    }

    private let listener: Int32
    private let stop: StopRequest
    private let page: (HTTPRequestHead) -> HTTPPage
    private var connections: [Connection] = []

    /// The port that it listens on, which the system may have chosen.
    let boundEndpoints: [String]

    /// - Parameters:
    ///   - address: an IPv4 or IPv6 address, brackets or not.
    ///   - port: 0: any that is free.
    ///   - page: what to answer; called on the thread that runs.
    init(
        address: String, port: UInt16, stop: StopRequest, page: @escaping (HTTPRequestHead) -> HTTPPage
    ) throws(SystemCallError) {
        let host = address.filter { $0 != "[" && $0 != "]" }
        let isIPv6 = host.contains(":")
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, flags, 0)
        guard descriptor >= 0 else { throw SystemCallError(call: "socket") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound: Int32
        if isIPv6 {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            bound = inet_pton(AF_INET6, host, &name.sin6_addr) == 1 ? Self.bind(descriptor, &name) : -1
        } else {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            bound = inet_pton(AF_INET, host, &name.sin_addr) == 1 ? Self.bind(descriptor, &name) : -1
        }
        guard bound == 0, listen(descriptor, 64) == 0 else {
            let error = SystemCallError(call: "bind")
            close(descriptor)
            throw error
        }
        listener = descriptor
        boundEndpoints = ["\(Self.port(of: descriptor))"]
        self.stop = stop
        self.page = page
    }

    deinit {
        close(listener)
        for connection in connections { close(connection.descriptor) }
    }

    private static func bind<Name>(_ descriptor: Int32, _ name: inout Name) -> Int32 {
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
            }
        }
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        var name = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        _ = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        // At the same place in both families.
        return UInt16(bigEndian: name.sin6_port)
    }

    /// Serves until asked to stop.
    mutating func run() {
        while !stop.isRequested {
            var items = [
                pollfd(fd: stop.wakeUp.fileDescriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
            ]
            for connection in connections {
                let events = connection.answer.isEmpty || connection.isEnding ? POLLIN : POLLOUT
                items.append(pollfd(fd: connection.descriptor, events: Int16(events), revents: 0))
            }
            _ = poll(&items, nfds_t(items.count), connections.isEmpty ? 1000 : 100)
            let now = DaemonClock.monotonic()
            var kept: [Connection] = []
            for (index, connection) in connections.enumerated() {
                var connection = connection
                let hasCome = items[index + 2].revents != 0
                if serve(&connection, hasCome: hasCome, now: now) {
                    kept.append(connection)
                } else {
                    close(connection.descriptor)
                }
            }
            connections = kept
            if items[1].revents != 0 { accept(now: now) }
        }
    }

    private mutating func accept(now: UInt64) {
        // Not without end: others are served between.
        for _ in 0..<Self.maximumConnections {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else {
                // Without a free descriptor the listener stays readable: not in a busy loop.
                if errno == EMFILE || errno == ENFILE { usleep(50_000) }
                return
            }
            guard connections.count < Self.maximumConnections, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0,
                fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
            else {
                close(descriptor)
                continue
            }
            connections.append(Connection(descriptor: descriptor, deadline: now + Self.patienceNanoseconds))
        }
    }

    /// - Returns: whether the connection goes on.
    private func serve(_ connection: inout Connection, hasCome: Bool, now: UInt64) -> Bool {
        if connection.isEnding {
            return hasCome ? discard(connection) && now < connection.deadline : now < connection.deadline
        }
        if now >= connection.deadline {
            guard connection.answer.isEmpty, !connection.request.isEmpty else { return false }
            connection.answer = HTTPPage.problem(.requestTimeout).bytes(withBody: true)
            connection.deadline = now + 100_000_000
        } else if connection.answer.isEmpty {
            guard hasCome else { return true }
            guard read(&connection, now) else { return false }
        }
        return connection.answer.isEmpty || write(&connection, now)
    }

    private func read(_ connection: inout Connection, _ now: UInt64) -> Bool {
        let end: Int? = withUnsafeTemporaryAllocation(byteCount: HTTPRequestHead.maximumBytes, alignment: 1) { buffer in
            let room = HTTPRequestHead.maximumBytes - connection.request.count
            let count = recv(connection.descriptor, buffer.baseAddress, room, 0)
            if count < 0 { return errno == EAGAIN || errno == EINTR ? 0 : nil }
            guard count > 0 else { return nil }
            connection.request += buffer.prefix(count)
            return HTTPRequestHead.end(in: connection.request) ?? 0
        }
        guard let end else { return false }
        if end > 0 {
            let head = HTTPRequestHead(connection.request.prefix(end))
            connection.answer = answer(head)
        } else if connection.request.count == HTTPRequestHead.maximumBytes {
            connection.answer = HTTPPage.problem(.headersTooLarge).bytes(withBody: true)
        }
        if !connection.answer.isEmpty { connection.deadline = now + Self.patienceNanoseconds }
        return true
    }

    private func answer(_ head: HTTPRequestHead?) -> [UInt8] {
        guard let head else { return HTTPPage.problem(.badRequest).bytes(withBody: true) }
        return page(head).bytes(withBody: head.method != "HEAD")
    }

    private func write(_ connection: inout Connection, _ now: UInt64) -> Bool {
        let count = connection.answer.withUnsafeBytes { bytes -> Int in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[connection.sent...])
            return send(connection.descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        connection.sent += count
        if connection.sent == connection.answer.count {
            // Closing with something unread would reset the connection before the peer has read the answer.
            shutdown(connection.descriptor, Int32(SHUT_WR))
            connection.isEnding = true
            connection.deadline = min(connection.deadline, now + 1_000_000_000)
        }
        return true
    }

    private func discard(_ connection: Connection) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = recv(connection.descriptor, buffer.baseAddress, buffer.count, 0)
            return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
        }
    }
}
