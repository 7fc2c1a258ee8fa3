/// How long a broker takes to confirm, and how long it may take before the channel is given up.
///
/// A channel of RabbitMQ 3.10 that has sent to a queue whose leader is gone tries again only after ten seconds. A new
/// channel asks who leads now.
public struct ConfirmPace: Sendable {
    /// Recent time from publishing to the confirm; ns.
    private var usual: Double = 0

    /// Whatever the pace is; ns.
    private static let leastPatience: UInt64 = 5_000_000_000

    public init() {}

    /// - Parameter nanoseconds: how long a confirm has taken.
    public mutating func note(_ nanoseconds: UInt64) { usual += (Double(nanoseconds) - usual) / 64 }

    /// How long a confirm may take: a broker that is slow for all is left in peace; ns.
    public var patience: UInt64 { max(Self.leastPatience, UInt64(8 * usual)) }
}
