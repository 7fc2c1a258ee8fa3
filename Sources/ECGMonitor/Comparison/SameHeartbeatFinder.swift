/// Finds streams that carry the same heartbeat at the same time: one patient on two streams, a stream that is copied to
/// another, or a cable in the wrong place.
///
/// The intervals between the beats are compared, not samples: so the copy may have another gain, lead, sampling rate or
/// a little noise, and may come some seconds later. Each interval in common is evidence in bits, as in `ReplayRule`;
/// each that differs takes `missBits` away.
public struct SameHeartbeatFinder: Sendable {
    /// Two streams, in the order of their names.
    public struct Pair: Sendable, Hashable {
        public let first: String
        public let second: String

        init(_ one: String, _ other: String) { (first, second) = one < other ? (one, other) : (other, one) }
    }

    /// Evidence from which two excerpts are the same. Two comparisons in a row decide.
    static let sufficientBits: Float = 40
    private static let missBits: Float = 4
    private static let comparisonsInARow = 2
    /// Excerpts are kept for so long, which is how far a copy may be behind; ns.
    private static let keptFor: UInt64 = 20_000_000_000
    /// A pair without another excerpt in common for so long is over, ns.
    private static let overAfter: UInt64 = 120_000_000_000
    /// Excerpts with one code that are kept: the newest.
    private static let keptOfCode = 8
    private static let maximumPairs = 4_096

    private struct Entry: Sendable {
        var stream: String
        var excerpt: HeartbeatPattern.Excerpt
        var at: UInt64
    }

    private struct Evidence: Sendable {
        var comparisons = 0
        var lastAt: UInt64
    }

    private var entries: [UInt16: [Entry]] = [:]
    private var pairs: [Pair: Evidence] = [:]

    public init() {}

    /// Compares a stream with what others have shown in the last seconds.
    /// - Parameters:
    ///   - excerpt: of the stream's pattern.
    ///   - now: monotonic, ns.
    /// - Returns: pairs that are now known to have the same heartbeat, and were not before.
    public mutating func compare(
        _ excerpt: HeartbeatPattern.Excerpt, of stream: String, at now: UInt64
    ) -> [Pair] {
        var found: [Pair] = []
        var own = entries[excerpt.code] ?? []
        own.removeAll { $0.at + Self.keptFor < now || $0.stream == stream }
        for entry in own where Self.bits(entry.excerpt, excerpt) >= Self.sufficientBits {
            let pair = Pair(entry.stream, stream)
            guard pairs[pair] != nil || pairs.count < Self.maximumPairs else { continue }
            pairs[pair, default: Evidence(lastAt: now)].comparisons += 1
            pairs[pair]?.lastAt = now
            if pairs[pair]?.comparisons == Self.comparisonsInARow { found.append(pair) }
        }
        if own.count == Self.keptOfCode { own.removeFirst() }
        own.append(Entry(stream: stream, excerpt: excerpt, at: now))
        entries[excerpt.code] = own
        return found
    }

    /// Drops what is old.
    /// - Returns: pairs that have had no heartbeat in common lately.
    public mutating func expire(at now: UInt64) -> [Pair] {
        entries = entries.filter { $0.value.contains { $0.at + Self.keptFor >= now } }
        let over = pairs.filter { $0.value.lastAt + Self.overAfter < now }
        for pair in over.keys { pairs[pair] = nil }
        return over.filter { $0.value.comparisons >= Self.comparisonsInARow }.map(\.key)
    }

    /// Pairs with the same heartbeat, in the order of their names.
    public var found: [Pair] {
        pairs.filter { $0.value.comparisons >= Self.comparisonsInARow }.keys
            .sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }

    /// The evidence of the newest intervals in common, as many of them as give the most.
    private static func bits(_ one: HeartbeatPattern.Excerpt, _ other: HeartbeatPattern.Excerpt) -> Float {
        let bits = min(one.bitsOfInterval, other.bitsOfInterval)
        var (sum, greatest): (Float, Float) = (0, 0)
        for (a, b) in zip(one.intervals.reversed(), other.intervals.reversed()) {
            sum += abs(a - b) <= HeartbeatPattern.tolerance ? bits : -missBits
            greatest = max(greatest, sum)
        }
        return greatest
    }
}
