internal import StateCoding

/// Rates of 300/min and more, as in neonates: the intervals are shorter than the refractory period of 200 ms.
///
/// Every second beat then falls into it. A peak within it that is as large and as steep as the beat before it, has its
/// polarity, and lies midway between two beats, is a beat as well. After `neededPeaks` such peaks the refractory period
/// is `refractory`, until the intervals are longer again. The two slopes of a wide complex differ in polarity.
struct FastRhythm: Sendable, Codable, RangeChecked {
    static let neededPeaks = 4
    /// 144 ms: 415/min.
    static let refractory: Int64 = 52
    /// 240 ms, 250/min: with longer intervals the usual refractory period is short enough.
    static let maximumInterval: Float = 86
    /// Peaks are alike if they agree to within this fraction.
    static let likeness: Float = 0.7
    /// A peak is midway if the two intervals agree to within this fraction of the shorter.
    static let midway: Float = 0.15

    private(set) var isFast = false
    private var streak = 0
    private var skipped: QRSCandidate?

    var isInRange: Bool { (0...Self.neededPeaks).contains(streak) }

    /// A peak within the refractory period after a beat.
    mutating func skip(_ peak: QRSCandidate, after beat: QRSCandidate) {
        func agrees(_ a: Float, _ b: Float) -> Bool { min(a, b) > Self.likeness * max(a, b) }
        guard agrees(peak.integratedPeak, beat.integratedPeak), agrees(peak.slope, beat.slope),
            agrees(peak.amplitude, beat.amplitude) || agrees(-peak.amplitude, -beat.amplitude)
        else { return }
        skipped = peak
    }

    /// The next beat.
    ///
    /// - Returns: whether the rhythm has just been recognized as a fast one.
    mutating func take(_ beat: QRSCandidate, after last: QRSCandidate, recentMedian: Float) -> Bool {
        if isFast {
            if recentMedian > Self.maximumInterval { isFast = false }
            return false
        }
        defer { skipped = nil }
        guard let skipped else {
            streak = max(0, streak - 1)
            return false
        }
        let before = Float(skipped.fiducialIndex - last.fiducialIndex)
        let after = Float(beat.fiducialIndex - skipped.fiducialIndex)
        guard abs(before - after) <= Self.midway * min(before, after) else {
            streak = 0
            return false
        }
        streak += 1
        guard streak == Self.neededPeaks else { return false }
        streak = 0
        isFast = true
        return true
    }
}
