import ToolSupport
import ZeroMQ

/// Whether somebody who speaks ZeroMQ answers at an endpoint, now and later. A subscriber's socket by itself never
/// says.
struct ConnectionWatch: ~Copyable {
    enum Change {
        case connected
        case lost
    }

    private let socket: ZeroMQSocket
    private let monitor: ZeroMQMonitor
    private(set) var isConnected = false

    /// A connection of its own, which subscribes to nothing.
    /// - Throws: `ToolError` for an endpoint that makes no sense.
    init(eventsEndpoint endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil) throws(ToolError) {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .sub)
            try socket.set(.linger(.zero))
            try socket.noticeVanishedPeers()
            let monitor = try socket.monitor()
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.monitor = monitor
            self.socket = socket
        } catch {
            throw ToolError(
                "cannot connect to \(printable(endpoint)): \(error.text)",
                nextStep: "Give an endpoint such as tcp://127.0.0.1:5572 or ipc:///run/ecgmon/events")
        }
    }

    /// The next change; nil where the time passed without one.
    mutating func next(timeout: Duration) -> Change? {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        while let event = try? monitor.next(timeout: max(.zero, deadline - clock.now)) {
            switch event.kind {
            case .handshakeSucceeded where !isConnected:
                isConnected = true
                return .connected
            case .disconnected where isConnected:
                isConnected = false
                return .lost
            default: continue
            }
        }
        return nil
    }

    /// Waits for the first connection, until then or an interruption.
    mutating func waitUntilConnected(timeout: Duration, stoppingIf shouldStop: () -> Bool = { false }) -> Bool {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        while !isConnected, clock.now < deadline, !Interruption.requested, !shouldStop() {
            _ = next(timeout: min(.milliseconds(50), max(.zero, deadline - clock.now)))
        }
        return isConnected
    }
}
