internal import StateCoding

/// A run of consecutive beats of one class, and the alert that may be based on it.
struct BeatRun: Sendable, Codable, RangeChecked {
    /// Number of intervals over which the run's rate is averaged.
    private static let rateIntervals = 4

    /// Consecutive beats of the class up to the last beat.
    private(set) var count = 0
    /// R peaks of the run's first and last beat, source rate.
    private(set) var first: Int64 = 0
    private(set) var last: Int64 = 0
    /// Beats of other classes since the class was last seen.
    private(set) var others = 0
    private var peaks = InlineArray<5, Int64>(repeating: 0)

    var isInRange: Bool { count >= 0 }

    mutating func extend(to index: Int64) {
        others = 0
        if count == 0 { first = index }
        last = index
        peaks[count % 5] = index
        count += 1
    }

    /// A beat of another class.
    mutating func interrupt() {
        count = 0
        others += 1
    }

    /// The signal was interrupted: what comes next does not continue the run.
    mutating func cut() { count = 0 }

    /// Samples spanned by the last intervals of the run, at most four, and their number; nil for a single beat.
    var lastIntervals: (samples: Int64, count: Int)? {
        let intervals = min(count - 1, Self.rateIntervals)
        guard intervals > 0 else { return nil }
        return (last - peaks[(count - 1 - intervals) % 5], intervals)
    }

    /// Beats per minute over the last intervals of the run.
    func rate(samplingRate: Double) -> Double? {
        guard let lastIntervals, lastIntervals.samples > 0 else { return nil }
        return 60 * samplingRate * Double(lastIntervals.count) / Double(lastIntervals.samples)
    }
}
