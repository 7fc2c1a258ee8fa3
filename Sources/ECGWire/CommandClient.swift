public import SwiftProtobuf
public import ZeroMQ

extension Message {
    /// The message as bytes, either in the schema's canonical JSON or in binary protobuf.
    /// - Throws: SwiftProtobuf's errors if the text exceeds 2 GB.
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

/// The display side of a connection: sends commands to a daemon's command endpoint and receives the replies.
///
/// Like its socket, it belongs to the thread that created it.
public struct CommandClient: ~Copyable {
    /// The endpoint that it sends to.
    public let endpoint: String
    private let socket: ZeroMQSocket
    private var lastNumber: UInt64 = 0

    /// Connects now, or as soon as the daemon is available.
    /// - Parameters:
    ///   - endpoint: such as `tcp://127.0.0.1:5574` or `ipc:///run/ecgmon/command`.
    ///   - context: the context of its socket.
    ///   - keys: the key of this display and that of the daemon; nil: no encryption.
    /// - Throws: `.socket` for an invalid endpoint.
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

    /// Sends a command and waits for its reply; late replies to earlier commands are skipped.
    /// - Parameters:
    ///   - command: its schema version and number are filled in automatically.
    ///   - timeout: limit for sending and waiting together.
    /// - Returns: nil if no reply came in that time; it is then unknown whether the command took effect.
    /// - Throws: `.socket`, or `.unreadable` if the reply cannot be decoded.
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
                // 0: the daemon could not decode the command, which never happens with ours.
                if reply.number == lastNumber || reply.number == 0 { return reply }
            }
        } catch {
            throw .socket(error)
        }
    }
}
