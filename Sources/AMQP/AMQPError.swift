internal import CRabbitMQ

/// Why a broker cannot be used, in words for an operator.
public struct AMQPError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// Nobody answers at the address.
        case unreachable
        /// The name, the password or the virtual host is refused.
        case refused
        /// TLS: a certificate is missing, or not the one that was expected.
        case certificate
        /// The broker has closed the channel or the connection and said why; the code is AMQP's.
        case closed(code: Int)
        /// The connection is gone.
        case lost
        /// The broker sent what AMQP does not allow here, or the library cannot go on.
        case other
    }

    public var kind: Kind
    /// What happened, without the address.
    public var words: String

    public init(_ kind: Kind, _ words: String) {
        self.kind = kind
        self.words = words
    }

    public var description: String { words }

    /// - Parameter status: a return value of the library, below 0.
    init(status: Int32, doing what: String) {
        let reason = amqp_error_string2(status).map { String(cString: $0) } ?? "error \(status)"
        let kind: Kind =
            switch status {
            case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED.rawValue: .unreachable
            case AMQP_STATUS_SSL_ERROR.rawValue, AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue,
                AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue, AMQP_STATUS_SSL_CONNECTION_FAILED.rawValue:
                .certificate
            case AMQP_STATUS_CONNECTION_CLOSED.rawValue, AMQP_STATUS_SOCKET_CLOSED.rawValue,
                AMQP_STATUS_SOCKET_ERROR.rawValue, AMQP_STATUS_TIMEOUT.rawValue,
                AMQP_STATUS_HEARTBEAT_TIMEOUT.rawValue, AMQP_STATUS_TCP_ERROR.rawValue:
                .lost
            default: .other
            }
        self.init(kind, "\(what): \(reason)")
    }

    /// - Parameter reply: of a call that did not end well.
    init(_ reply: amqp_rpc_reply_t, doing what: String) {
        switch reply.reply_type {
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: self.init(status: reply.library_error, doing: what)
        case AMQP_RESPONSE_SERVER_EXCEPTION: self.init(method: reply.reply, doing: what)
        default: self.init(.lost, "\(what): the broker ended the connection")
        }
    }

    /// - Parameter method: the broker's close of a channel or of the connection.
    init(method: amqp_method_t, doing what: String) {
        guard let decoded = method.decoded else {
            self.init(.lost, "\(what): closed without a reason")
            return
        }
        // Both begin alike: the code, then the text.
        let close = decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
        let text = String(decoding: [UInt8](close.reply_text), as: UTF8.self)
        let isRefusal = close.reply_code == 403 || close.reply_code == 530
        self.init(isRefusal ? .refused : .closed(code: Int(close.reply_code)), "\(what): \(text)")
    }
}

extension [UInt8] {
    /// A copy of what the library lends.
    init(_ bytes: amqp_bytes_t) {
        guard let start = bytes.bytes, bytes.len > 0 else {
            self = []
            return
        }
        self = Array(UnsafeRawBufferPointer(start: start, count: bytes.len))
    }
}
