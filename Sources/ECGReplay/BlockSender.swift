public import ECGWire
public import ToolSupport

/// Where a replay sends its blocks.
public protocol BlockSender: ~Copyable {
    /// Hands one block over; waits while the daemon is behind or away.
    /// - Returns: false when interrupted while waiting.
    mutating func send(_ block: WireSampleBlock) throws(ToolError) -> Bool

    /// Stays until the daemon has what was sent, as far as that can be told.
    mutating func finish() throws(ToolError)

    /// How often the daemon took nothing for a second or longer.
    var stalls: Int { get }
}

extension ReplaySender: BlockSender {
    public mutating func finish() { waitUntilRead() }
}
