internal import ECGATKGAN
internal import CKernels
internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// A patient's RR history: the most recent intervals, and the features of a new interval relative to them.
struct RRHistory: Sendable, Codable, RangeChecked {
    /// Number of intervals in the local median.
    private static let localCount = 8
    /// Number of intervals in the distribution.
    private static let wideCount = 64
    /// From this many intervals on, about seven minutes, the mean of all of them forgets the oldest: each new one has
    /// the weight of one in so many. With a longer memory, a sinus rate that rises for good looks premature.
    private static let wholeCount = 512
    /// Minimum number of changes from one interval to the next for their median.
    private static let fewestChanges = 8
    /// Changes are clamped to this fraction of the mean; those above `largeChange` are large.
    private static let maximumChange: Float = 0.5, largeChange: Float = 0.1
    /// Two intervals count as similar if the absolute logarithm of their ratio is below this.
    private static let alike: Float = 0.06
    /// Intervals are clamped to this range, in s: shorter ones are double detections, and longer ones are pauses,
    /// whose length makes no difference.
    private static let plausible: ClosedRange<Float> = 0.2...3
    /// Default interval before any is known, in s: 75 beats per minute.
    private static let typical: Float = 0.8

    /// The latest intervals, newest first, in s.
    private var last = InlineArray<8, Float>(repeating: 0)
    private var count = 0
    /// Running mean of the intervals with a weight of 1/32 for each, in s; 0 if there is none yet. Survives
    /// interruptions.
    private var longMean: Float = 0
    /// Running mean of the absolute log ratio of successive intervals.
    private var irregularity: Float = 0
    /// Mean of all intervals so far, in s, and their number up to `wholeCount`; survives interruptions.
    private var wholeMean: Float = 0
    private var wholeNumber = 0

    /// Ring buffer of the latest intervals, in s; interruptions are ignored.
    private var recent = InlineArray<64, Float>(repeating: 0)
    private var recentCount = 0, recentPlace = 0

    var isInRange: Bool {
        (0...Self.localCount).contains(count) && (0...Self.wideCount).contains(recentCount)
            && (0..<Self.wideCount).contains(recentPlace) && (0...Self.wholeCount).contains(wholeNumber)
    }

    /// Marks an interruption: the latest intervals are discarded, and no interval spans the interruption.
    mutating func interrupt() { count = 0 }

