internal import ZeroMQ

/// A reply that repeats the number of its request.
protocol NumberedReply {
    var number: UInt64 { get }
}

/// A DEALER socket for requests that are answered one by one. Each request has a number, which its reply repeats.
///
/// Like its socket, it belongs to the thread that created it.
struct RequestConnection: ~Copyable {
    private let socket: ZeroMQSocket
    private var lastNumber: UInt64 = 0

    /// Connects now, or as soon as the daemon is available.
    /// - Throws: `.socket` for an invalid endpoint.
    init(
        _ endpoint: String, _ context: ZeroMQContext, _ keys: CurveClientKeys?, maximumReplySize: Int
    ) throws(WireError) {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .dealer)
            try socket.set(.linger(.zero))
            try socket.set(.immediate(true))
            try socket.set(.reconnectInterval(.milliseconds(50)))
            try socket.set(.reconnectIntervalMaximum(.seconds(1)))
            try socket.set(.maximumMessageSize(maximumReplySize))
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
        } catch {
            throw .socket(error)
        }
    }

    /// The number for the next request.
    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// Sends a request and waits for its reply; late replies to earlier requests are skipped.
    /// - Parameters:
    ///   - body: the request, with the last number that `nextNumber` returned.
    ///   - timeout: limit for sending and waiting together.
    ///   - connecting: how long to wait for a connection if there is none; nil: as long as `timeout`.
    /// - Returns: nil if no reply came in that time.
    /// - Throws: `.socket`.
    func exchange<Reply: NumberedReply>(
        _ body: [UInt8], timeout: Duration, connecting: Duration? = nil, decode: ([UInt8]) -> Reply?
    ) throws(WireError) -> Reply? {
        let end = ContinuousClock.now + timeout
        do throws(ZeroMQError) {
            guard try socket.send(body, timeout: connecting ?? timeout) else { return nil }
            while true {
                let left = end - .now
                guard left > .zero, let frames = try socket.receive(timeout: left) else { return nil }
                guard let last = frames.last, let reply = decode(last) else { continue }
                // 0: the daemon could not decode the request, which never happens with ours.
                if reply.number == lastNumber || reply.number == 0 { return reply }
            }
        } catch {
            throw .socket(error)
        }
    }
}
