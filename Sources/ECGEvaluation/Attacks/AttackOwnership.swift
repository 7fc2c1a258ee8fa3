/// How a stretch of samples is divided among the beats in it, so that windows which overlap do not undo each other's
/// perturbation: each sample belongs to the beat whose R peak is nearer.
public enum AttackOwnership {
    /// For each R peak the samples that its window alone may change: from the middle between it and the beat before to
    /// the middle between it and the beat after, within its window and within the stretch. Empty where nothing is left.
    /// - Parameters:
    ///   - rPeaks: ascending, without repeats.
    ///   - samplesBefore: samples of a window before its R peak.
    ///   - windowLength: samples of a window.
    ///   - stretch: the samples that may be changed at all.
    public static func ranges(rPeaks: [Int], samplesBefore: Int, windowLength: Int, within stretch: Range<Int>)
        -> [Range<Int>]
    {
        rPeaks.indices.map { number in
            let peak = rPeaks[number]
            var lower = max(peak - samplesBefore, stretch.lowerBound)
            var upper = min(peak - samplesBefore + windowLength, stretch.upperBound)
            if number > 0 { lower = max(lower, middle(rPeaks[number - 1], peak)) }
            if number + 1 < rPeaks.count { upper = min(upper, middle(peak, rPeaks[number + 1])) }
            return lower < upper ? lower..<upper : lower..<lower
        }
    }

    private static func middle(_ first: Int, _ second: Int) -> Int {
        first + (second - first + 1) / 2
    }
}
