internal import StateCoding

/// A row of beats of one class without another between, and the alert that may rest on it.
struct BeatRun: Sendable, Codable, RangeChecked {
    /// Intervals that the row's rate is averaged over.
    private static let rateIntervals = 4

    /// Beats of the class in a row, up to the last beat.
    private(set) var count = 0
    /// R peaks of the row's first and last beat, source rate.
    private(set) var first: Int64 = 0
    private(set) var last: Int64 = 0
    /// Other beats since the class was last seen.
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

    /// The signal was interrupted: what comes next is not in a row with what was.
    mutating func cut() { count = 0 }

    /// Samples of the last intervals of the row, at most four, and how many there are; nil for a single beat.
    var lastIntervals: (samples: Int64, count: Int)? {
        let intervals = min(count - 1, Self.rateIntervals)
        guard intervals > 0 else { return nil }
        return (last - peaks[(count - 1 - intervals) % 5], intervals)
    }

    /// Beats a minute over the last intervals of the row.
    func rate(samplingRate: Double) -> Double? {
        guard let lastIntervals, lastIntervals.samples > 0 else { return nil }
        return 60 * samplingRate * Double(lastIntervals.count) / Double(lastIntervals.samples)
    }
}
