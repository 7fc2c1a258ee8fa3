internal import StateCoding

/// Heart rate averaged as bedside monitors do: of the last twelve RR intervals, the longest and the shortest are left
/// out and the others averaged; if each of the last three is longer than 1.2 s, only the last four are averaged, so
/// that a slow rate is seen quickly. The same if the last four, without the longest, average more than 1.5 s: a slow and
/// irregular rhythm. Manufacturers disclose the method in their manuals, as IEC 60601-2-27, 201.7.9.2.9.101 b) 3),
/// requires.
struct HeartRate: Sendable, Codable, RangeChecked {
    static let intervals = 12
    /// Minimum number of intervals for a rate.
    static let minimumIntervals = 4
    static let slowInterval: Float = 1.2
    /// In s, 40/min.
    static let verySlowInterval: Float = 1.5
    /// Number of intervals that must differ by no more than this share of their mean to count as steady.
    static let steadyIntervals = 6
    static let steadySpread: Float = 0.25

    private var ring = InlineArray<12, Float>(repeating: 0)
    private var count = 0
    private var position = 0

    /// Beats per minute; `nil` if there are too few beats.
    private(set) var beatsPerMinute: Double?
    /// Mean interval from the same average, in s.
    private(set) var meanInterval: Double?

    var isInRange: Bool { (0...Self.intervals).contains(count) && (0..<Self.intervals).contains(position) }

    mutating func add(interval seconds: Double) {
        ring[position] = Float(seconds)
        position = (position + 1) % Self.intervals
        count = min(count + 1, Self.intervals)
        guard count >= Self.minimumIntervals, let mean = average(), mean > 0 else { return }
        meanInterval = mean
        beatsPerMinute = 60 / mean
    }

    mutating func reset() { self = HeartRate() }

    /// Whether the last intervals are much alike, as in a fast regular rhythm but not among false beats caused by
    /// noise.
    var isSteady: Bool {
        guard count >= Self.steadyIntervals else { return false }
        var (sum, shortest, longest) = (Float(0), Float.infinity, Float(0))
        for back in 1...Self.steadyIntervals {
            sum += last(back)
            shortest = min(shortest, last(back))
            longest = max(longest, last(back))
        }
        return longest - shortest <= Self.steadySpread * sum / Float(Self.steadyIntervals)
    }

    private func last(_ back: Int) -> Float {
        ring[(position - back + Self.intervals) % Self.intervals]
    }

    private var isSlow: Bool {
        if last(1) > Self.slowInterval, last(2) > Self.slowInterval, last(3) > Self.slowInterval { return true }
        let sum = last(1) + last(2) + last(3) + last(4)
        return sum - max(last(1), last(2), last(3), last(4)) > 3 * Self.verySlowInterval
    }

    private func average() -> Double? {
        if isSlow {
            return Double(last(1) + last(2) + last(3) + last(4)) / 4
        }
        var sum = 0.0
        var shortest = Float.infinity
        var longest: Float = 0
        for back in 1...count {
            sum += Double(last(back))
            shortest = min(shortest, last(back))
            longest = max(longest, last(back))
        }
        // With few intervals there is nothing to leave out.
        guard count > 5 else { return sum / Double(count) }
        return (sum - Double(shortest) - Double(longest)) / Double(count - 2)
    }
}
