import CZeroMQ
import Glibc
import Synchronization

/// A change in a socket's connections.
public struct ZeroMQMonitorEvent: Sendable, Hashable {
    /// What changed.
    public enum Kind: Sendable, Hashable {
        /// A connection that this side initiated is established.
        case connected
        /// The connection attempt continues in the background.
        case connectDelayed
        /// It will be retried after this many milliseconds.
        case connectRetried(afterMilliseconds: Int)
        /// Bound and listening.
        case listening
        case bindFailed(ZeroMQError.Code)
        /// A connection that the other side initiated is established.
        case accepted
        case acceptFailed(ZeroMQError.Code)
        /// This side closed the connection or listener.
        case closed
        case closeFailed(ZeroMQError.Code)
        /// The connection broke, or was closed because of a violation such as an oversized frame.
        case disconnected
        /// The monitored socket was closed; this is the last event.
        case monitorStopped
        /// The handshake succeeded, including authentication if CURVE is used.
        case handshakeSucceeded
        case handshakeFailed(ZeroMQError.Code)
        /// The other side does not use ZMTP, or uses another security mechanism. One of zmq.h's `ZMQ_PROTOCOL_ERROR_`
        /// numbers.
        case handshakeFailedProtocol(Int)
        /// The authenticator refused the connection, with status 300, 400 or 500.
        case handshakeFailedAuthentication(status: Int)
        /// An event from a later library version: its number and value.
        case other(Int, value: Int)
    }

    public let kind: Kind
    /// The endpoint concerned: this side's own for `listening` and `accepted`.
    public let endpoint: String
}

/// The connection events of one socket, on the thread that owns both. Unread events accumulate: read them, or release
/// the monitor.
public struct ZeroMQMonitor: ~Copyable {
    private let monitored: ZeroMQSocket.Handle
    let receiver: ZeroMQSocket

    fileprivate init(_ socket: borrowing ZeroMQSocket) throws(ZeroMQError) {
        let number = monitorCount.add(1, ordering: .relaxed).newValue
        let endpoint = "inproc://zeromq-monitor-\(number)"
        receiver = try Self.start(endpoint, socket)
        monitored = socket.handle
    }

    private static func start(
        _ endpoint: String, _ socket: borrowing ZeroMQSocket
    ) throws(ZeroMQError) -> ZeroMQSocket {
        let receiver = try ZeroMQSocket(socket.handle.context, .pair)
        try receiver.set(.linger(.zero))
        // libzmq reports from its I/O thread and blocks there while the queue is full, so the queue must be unlimited.
        try receiver.set(.receiveHighWaterMark(0))
        guard zmq_socket_monitor(socket.pointer, endpoint, ZMQ_EVENT_ALL) == 0 else {
            throw ZeroMQError(lastOf: "monitor a \(socket.kind) socket")
        }
        do throws(ZeroMQError) {
            try receiver.connect(endpoint)
        } catch {
            zmq_socket_monitor(socket.pointer, nil, 0)
            throw error
        }
        return receiver
    }

    deinit {
        if let open = monitored.pointer { zmq_socket_monitor(open, nil, 0) }
    }

    /// - Parameter timeout: nil: wait forever; zero: do not wait.
    /// - Returns: the next event, or nil if the timeout expired.
    public func next(timeout: Duration? = nil) throws(ZeroMQError) -> ZeroMQMonitorEvent? {
        guard let frames = try receiver.receive(timeout: timeout) else { return nil }
        guard frames.count == 2, frames[0].count == 6 else {
            throw ZeroMQError(code: ZeroMQError.Code(rawValue: EPROTO), operation: "read a monitor event")
        }
        let (number, value) = frames[0].withUnsafeBytes {
            ($0.loadUnaligned(as: UInt16.self), $0.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
        }
        return ZeroMQMonitorEvent(
            kind: ZeroMQMonitorEvent.Kind(number: Int32(number), value: value),
            endpoint: String(decoding: frames[1], as: UTF8.self))
    }
}

/// Makes the inproc names of monitors unique.
private let monitorCount = Atomic<Int>(0)

extension ZeroMQSocket {
    /// Starts reporting connection events of this socket; call it before `bind` or `connect`. A socket has at most one
    /// monitor.
    public func monitor() throws(ZeroMQError) -> ZeroMQMonitor { try ZeroMQMonitor(self) }
}

extension ZeroMQMonitorEvent.Kind {
    fileprivate init(number: Int32, value: UInt32) {
        let code = ZeroMQError.Code(rawValue: Int32(truncatingIfNeeded: value))
        self =
            switch number {
            case ZMQ_EVENT_CONNECTED: .connected
            case ZMQ_EVENT_CONNECT_DELAYED: .connectDelayed
            case ZMQ_EVENT_CONNECT_RETRIED: .connectRetried(afterMilliseconds: Int(value))
            case ZMQ_EVENT_LISTENING: .listening
            case ZMQ_EVENT_BIND_FAILED: .bindFailed(code)
            case ZMQ_EVENT_ACCEPTED: .accepted
            case ZMQ_EVENT_ACCEPT_FAILED: .acceptFailed(code)
            case ZMQ_EVENT_CLOSED: .closed
            case ZMQ_EVENT_CLOSE_FAILED: .closeFailed(code)
            case ZMQ_EVENT_DISCONNECTED: .disconnected
            case ZMQ_EVENT_MONITOR_STOPPED: .monitorStopped
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: .handshakeSucceeded
            case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: .handshakeFailed(code)
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: .handshakeFailedProtocol(Int(value))
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: .handshakeFailedAuthentication(status: Int(value))
            default: .other(Int(number), value: Int(value))
            }
    }
}
