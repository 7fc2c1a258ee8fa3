import SwiftProtobuf
public import ZeroMQ

/// Queries a daemon for events that it has already published.
///
/// Like its socket, it belongs to the thread that created it.
public struct HistoryClient: ~Copyable {
    /// The endpoint that it queries.
    public let endpoint: String
    private var connection: RequestConnection

    /// Connects now, or as soon as the daemon is available.
    /// - Parameters:
    ///   - endpoint: such as `tcp://127.0.0.1:5573` or `ipc:///run/ecgmon/history`.
    ///   - context: the context of its socket.
    ///   - keys: the key of this client and that of the daemon; nil: no encryption.
    /// - Throws: `.socket` for an invalid endpoint.
    public init(endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil) throws(WireError) {
        self.endpoint = endpoint
        connection = try RequestConnection(endpoint, context, keys, maximumReplySize: 64 << 20)
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
        var request = WireHistoryRequest()
        request.schemaVersion = SampleBlockLimits.schemaVersion
        request.number = connection.nextNumber()
        request.question = question
        guard let body = try? request.body(as: .binary) else { return nil }
        return try connection.exchange(body, timeout: timeout, connecting: connecting) {
            try? WireHistoryReply(serializedBytes: $0)
        }
    }
}

extension WireHistoryReply: NumberedReply {}