    /// - Parameter interval: since the preceding beat, in s; nil if there was none.
    mutating func add(_ interval: Float?) {
        guard let interval else { return }
        let clamped = Self.clamp(interval)
        irregularity += 0.1 * (abs(logf(clamped / (count > 0 ? last[0] : local))) - irregularity)
        longMean = longMean == 0 ? clamped : longMean + (clamped - longMean) / 32
        wholeNumber = min(wholeNumber + 1, Self.wholeCount)
        wholeMean += (clamped - wholeMean) / Float(wholeNumber)
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

    /// Median of the latest intervals; if there are none, the long-term mean or the typical interval.
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

    /// Features of a beat that came `interval` after the preceding one; logarithms of ratios unless stated otherwise.
    enum Feature: Int, Sendable, CaseIterable {
        /// The interval over the local median, the long-term mean, the preceding interval and the local mean.
        case overMedian, overLongMean, overPrevious, overMean
        /// The preceding interval, and the one before that, over the local median.
        case previousOverMedian, secondOverMedian
        /// The local median and the interval themselves, in s.
        case median, interval
        /// Running mean of the absolute log ratio of successive intervals.
        case irregularity
        /// 1 if the interval is known, otherwise 0.
        case isKnown
        /// The long-term mean and the minimum and maximum of the latest intervals, each over the local median.
        case longOverMedian, shortestOverMedian, maximumOverMedian
        /// The interval over quantiles of the last 64: the 90th percentile, the upper and lower quartiles, the median
        /// and the 10th percentile.
        case overNineTenths, overUpperQuarter, overLowerQuarter, overMiddle, overTenth
        /// Spread of the last 64: upper over lower quartile, and 90th over 10th percentile.
        case quarters, tenths
        /// The fraction of the last 64 that are similar to this interval, and the fraction similar to their own
        /// median.
        case alikeShare, steadyShare
        /// Mean absolute log ratio of successive intervals, each clamped to one half.
        case variability
        /// Logarithm of the number of latest intervals.
        case known
        /// The interval and the preceding one over the mean of all so far. Where premature beats outnumber the others,
        /// with pauses between them, their interval is the median, but still short of the mean.
        case overWholeMean, previousOverWholeMean
        /// Median change from one of the last 64 intervals to the next over their mean, and the fraction of large
        /// changes. Both are high in atrial fibrillation; the median ignores single ectopic beats and pauses.
        case medianChange, largeChanges
    }

    func features(interval given: Float?) -> InlineArray<28, Float> {
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
        var features = InlineArray<28, Float>(repeating: 0)
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
        let whole = wholeNumber > 0 ? wholeMean : median
        set(.overWholeMean, logf((given == nil ? whole : interval) / whole))
        set(.previousOverWholeMean, logf((count > 0 ? previous : whole) / whole))
        guard recentCount > 0 else { return features }
        let recent = recent.span
        func quantile(_ part: Int, of parts: Int) -> Float { self.quantile(part, of: parts) }
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
        let changes = changes()
        set(.medianChange, changes.median)
        set(.largeChanges, changes.large)
        return features
    }

    /// The changes from one of the last 64 intervals to the next over their mean: the median, 0 ... 0.5, and the
    /// fraction of large ones; 0 while too few are known.
    private func changes() -> (median: Float, large: Float) {
        let number = recentCount - 1
        guard number >= Self.fewestChanges else { return (0, 0) }
        let recent = recent.span
        var sum: Float = 0
        for i in 0..<recentCount { sum += recent[i] }
        let mean = sum / Float(recentCount)
        var changes = InlineArray<64, Float>(repeating: 0)
        var large: Float = 0
        // The oldest is at 0 until the ring is full, then at `recentPlace`.
        let oldest = recentCount < Self.wideCount ? 0 : recentPlace
        for i in 0..<number {
            let older = recent[(oldest + i) % Self.wideCount]
            let newer = recent[(oldest + i + 1) % Self.wideCount]
            let change = min(abs(newer - older) / mean, Self.maximumChange)
            if change > Self.largeChange { large += 1 }
            changes[i] = change
        }
        let median = changes.span.withUnsafeBufferPointer {
            ck_select(Int32(number), $0.baseAddress!, Int32(number / 2))
        }
        return (median, large / Float(number))
    }

    /// The value at index `part / parts` times their number of the last 64 intervals, sorted; there is at least one.
    private func quantile(_ part: Int, of parts: Int) -> Float {
        recent.span.withUnsafeBufferPointer {
            ck_select(
                Int32(recentCount), $0.baseAddress!, Int32(min(recentCount - 1, part * recentCount / parts)))
        }
    }

    /// Reference values for the interval after a beat.
    struct Scale: Sendable, Codable {
        /// The interval before the beat itself, in s.
        var interval: Float
        /// The local median, the long-term mean and the 90th percentile of the last 64, in s.
        var median: Float, longMean: Float, nineTenths: Float
        /// The steady interval, in s.
        var steady: Float
        /// The mean of all intervals so far, in s.
        var wholeMean: Float
    }

    func scale(interval given: Float?) -> Scale {
        let median = local
        return Scale(
            interval: given.map(Self.clamp) ?? median, median: median, longMean: longMean > 0 ? longMean : median,
            nineTenths: recentCount > 0 ? quantile(9, of: 10) : median,
            steady: median, wholeMean: wholeNumber > 0 ? wholeMean : median)
    }

    static func clampedInterval(_ interval: Float) -> Float { clamp(interval) }
}
