/// What an XPUB socket receives when a subscriber comes for a prefix, or goes.
public struct ZeroMQSubscriptionChange: Sendable, Hashable {
    /// True: the first (with `xpubVerbose`, any) subscriber for the prefix; false: the last one left.
    public let isSubscribed: Bool
    /// Empty: everything.
    public let prefix: [UInt8]

    /// - Parameter frame: the only frame of the message received.
    /// - Returns: nil where the frame is a message of the subscriber's own and not a subscription.
    public init?(frame: UnsafeRawBufferPointer) {
        guard let first = frame.first, first <= 1 else { return nil }
        isSubscribed = first == 1
        prefix = Array(frame.dropFirst())
    }
}
