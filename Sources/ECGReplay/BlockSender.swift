public import ECGWire
public import ToolSupport

/// The destination of the sample blocks of a replay.
public protocol BlockSender: ~Copyable {
    /// Sends one block; waits while the daemon is behind or away.
    /// - Returns: false if interrupted while waiting.
    mutating func send(_ block: WireSampleBlock) throws(ToolError) -> Bool

    /// Waits until the daemon has received everything that was sent, as far as this can be known.
    mutating func finish() throws(ToolError)

    /// How often the daemon accepted nothing for a second or longer.
    var stalls: Int { get }
}

extension ReplaySender: BlockSender {
    public mutating func finish() { waitUntilRead() }
}
