import SwiftProtobuf
public import ZeroMQ

/// Queries a daemon for events that it has already published.
///
/// Like its socket, it belongs to the thread that created it.
public struct HistoryClient: ~Copyable {
    /// The endpoint that it queries.
    public let endpoint: String
    private let socket: ZeroMQSocket
    private var lastNumber: UInt64 = 0

    /// Connects now, or as soon as the daemon is available.
    /// - Parameters:
    ///   - endpoint: such as `tcp://127.0.0.1:5573` or `ipc:///run/ecgmon/history`.
    ///   - context: the context of its socket.
    ///   - keys: the key of this client and that of the daemon; nil: no encryption.
    /// - Throws: `.socket` for an invalid endpoint.
    public init(endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil) throws(WireError) {
        self.endpoint = endpoint
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .dealer)
            try socket.set(.linger(.zero))
            try socket.set(.immediate(true))
            try socket.set(.reconnectInterval(.milliseconds(50)))
            try socket.set(.reconnectIntervalMaximum(.seconds(1)))
            try socket.set(.maximumMessageSize(64 << 20))
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
        } catch {
            throw .socket(error)
        }
    }

    /// Sends a query and waits for the reply; late replies to earlier queries are skipped.
    /// - Parameters:
    ///   - question: what to ask.
    ///   - timeout: limit for sending and waiting together.
    ///   - connecting: how long to wait for a connection if there is none; nil: as long as `timeout`.
    /// - Returns: nil if no reply came in that time. `WireHistoryReply.error` is set if the daemon could not answer.
    /// - Throws: `.socket`.
    public mutating func ask(
        _ question: WireHistoryRequest.OneOf_Question, timeout: Duration, connecting: Duration? = nil
    ) throws(WireError) -> WireHistoryReply? {
        lastNumber += 1
        var request = WireHistoryRequest()
        request.schemaVersion = SampleBlockLimits.schemaVersion
        request.number = lastNumber
        request.question = question
        guard let body = try? request.body(as: .binary) else { return nil }
        let end = ContinuousClock.now + timeout
        do throws(ZeroMQError) {
            guard try socket.send(body, timeout: connecting ?? timeout) else { return nil }
            while true {
                let left = end - .now
                guard left > .zero, let frames = try socket.receive(timeout: left) else { return nil }
                guard let last = frames.last, let reply = try? WireHistoryReply(serializedBytes: last) else { continue }
                if reply.number == lastNumber || reply.number == 0 { return reply }
            }
        } catch {
            throw .socket(error)
        }
    }
}
