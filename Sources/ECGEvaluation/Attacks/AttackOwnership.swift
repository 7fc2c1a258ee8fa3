/// Divides an episode of samples among its beats, so that overlapping windows do not undo each other's perturbation:
/// each sample belongs to the beat with the nearer R peak.
public enum AttackOwnership {
    /// For each R peak, the samples that only its window may change: from halfway to the previous beat to halfway to
    /// the next one, within its window and within the episode. Empty if nothing is left.
    /// - Parameters:
    ///   - rPeaks: in ascending order, without duplicates.
    ///   - samplesBefore: number of samples of a window before its R peak.
    ///   - windowLength: number of samples of a window.
    ///   - stretch: the episode of samples that may be changed at all.
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
