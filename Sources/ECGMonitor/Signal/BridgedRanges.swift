internal import StateCoding

/// Where the segment's most recent short interruptions were bridged: time advanced, but nothing was observed.
struct BridgedRanges: Sendable, Codable, RangeChecked {
    /// The last sixteen, in order of time: more than a beat's window and a search-back can span. These are parallel
    /// arrays of numbers rather than one of structs, because the compiler (6.3.1) copies an InlineArray of structs
    /// incorrectly if their stride is not a multiple of 16.
    private var firsts = InlineArray<16, Int64>(repeating: 0)
    private var counts = InlineArray<16, Int64>(repeating: 0)
    /// One bit per interruption: set if the samples never arrived, clear if they were unusable.
    private var areMissing: UInt16 = 0
    private var added = 0

    var isInRange: Bool { added >= 0 }

    /// - Parameters:
    ///   - first: index of the first sample, at 360 Hz within the segment.
    ///   - isMissing: whether the samples never arrived, rather than being unusable.
    mutating func add(first: Int64, count: Int64, isMissing: Bool) {
        let place = added % 16
        firsts[place] = first
        counts[place] = count
        areMissing = isMissing ? areMissing | 1 << UInt16(place) : areMissing & ~(1 << UInt16(place))
        // Only the position in the ring and the number of entries matter.
        added = added < 1_000_000 ? added + 1 : 16 + (added + 1) % 16
    }

    mutating func removeAll() { added = 0 }

    /// Number of samples in `range` that were bridged.
    func count(in range: Range<Int64>) -> Int64 {
        var sum: Int64 = 0
        for index in 0..<min(added, 16) {
            sum += max(0, min(range.upperBound, firsts[index] + counts[index]) - max(range.lowerBound, firsts[index]))
        }
        return sum
    }

    /// Why a beat whose window overlaps them cannot be classified.
    func cause(in range: Range<Int64>) -> NotClassifiedCause {
        for index in 0..<min(added, 16) where areMissing & 1 << UInt16(index) != 0 {
            if firsts[index] < range.upperBound, firsts[index] + counts[index] > range.lowerBound { return .gapAtEdge }
        }
        return .poorSignal
    }
}
