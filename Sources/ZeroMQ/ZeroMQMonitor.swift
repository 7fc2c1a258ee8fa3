import CZeroMQ
import Glibc
import Synchronization

/// What happened to a socket's connections.
public struct ZeroMQMonitorEvent: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// A connection that this side began stands.
        case connected
        /// The connection attempt goes on in the background.
        case connectDelayed
        /// It is tried again after so many milliseconds.
        case connectRetried(afterMilliseconds: Int)
        /// Bound and listening.
        case listening
        case bindFailed(ZeroMQError.Code)
        /// A connection that the other side began stands.
        case accepted
        case acceptFailed(ZeroMQError.Code)
        /// This side closed the connection or listener.
        case closed
        case closeFailed(ZeroMQError.Code)
        /// The connection broke, or was closed for a breach such as too large a frame.
        case disconnected
        /// The monitored socket closed: the last event.
        case monitorStopped
        /// The two sides understand each other and, with CURVE, know each other.
        case handshakeSucceeded
        case handshakeFailed(ZeroMQError.Code)
        /// The other side does not speak ZMTP, or another security mechanism. One of zmq.h's `ZMQ_PROTOCOL_ERROR_`
        /// numbers.
        case handshakeFailedProtocol(Int)
        /// The authenticator said no, with its status 300, 400 or 500.
        case handshakeFailedAuthentication(status: Int)
        /// Something that a later library reports: the event's number and value.
        case other(Int, value: Int)
    }

    public let kind: Kind
    /// The endpoint it concerns: this side's own for `listening` and `accepted`.
    public let endpoint: String
}

/// The connection events of one socket, on the thread that owns both. Events that nobody reads pile up: read them, or
/// let the monitor go.
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
        // libzmq reports from its I/O thread and waits there while the queue is full: the queue must not have an end.
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

    /// - Parameter timeout: nil: wait for ever; zero: only look.
    /// - Returns: the next event, or nil where the time passed.
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

/// Makes the inproc names of monitors differ.
private let monitorCount = Atomic<Int>(0)

extension ZeroMQSocket {
    /// Starts reporting what happens to this socket's connections from now on; before `bind` or `connect` is the time
    /// to ask. A socket has at most one monitor.
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
