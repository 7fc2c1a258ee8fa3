internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// The intervals between a patient's last beats, and what they make of the next.
struct RRHistory: Sendable, Codable, RangeChecked {
    /// Intervals that the local median is taken of.
    private static let localCount = 8
    /// Intervals that the distribution is taken of.
    private static let wideCount = 64
    /// Intervals are alike whose ratio's logarithm is smaller.
    private static let alike: Float = 0.06
    /// Intervals outside are taken as these, in s: below lies double detection, above a pause, and how long it was does
    /// not matter.
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

    /// The last intervals as a ring, in s, whatever lay between them.
    private var recent = InlineArray<64, Float>(repeating: 0)
    private var recentCount = 0, recentPlace = 0

    var isInRange: Bool {
        (0...Self.localCount).contains(count) && (0...Self.wideCount).contains(recentCount)
            && (0..<Self.wideCount).contains(recentPlace)
    }

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
        recent[recentPlace] = clamped
        recentPlace = (recentPlace + 1) % Self.wideCount
        recentCount = min(recentCount + 1, Self.wideCount)
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
        case longOverMedian, shortestOverMedian, maximumOverMedian
        /// The interval over quantiles of the last 64: the nine tenths, the upper and the lower quarter, the middle,
        /// the tenth.
        case overNineTenths, overUpperQuarter, overLowerQuarter, overMiddle, overTenth
        /// How wide the last 64 are scattered: the upper quarter over the lower, nine tenths over the tenth.
        case quarters, tenths
        /// The share of the last 64 that are like this one; that are like their own middle.
        case alikeShare, steadyShare
        /// Mean of the absolute logarithm of the ratio of neighbours, each at most a half.
        case variability
        /// Logarithm of the number of the last intervals.
        case known
    }

    func features(interval given: Float?) -> InlineArray<24, Float> {
        let median = local
        let interval = given.map(Self.clamp) ?? median
        let longMean = longMean > 0 ? longMean : median
        var mean = median
        var shortest = median
        var longest = median
        if count > 0 {
            mean = 0
            for i in 0..<count {
                mean += last[i] / Float(count)
                shortest = min(shortest, last[i])
                longest = max(longest, last[i])
            }
        }
        let previous = count > 0 ? last[0] : median
        let second = count > 1 ? last[1] : median
        var features = InlineArray<24, Float>(repeating: 0)
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
        set(.maximumOverMedian, logf(longest / median))
        guard recentCount > 0 else { return features }
        let sorted = sortedRecent()
        func quantile(_ tenths: Int, of parts: Int) -> Float {
            sorted[min(recentCount - 1, tenths * recentCount / parts)]
        }
        let middle = quantile(1, of: 2)
        let wideInterval = given == nil ? middle : interval
        set(.overNineTenths, logf(wideInterval / quantile(9, of: 10)))
        set(.overUpperQuarter, logf(wideInterval / quantile(3, of: 4)))
        set(.overLowerQuarter, logf(wideInterval / quantile(1, of: 4)))
        set(.overMiddle, logf(wideInterval / middle))
        set(.overTenth, logf(wideInterval / quantile(1, of: 10)))
        set(.quarters, logf(quantile(3, of: 4) / quantile(1, of: 4)))
        set(.tenths, logf(quantile(9, of: 10) / quantile(1, of: 10)))
        var alike: Float = 0
        var steady: Float = 0
        var variability: Float = 0
        for i in 0..<recentCount {
            if abs(logf(recent[i] / wideInterval)) < Self.alike { alike += 1 }
            if abs(logf(recent[i] / middle)) < Self.alike { steady += 1 }
        }
        // Newest first.
        for i in 0..<max(recentCount - 1, 0) {
            let newer = recent[(recentPlace + 2 * Self.wideCount - 1 - i) % Self.wideCount]
            let older = recent[(recentPlace + 2 * Self.wideCount - 2 - i) % Self.wideCount]
            variability += min(abs(logf(newer / older)), 0.5)
        }
        set(.alikeShare, alike / Float(recentCount))
        set(.steadyShare, steady / Float(recentCount))
        set(.variability, variability / Float(max(recentCount - 1, 1)))
        set(.known, logf(Float(recentCount)))
        return features
    }

    private func sortedRecent() -> InlineArray<64, Float> {
        var sorted = recent
        for i in 1..<max(recentCount, 1) {
            let value = sorted[i]
            var place = i
            while place > 0, sorted[place - 1] > value {
                sorted[place] = sorted[place - 1]
                place -= 1
            }
            sorted[place] = value
        }
        return sorted
    }

    /// What the interval after a beat is compared with.
    struct Scale: Sendable, Codable {
        /// Of the beat itself, in s.
        var interval: Float
        /// The local median, the long mean, nine tenths of the last 64, in s.
        var median: Float, longMean: Float, nineTenths: Float
        /// The steady interval, in s.
        var steady: Float
    }

    func scale(interval given: Float?) -> Scale {
        let median = local
        return Scale(
            interval: given.map(Self.clamp) ?? median, median: median, longMean: longMean > 0 ? longMean : median,
            nineTenths: recentCount > 0 ? sortedRecent()[min(recentCount - 1, 9 * recentCount / 10)] : median,
            steady: median)
    }

    static func clampedInterval(_ interval: Float) -> Float { clamp(interval) }
}
