import Glibc

/// The last intervals between a stream's beats, by which it is compared with other streams.
///
/// Two hearts never beat alike for long. A pattern is compared at beats that its own intervals choose, so two streams
/// with the same heartbeat choose the same beats, whenever they arrive.
public struct HeartbeatPattern: Sendable {
    /// What is compared at a chosen beat.
    public struct Excerpt: Sendable, Equatable {
        /// The last intervals, in s, the newest last.
        var intervals: [Float]
        /// What each interval in common says, in bits: how rarely this rhythm repeats itself by accident.
        var bitsOfInterval: Float
        /// Which of the last intervals are longer than those before them.
        var code: UInt16
    }

    /// Intervals that are compared, at most and at least.
    static let length = 40
    private static let minimumLength = 16
    /// Intervals are the same if they differ by at most this many s.
    static let tolerance: Float = 0.004
    /// A beat is chosen if its interval is the longest of so many.
    private static let chosenAmong = 8
    /// Intervals in the code, beside the first.
    private static let codeLength = 12
    private static let maximumBits: Float = 4

    private var intervals: [Float] = []

    public init() {}

    /// Takes the next beat.
    /// - Parameter interval: to the beat before, in s; nil: unknown, and the pattern begins anew.
    /// - Returns: what to compare with other streams; nil at most beats, and where the rhythm is too regular to be
    ///   known again, as with a pacemaker.
    public mutating func append(_ interval: Double?) -> Excerpt? {
        guard let interval, interval > 0, interval < 10 else {
            intervals.removeAll(keepingCapacity: true)
            return nil
        }
        if intervals.count == Self.length { intervals.removeFirst() }
        intervals.append(Float(interval))
        guard intervals.count >= Self.minimumLength,
            intervals.suffix(Self.chosenAmong).dropLast().allSatisfy({ $0 < Float(interval) })
        else { return nil }
        let bits = Self.bitsOfInterval(intervals)
        guard bits * Float(intervals.count) >= SameHeartbeatFinder.sufficientBits else { return nil }
        return Excerpt(intervals: intervals, bitsOfInterval: bits, code: Self.code(intervals))
    }

    /// From how often an interval is the same as the one before it, or as the one before that (bigeminy) or the one
    /// before that (trigeminy).
    private static func bitsOfInterval(_ intervals: [Float]) -> Float {
        var chance: Float = 0
        for lag in 1...3 {
            let same = (lag..<intervals.count).count { abs(intervals[$0] - intervals[$0 - lag]) <= tolerance }
            chance = max(chance, Float(same + 1) / Float(intervals.count - lag + 2))
        }
        return min(maximumBits, -log2f(chance))
    }

    private static func code(_ intervals: [Float]) -> UInt16 {
        let last = intervals.suffix(codeLength + 1)
        return zip(last, last.dropFirst()).reduce(0) { $0 << 1 | ($1.0 < $1.1 ? 1 : 0) }
    }
}
