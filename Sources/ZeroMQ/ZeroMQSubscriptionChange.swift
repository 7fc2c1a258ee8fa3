/// What an XPUB socket receives when a subscriber subscribes to a prefix or unsubscribes from it.
public struct ZeroMQSubscriptionChange: Sendable, Hashable {
    /// True: the first subscriber to the prefix (with `xpubVerbose`, any); false: the last one left.
    public let isSubscribed: Bool
    /// Empty: all messages.
    public let prefix: [UInt8]

    /// - Parameter frame: the only frame of the message received.
    /// - Returns: nil if the frame is the subscriber's own message and not a subscription.
    public init?(frame: UnsafeRawBufferPointer) {
        guard let first = frame.first, first <= 1 else { return nil }
        isSubscribed = first == 1
        prefix = Array(frame.dropFirst())
    }
}
