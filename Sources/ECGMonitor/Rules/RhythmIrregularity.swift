import Foundation
internal import StateCoding

/// Whether the RR intervals are as irregular as in atrial fibrillation. Three published methods must agree:
///
/// - **Petrénas, Marozas & Sörnmo** (Computers in Biology and Medicine 65, 2015: 184-191): the share of the pairs
///   among the last 8 intervals that differ by 30 ms or more, averaged exponentially and divided by the averaged
///   interval; replaced by a measure of what a median filter changes while that measure is small, as in bigeminy
///   and in a regular rhythm. All constants are the paper's (N 8, gamma 30 ms, alpha 0.02, delta 0.0002, eta 0.725).
/// - **Coefficient of sample entropy** (Lake & Moorman, American Journal of Physiology Heart and Circulatory
///   Physiology 300, 2011: H319-H325): how unlike each other successive intervals are, corrected for the tolerance
///   and for the heart rate. The paper's tolerance (30 ms, widened until 5 matches are found), template length (1)
///   and limit (-1.4), over 24 intervals, not 12.
/// - **Turning point ratio and root mean square of successive differences** (Dash, Chon, Lu & Raeder, Annals of
///   Biomedical Engineering 37, 2009: 1701-1709): the share of intervals that are longer or shorter than both
///   neighbours lies between 0.54 and 0.77, as it does when successive intervals are unrelated, and the differences
///   are at least a tenth of the mean interval; over 64 intervals, not 128. Respiratory variation, on which the first
///   two agree, fails this test.
///
/// Intervals that begin or end with an ectopic beat are left out. If more than half of the last 32 intervals are left
/// out, the result is unknown. These choices (all three methods, 24, 64, a half) were made on the MIT-BIH Arrhythmia
/// Database.
struct RhythmIrregularity: Sendable, Codable, RangeChecked {
    /// Number of intervals that are kept, and in which turning points are counted.
    static let intervals = 64
    static let entropyIntervals = 24
    static let turningPoints: ClosedRange<Float> = 0.54...0.77
    static let successiveDifferences: Float = 0.1
    static let pairs = 8
    static let pairDifference: Float = 0.03
    static let averaging: Float = 0.02
    static let regular: Float = 2e-4
    static let irregularity: Float = 0.725
    static let tolerance: Float = 0.03
    static let minimumMatches = 5
    static let entropy: Float = -1.4
    static let maximumInterval: Double = 3

    private var ring = InlineArray<64, Float>(repeating: 0)
    private var medians = InlineArray<8, Float>(repeating: 0)
    private var count = 0
    private var meanInterval: Float = 0
    private var meanPairs: Float = 0
    private var meanMedian: Float = 0
    /// One bit for each of the last 32 intervals, the latest lowest: 1 if the interval is not left out.
    private var kept: UInt32 = 0
    private var seen = 0

    /// As of the last interval.
    private(set) var isIrregular = false

    var isInRange: Bool { count >= 0 && (0...32).contains(seen) }

    /// Adds the next interval.
    /// - Parameters:
    ///   - seconds: time between two successive beats.
    ///   - isSinus: whether neither of them is a V or S beat.
    mutating func add(_ seconds: Double, isSinus: Bool) {
        let isKept = isSinus && seconds <= Self.maximumInterval
        kept = kept << 1 | (isKept ? 1 : 0)
        seen = min(seen + 1, 32)
        if isKept { keep(Float(seconds)) }
        let share = Double(kept.nonzeroBitCount) / Double(seen)
        isIrregular =
            count >= Self.entropyIntervals && share >= 0.5 && fused > Self.irregularity && entropy > Self.entropy
            && isDisorderly
    }

    mutating func reset() { self = RhythmIrregularity() }

    private func last(_ back: Int) -> Float { ring[(count - 1 - back) % Self.intervals] }

    private mutating func keep(_ interval: Float) {
        ring[count % Self.intervals] = interval
        count += 1
        // Only the position in the ring and whether it is full matter.
        if count >= 1_000_000 * Self.intervals { count -= 999_990 * Self.intervals }
        if count == 1 { meanInterval = interval }
        meanInterval += Self.averaging * (interval - meanInterval)
        medians[(count - 1) % Self.pairs] = count >= 3 ? Self.median(last(0), last(1), last(2)) : interval
        guard count >= Self.pairs else { return }
        var differing = 0
        var sum: Float = 0
        var medianSum: Float = 0
        for a in 0..<Self.pairs {
            sum += last(a)
            medianSum += medians[a]
            for b in a + 1..<Self.pairs where abs(last(a) - last(b)) >= Self.pairDifference { differing += 1 }
        }
        let share = Float(differing) * 2 / Float(Self.pairs * (Self.pairs - 1))
        meanPairs += Self.averaging * (share - meanPairs)
        let filtered = medianSum / sum - 1
        meanMedian += Self.averaging * (filtered * filtered - meanMedian)
    }

    private var fused: Float { meanMedian >= Self.regular ? meanPairs / meanInterval : meanMedian }

    private var entropy: Float {
        let n = Self.entropyIntervals
        // For each pair of templates: the distance between their first intervals, and the larger of both distances.
        return withUnsafeTemporaryAllocation(of: SIMD2<Float>.self, capacity: n * n) { distances in
            var used = 0
            for a in 0..<n - 1 {
                for b in a + 1..<n - 1 {
                    // `last` counts backwards: the templates are (a + 1, a) and (b + 1, b).
                    let first = abs(last(a + 1) - last(b + 1))
                    distances[used] = SIMD2(first, max(first, abs(last(a) - last(b))))
                    used += 1
                }
            }
            var smallest = InlineArray<5, Float>(repeating: .infinity)
            var sum: Float = 0
            for index in 0..<n { sum += last(index) }
            for index in 0..<used {
                var value = distances[index][1]
                for place in 0..<Self.minimumMatches where value < smallest[place] {
                    (smallest[place], value) = (value, smallest[place])
                }
            }
            let tolerance = max(Self.tolerance, smallest[Self.minimumMatches - 1] + 1e-6)
            var one = 0
            var two = 0
            for index in 0..<used {
                if distances[index][0] <= tolerance { one += 1 }
                if distances[index][1] <= tolerance { two += 1 }
            }
            return log(Float(one) / Float(two)) + log(2 * tolerance) - log(sum / Float(n))
        }
    }

    /// Dash's two measures over the kept intervals, 64 once there are that many.
    private var isDisorderly: Bool {
        let n = min(count, Self.intervals)
        var turns = 0
        var squares: Float = 0
        var sum = last(0)
        for back in 1..<n {
            let difference = last(back - 1) - last(back)
            squares += difference * difference
            sum += last(back)
            if back > 1, difference * (last(back - 2) - last(back - 1)) < 0 { turns += 1 }
        }
        let ratio = Float(turns) / Float(n - 2)
        let differences = (squares / Float(n - 1)).squareRoot() * Float(n) / sum
        return Self.turningPoints.contains(ratio) && differences > Self.successiveDifferences
    }

    private static func median(_ a: Float, _ b: Float, _ c: Float) -> Float { max(min(a, b), min(max(a, b), c)) }
}
