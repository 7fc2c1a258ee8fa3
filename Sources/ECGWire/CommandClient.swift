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
    private var connection: RequestConnection

    /// Connects now, or as soon as the daemon is available.
    /// - Parameters:
    ///   - endpoint: such as `tcp://127.0.0.1:5574` or `ipc:///run/ecgmon/command`.
    ///   - context: the context of its socket.
    ///   - keys: the key of this display and that of the daemon; nil: no encryption.
    /// - Throws: `.socket` for an invalid endpoint.
    public init(endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil) throws(WireError) {
        self.endpoint = endpoint
        connection = try RequestConnection(endpoint, context, keys, maximumReplySize: 16 << 20)
    }

    /// Sends a command and waits for its reply; late replies to earlier commands are skipped.
    /// - Parameters:
    ///   - command: its schema version and number are filled in automatically.
    ///   - timeout: limit for sending and waiting together.
    /// - Returns: nil if no reply came in that time; it is then unknown whether the command took effect.
    /// - Throws: `.socket`, or `.unreadable` if the reply cannot be decoded.
    public mutating func send(_ command: WireCommand, timeout: Duration) throws(WireError) -> WireCommandReply? {
        var command = command
        command.schemaVersion = SampleBlockLimits.schemaVersion
        command.number = connection.nextNumber()
        let body: [UInt8]
        do { body = try command.body(as: .binary) } catch { throw .unreadable(topic: "command") }
        return try connection.exchange(body, timeout: timeout) { try? WireCommandReply(serializedBytes: $0) }
    }
}

extension WireCommandReply: NumberedReply {}
