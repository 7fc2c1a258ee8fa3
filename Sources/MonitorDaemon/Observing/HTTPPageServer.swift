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
    private let acceptFailed: () -> Void
    private let page: (HTTPRequestHead) -> HTTPPage
    /// Nothing is accepted before, monotonic, ns: a connection that cannot be accepted stays ready to be, and the
    /// thread would spin.
    private var nextAccept: UInt64 = 0
    /// A descriptor kept for the time when no other is free: one connection at a time is served then, so that the pages
    /// tell what is wrong. -1: in use.
    private var reserve: Int32
    /// How long to wait for a file descriptor that is free.
    private static let acceptPause: UInt64 = 250_000_000
    private var connections: [Connection] = []

    /// The port that it listens on, which the system may have chosen.
    let boundEndpoints: [String]

    /// - Parameters:
    ///   - address: an IPv4 or IPv6 address in numbers, brackets or not.
    ///   - port: 0: any that is free.
    ///   - acceptFailed: called when a connection has to wait because no file descriptor is free; on the thread that
    ///     runs.
    ///   - page: what to answer; called on the thread that runs.
    init(
        address: String, port: UInt16, stop: StopRequest, acceptFailed: @escaping () -> Void = {},
        page: @escaping (HTTPRequestHead) -> HTTPPage
    ) throws(SystemCallError) {
        guard let ip = IPAddress(address) else { throw SystemCallError(call: "bind", code: EADDRNOTAVAIL) }
        let descriptor = try ip.bind(
            port: port, flags: Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue))
        guard listen(descriptor, 64) == 0 else {
            let error = SystemCallError(call: "listen")
            close(descriptor)
            throw error
        }
        listener = descriptor
        reserve = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        boundEndpoints = ["\(Self.port(of: descriptor))"]
        self.stop = stop
        self.acceptFailed = acceptFailed
        self.page = page
    }

    deinit {
        close(listener)
        if reserve >= 0 { close(reserve) }
        for connection in connections { close(connection.descriptor) }
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
            let isPaused = DaemonClock.monotonic() < nextAccept
            var items = [
                pollfd(fd: stop.wakeUp.fileDescriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isPaused ? -1 : listener, events: Int16(POLLIN), revents: 0),
            ]
            for connection in connections {
                let events = connection.answer.isEmpty || connection.isEnding ? POLLIN : POLLOUT
                items.append(pollfd(fd: connection.descriptor, events: Int16(events), revents: 0))
            }
            _ = poll(&items, nfds_t(items.count), connections.isEmpty && !isPaused ? 1000 : 100)
            let now = DaemonClock.monotonic()
            var kept: [Connection] = []
            for (index, connection) in connections.enumerated() {
                var connection = connection
                let hasCome = items[index + 2].revents != 0
                if serve(&connection, hasCome: hasCome, now: now) {
                    kept.append(connection)
                } else {
                    end(connection.descriptor)
                }
            }
            connections = kept
            if items[1].revents != 0 { accept(now: now) }
        }
    }

    private mutating func accept(now: UInt64) {
        // Not without end: others are served between.
        for _ in 0..<Self.maximumConnections {
            var descriptor = Glibc.accept(listener, nil, nil)
            if descriptor < 0 && [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) {
                nextAccept = now + Self.acceptPause
                acceptFailed()
                guard reserve >= 0 else { return }
                close(reserve)
                reserve = -1
                descriptor = Glibc.accept(listener, nil, nil)
            }
            guard descriptor >= 0 else { return }
            guard connections.count < Self.maximumConnections, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0,
                fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
            else {
                end(descriptor)
                continue
            }
            connections.append(Connection(descriptor: descriptor, deadline: now + Self.patienceNanoseconds))
        }
    }

    /// Closes a connection. Its descriptor becomes the reserve, if that was used.
    private mutating func end(_ descriptor: Int32) {
        // In one step, or another thread would take it.
        if reserve < 0 && dup2(listener, descriptor) == descriptor {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            reserve = descriptor
        } else {
            close(descriptor)
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
