internal import StateCoding

/// Where the last short interruptions of a segment were bridged: time went on there, but nothing was seen.
struct BridgedRanges: Sendable, Codable, RangeChecked {
    private struct Span: Sendable, Codable {
        var first: Int64 = 0
        var count: Int64 = 0
        var isMissing = false
    }

    /// The last sixteen, in the order of time: more than a beat's window and a search-back can reach over.
    private var spans = InlineArray<16, Span>(repeating: Span())
    private var added = 0

    var isInRange: Bool { added >= 0 }

    /// - Parameters:
    ///   - first: in samples at 360 Hz of the segment.
    ///   - isMissing: the samples never came, rather than that they were unusable.
    mutating func add(first: Int64, count: Int64, isMissing: Bool) {
        spans[added % 16] = Span(first: first, count: count, isMissing: isMissing)
        // Only the place in the ring and how many there are matter.
        added = added < 1_000_000 ? added + 1 : 16 + (added + 1) % 16
    }

    mutating func removeAll() { added = 0 }

    /// Samples of `range` that were bridged.
    func count(in range: Range<Int64>) -> Int64 {
        var sum: Int64 = 0
        for index in 0..<min(added, 16) {
            let span = spans[index]
            sum += max(0, min(range.upperBound, span.first + span.count) - max(range.lowerBound, span.first))
        }
        return sum
    }

    /// Why a beat whose window they cut cannot be classified.
    func cause(in range: Range<Int64>) -> NotClassifiedCause {
        for index in 0..<min(added, 16) where spans[index].isMissing {
            let span = spans[index]
            if span.first < range.upperBound, span.first + span.count > range.lowerBound { return .gapAtEdge }
        }
        return .poorSignal
    }
}
