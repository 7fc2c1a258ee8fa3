import CZeroMQ
import Glibc

/// Waits for several sockets and file descriptors at once, on the thread that owns the sockets.
public struct ZeroMQPoller {
    /// What to wait for, and what has come.
    public struct Events: OptionSet, Sendable, Hashable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }

        /// A message (or a byte) can be received.
        public static let readable = Events(rawValue: Int16(ZMQ_POLLIN))
        /// A message (or a byte) can be sent.
        public static let writable = Events(rawValue: Int16(ZMQ_POLLOUT))
        /// File descriptors only: an error or the other side's end.
        public static let failed = Events(rawValue: Int16(ZMQ_POLLERR))
        /// File descriptors only: urgent data.
        public static let urgent = Events(rawValue: Int16(ZMQ_POLLPRI))
    }

    private var items: [zmq_pollitem_t] = []
    /// The sockets of the items, nil for file descriptors: a socket closed meanwhile is noticed, not touched.
    private var handles: [ZeroMQSocket.Handle?] = []

    public init() {}

    /// Adds a socket.
    /// - Returns: its place, by which `self[place]` tells what has come.
    @discardableResult
    public mutating func add(_ socket: borrowing ZeroMQSocket, for events: Events = .readable) -> Int {
        handles.append(socket.handle)
        items.append(zmq_pollitem_t(socket: socket.pointer, fd: -1, events: events.rawValue, revents: 0))
        return items.count - 1
    }

    /// Adds the events of a monitored socket.
    @discardableResult
    public mutating func add(_ monitor: borrowing ZeroMQMonitor) -> Int {
        add(monitor.receiver)
    }

    /// Adds a file descriptor, which must stay open.
    @discardableResult
    public mutating func add(fileDescriptor: Int32, for events: Events = .readable) -> Int {
        handles.append(nil)
        items.append(zmq_pollitem_t(socket: nil, fd: fileDescriptor, events: events.rawValue, revents: 0))
        return items.count - 1
    }

    /// Changes what to wait for at a place; nothing: it is left out, and its place stays.
    public mutating func setEvents(_ events: Events, at place: Int) {
        items[place].events = events.rawValue
        items[place].revents = 0
    }

    /// What had come at a place when `wait` returned.
    public subscript(place: Int) -> Events { Events(rawValue: items[place].revents) }

    /// Waits until something has come or the time has passed. An interrupting signal does not end it.
    /// - Parameter timeout: nil: for ever; zero: only look.
    /// - Returns: at how many places something has come; 0 when the time passed.
    /// - Throws: `.notASocket` where one of the sockets is closed, `.contextTerminated`.
    @discardableResult
    public mutating func wait(timeout: Duration? = nil) throws(ZeroMQError) -> Int {
        for place in handles.indices where handles[place] != nil && handles[place]?.pointer == nil {
            throw ZeroMQError(code: .notASocket, operation: "wait for sockets, of which one is closed")
        }
        let deadline = Deadline(timeout)
        while true {
            let count = zmq_poll(&items, Int32(items.count), deadline.remainingMilliseconds)
            if count >= 0 { return Int(count) }
            guard zmq_errno() == EINTR else { throw ZeroMQError(lastOf: "wait for sockets") }
        }
    }
}
