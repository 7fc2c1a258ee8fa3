public import SwiftProtobuf
public import ZeroMQ

extension Message {
    /// The message as bytes, in the schema's canonical JSON or in binary protobuf.
    /// - Throws: SwiftProtobuf's errors, for a text longer than 2 GB.
    public func body(as encoding: BodyEncoding) throws -> [UInt8] {
        switch encoding {
        case .binary: return try serializedBytes()
        case .json:
            var options = JSONEncodingOptions()
            options.useDeterministicOrdering = true
            return try jsonUTF8Bytes(options: options)
        }
    }
}

/// A display's end of the wire: sends commands to a daemon's command endpoint and gets the replies.
///
/// It belongs to the thread that made it, like its socket.
public struct CommandClient: ~Copyable {
    /// Where it sends to.
    public let endpoint: String
    private let socket: ZeroMQSocket
    private var lastNumber: UInt64 = 0

    /// Connects, now or as soon as the daemon is there.
    /// - Parameters:
    ///   - endpoint: such as `tcp://127.0.0.1:5574` or `ipc:///run/ecgmon/command`.
    ///   - keys: this display's key and the daemon's; nil: no encryption.
    /// - Throws: `.socket` for an endpoint that makes no sense.
    public init(endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil) throws(WireError) {
        self.endpoint = endpoint
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .dealer)
            try socket.set(.linger(.zero))
            try socket.set(.immediate(true))
            try socket.set(.maximumMessageSize(16 << 20))
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
        } catch {
            throw .socket(error)
        }
    }

    /// Sends a command and waits for its reply; replies to commands before it are passed over.
    /// - Parameters:
    ///   - command: its schema version and number are filled in.
    ///   - timeout: for both together.
    /// - Returns: nil where no reply came in that time: whether the command took effect is then not known.
    /// - Throws: `.socket`, or `.unreadable` for a reply that is none.
    public mutating func send(_ command: WireCommand, timeout: Duration) throws(WireError) -> WireCommandReply? {
        lastNumber += 1
        var command = command
        command.schemaVersion = SampleBlockLimits.schemaVersion
        command.number = lastNumber
        let body: [UInt8]
        do { body = try command.body(as: .binary) } catch { throw .unreadable(topic: "command") }
        let end = ContinuousClock.now + timeout
        do throws(ZeroMQError) {
            guard try socket.send(body, timeout: timeout) else { return nil }
            while true {
                let left = end - .now
                guard left > .zero, let frames = try socket.receive(timeout: left) else { return nil }
                guard let last = frames.last, let reply = try? WireCommandReply(serializedBytes: last) else { continue }
                // 0: it could not be read at all, which ours always can.
                if reply.number == lastNumber || reply.number == 0 { return reply }
            }
        } catch {
            throw .socket(error)
        }
    }
}
