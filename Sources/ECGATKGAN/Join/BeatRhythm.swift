#if canImport(Glibc)
    import Glibc
#endif
internal import StateCoding

/// The intervals between a patient's last beats, and what they make of the next.
struct BeatRhythm: Sendable, Codable, RangeChecked {
    /// Intervals that the local median is taken of.
    private static let localCount = 8
    /// Intervals outside are taken as these, in s: below lies double detection, above a pause, and how long it was does not matter.
    private static let plausible: ClosedRange<Float> = 0.2...3
    /// Where nothing is known yet, in s: 75 beats a minute.
    private static let typical: Float = 0.8

    /// The last intervals, newest first, in s.
    private var last = InlineArray<8, Float>(repeating: 0)
    private var count = 0
    /// Running mean of the intervals with a weight of 1/32 for each, in s; 0: none yet. Outlives interruptions.
    private var longMean: Float = 0
    /// Running mean of the change from interval to interval, as the absolute logarithm of their ratio.
    private var irregularity: Float = 0

    var isInRange: Bool { (0...Self.localCount).contains(count) }

    /// What comes next is not connected with what was: no interval reaches over the interruption.
    mutating func interrupt() { count = 0 }

    /// - Parameter interval: from the beat before, in s; nil: there was none.
    mutating func add(_ interval: Float?) {
        guard let interval else { return }
        let clamped = Self.clamp(interval)
        irregularity += 0.1 * (abs(logf(clamped / (count > 0 ? last[0] : local))) - irregularity)
        longMean = longMean == 0 ? clamped : longMean + (clamped - longMean) / 32
        for i in stride(from: Self.localCount - 1, to: 0, by: -1) { last[i] = last[i - 1] }
        last[0] = clamped
        count = min(count + 1, Self.localCount)
    }

    private static func clamp(_ interval: Float) -> Float {
        min(max(interval, plausible.lowerBound), plausible.upperBound)
    }

    /// Median of the last intervals; without any, the long mean or the typical interval.
    private var local: Float {
        guard count > 0 else { return longMean > 0 ? longMean : Self.typical }
        var sorted = last
        for i in 1..<max(count, 1) {
            var place = i
            while place > 0, sorted[place - 1] > sorted[place] {
                sorted.swapAt(place - 1, place)
                place -= 1
            }
        }
        return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2
    }

    /// Features of a beat that came `interval` after the one before, all logarithms of ratios unless said.
    enum Feature: Int, Sendable, CaseIterable {
        /// The interval over the local median, over the long mean, over the interval before, over the local mean.
        case overMedian, overLongMean, overPrevious, overMean
        /// The interval before, and the one before that, over the local median.
        case previousOverMedian, secondOverMedian
        /// The local median and the interval themselves, in s.
        case median, interval
        /// Running mean of the absolute logarithm of the ratio of neighbours.
        case irregularity
        /// 1 where there is an interval, otherwise 0.
        case isKnown
        /// The long mean, the shortest and the longest of the last intervals over the local median.
        case longOverMedian, shortestOverMedian, longestOverMedian
    }

    func features(interval given: Float?) -> InlineArray<13, Float> {
        let median = local
        let interval = given.map(Self.clamp) ?? median
        let longMean = longMean > 0 ? longMean : median
        var mean = median, shortest = median, longest = median
        if count > 0 {
            mean = 0
            for i in 0..<count {
                mean += last[i] / Float(count)
                shortest = min(shortest, last[i])
                longest = max(longest, last[i])
            }
        }
        let previous = count > 0 ? last[0] : median, second = count > 1 ? last[1] : median
        var features = InlineArray<13, Float>(repeating: 0)
        func set(_ feature: Feature, _ value: Float) { features[feature.rawValue] = value }
        set(.overMedian, logf(interval / median))
        set(.overLongMean, logf(interval / longMean))
        set(.overPrevious, logf(interval / previous))
        set(.overMean, logf(interval / mean))
        set(.previousOverMedian, logf(previous / median))
        set(.secondOverMedian, logf(second / median))
        set(.median, logf(median))
        set(.interval, logf(interval))
        set(.irregularity, irregularity)
        set(.isKnown, given == nil ? 0 : 1)
        set(.longOverMedian, logf(longMean / median))
        set(.shortestOverMedian, logf(shortest / median))
        set(.longestOverMedian, logf(longest / median))
        return features
    }
}
