public import ZeroMQ

/// What the clients throw.
public enum WireError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The block is not one that the daemon would take; nothing was sent.
    case rejected(SampleBlockRejection)
    /// The socket.
    case socket(ZeroMQError)
    /// A published message that cannot be read; the next one may be well. The topic as it came, shortened and without
    /// control characters.
    case unreadable(topic: String)

    public var description: String {
        switch self {
        case .rejected(let reason): "samples not sent: \(reason)"
        case .socket(let error): error.description
        case .unreadable(let topic): "cannot read the message on topic '\(topic)'"
        }
    }
}
