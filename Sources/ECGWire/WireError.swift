public import ZeroMQ

/// Errors thrown by the clients.
public enum WireError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The daemon would not accept the block; nothing was sent.
    case rejected(SampleBlockRejection)
    /// The socket failed.
    case socket(ZeroMQError)
    /// A published message that cannot be decoded; the next one may be fine. Carries the topic as received, shortened
    /// and without control characters.
    case unreadable(topic: String)

    public var description: String {
        switch self {
        case .rejected(let reason): "samples not sent: \(reason)"
        case .socket(let error): error.description
        case .unreadable(let topic): "cannot read the message on topic '\(topic)'"
        }
    }
}
