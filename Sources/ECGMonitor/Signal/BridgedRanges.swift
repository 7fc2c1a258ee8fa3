internal import StateCoding

/// Where the last short interruptions of a segment were bridged: time went on there, but nothing was seen.
struct BridgedRanges: Sendable, Codable, RangeChecked {
    /// The last sixteen, in the order of time: more than a beat's window and a search-back can reach over. Numbers side by
    /// side rather than a struct of them: the compiler (6.3.1) copies an InlineArray of structs wrongly whose stride is no
    /// multiple of 16.
    private var firsts = InlineArray<16, Int64>(repeating: 0)
    private var counts = InlineArray<16, Int64>(repeating: 0)
    /// A bit for each: the samples never came, rather than that they were unusable.
    private var areMissing: UInt16 = 0
    private var added = 0

    var isInRange: Bool { added >= 0 }

    /// - Parameters:
    ///   - first: in samples at 360 Hz of the segment.
    ///   - isMissing: the samples never came, rather than that they were unusable.
    mutating func add(first: Int64, count: Int64, isMissing: Bool) {
        let place = added % 16
        firsts[place] = first
        counts[place] = count
        areMissing = isMissing ? areMissing | 1 << UInt16(place) : areMissing & ~(1 << UInt16(place))
        // Only the place in the ring and how many there are matter.
        added = added < 1_000_000 ? added + 1 : 16 + (added + 1) % 16
    }

    mutating func removeAll() { added = 0 }

    /// Samples of `range` that were bridged.
    func count(in range: Range<Int64>) -> Int64 {
        var sum: Int64 = 0
        for index in 0..<min(added, 16) {
            sum += max(0, min(range.upperBound, firsts[index] + counts[index]) - max(range.lowerBound, firsts[index]))
        }
        return sum
    }

    /// Why a beat whose window they cut cannot be classified.
    func cause(in range: Range<Int64>) -> NotClassifiedCause {
        for index in 0..<min(added, 16) where areMissing & 1 << UInt16(index) != 0 {
            if firsts[index] < range.upperBound, firsts[index] + counts[index] > range.lowerBound { return .gapAtEdge }
        }
        return .poorSignal
    }
}
