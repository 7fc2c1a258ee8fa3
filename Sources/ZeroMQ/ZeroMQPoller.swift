import CZeroMQ
import Glibc

/// Waits for several sockets and file descriptors at once, on the thread that owns the sockets.
public struct ZeroMQPoller {
    /// What to wait for, and what is ready.
    public struct Events: OptionSet, Sendable, Hashable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }

        /// A message (or a byte) can be received.
        public static let readable = Events(rawValue: Int16(ZMQ_POLLIN))
        /// A message (or a byte) can be sent.
        public static let writable = Events(rawValue: Int16(ZMQ_POLLOUT))
        /// File descriptors only: an error, or the other side closed.
        public static let failed = Events(rawValue: Int16(ZMQ_POLLERR))
        /// File descriptors only: urgent data.
        public static let urgent = Events(rawValue: Int16(ZMQ_POLLPRI))
    }

    private var items: [zmq_pollitem_t] = []
    /// The sockets of the items, nil for file descriptors; a socket that was closed meanwhile is detected and not
    /// touched.
    private var handles: [ZeroMQSocket.Handle?] = []

    public init() {}

    /// Adds a socket.
    /// - Returns: its index, for which `self[index]` reports what is ready.
    @discardableResult
    public mutating func add(_ socket: borrowing ZeroMQSocket, for events: Events = .readable) -> Int {
        handles.append(socket.handle)
        items.append(zmq_pollitem_t(socket: socket.pointer, fd: -1, events: events.rawValue, revents: 0))
        return items.count - 1
    }

    /// Adds the events of a socket monitor.
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

    /// Changes what to wait for at an index; if empty, the item is skipped and keeps its index.
    public mutating func setEvents(_ events: Events, at place: Int) {
        items[place].events = events.rawValue
        items[place].revents = 0
    }

    /// What was ready at an index when `wait` returned.
    public subscript(place: Int) -> Events { Events(rawValue: items[place].revents) }

    /// Waits until something is ready or the timeout expires. An interrupting signal does not end the wait.
    /// - Parameter timeout: nil: wait forever; zero: do not wait.
    /// - Returns: number of items that are ready; 0 if the timeout expired.
    /// - Throws: `.notASocket` if one of the sockets is closed, `.contextTerminated`.
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
