internal import ECGSignal
internal import StateCoding

/// Ventricular rhythms judged in all usable leads together: of the leads' estimates, one goes to the one rule of the stream.
struct FusedRhythm: Sendable, Codable, RangeChecked {
    /// An estimate that is older than this, in s, says nothing about now.
    static let maximumAge = 0.75

    private var rule = VentricularRhythmRule()
    /// Index of the first sample, source rate, and samples at 360 Hz for each of the source's.
    private var origin: Int64 = 0
    private var ratio: Double = 1
    private var endedAt: Int64 = 0
    private var last: Int64 = -1

    var isInRange: Bool { (0.1...4).contains(ratio) && last >= -1 && origin >= 0 && endedAt >= 0 }

    /// The maximum probability of VT or VF within the last 5 s, 0 ... 1.
    var largestRecentProbability: Float { rule.largestRecentProbability }
    /// The maximum probability of noise within the last 5 s, 0 ... 1.
    var largestRecentNoise: Float { rule.largestRecentNoise }

    mutating func begin(at index: Int64, samplingRate: Double) {
        self = FusedRhythm()
        origin = index
        endedAt = index
        ratio = InternalSampling.rate / samplingRate
    }

    mutating func endSegment(at index: Int64) { endedAt = index }

    /// Detection begins again; after a short interruption, what was seen before still counts.
    ///
    /// - Returns: the finding to be told again, if there was one.
    mutating func beginSegment(at index: Int64) -> (finding: VentricularRhythmRule.Finding, confidence: Float)? {
        let before = rule.finding
        let isKept = rule.interrupt(missing: max(0, Int64(Double(index - endedAt) * ratio)))
        guard before != .none else { return nil }
        return isKept ? (before, rule.confidence) : (.none, 0)
    }

    /// Adds the leads' newest estimates.
    ///
    /// - Parameters:
    ///   - estimates: of the usable leads; at least one.
    ///   - index: the sample up to which they judge, source rate.
    /// - Returns: a change of the finding, its index at the source's rate.
    mutating func step(
        _ estimates: [VentricularRhythmDetector.Estimate], at index: Int64
    ) -> VentricularRhythmRule.Change? {
        var estimate = Self.combined(estimates)
        estimate.sampleIndex = max(Int64((Double(index - origin) * ratio).rounded()), last + 1)
        last = estimate.sampleIndex
        guard var change = rule.step(estimate) else { return nil }
        change.sinceIndex = origin + Int64((Double(change.sinceIndex) / ratio).rounded())
        return change
    }

    /// The estimate that speaks for all: the first lead's, unless it is mostly noise and another is not, or another lead
    /// clearly shows an organised rhythm. A lead may imitate VT by an artefact or by its own broad complexes; a heart
    /// in VT shows it in all leads. (The most probable estimate of all leads gave twice the false alarms on vfdb, and means
    /// of the leads missed episodes that one lead shows poorly.)
    static func combined(_ estimates: [VentricularRhythmDetector.Estimate]) -> VentricularRhythmDetector.Estimate {
        var chosen = estimates[0]
        if isUnclear(chosen) {
            for estimate in estimates
            where isClear(estimate) && (isUnclear(chosen) || lethal(estimate) > lethal(chosen)) { chosen = estimate }
        }
        for estimate in estimates
        where isClear(estimate) && lethal(estimate) < organised && lethal(estimate) < lethal(chosen) {
            chosen = estimate
        }
        return chosen
    }

    private static let organised: Float = 0.1

    private static func lethal(_ estimate: VentricularRhythmDetector.Estimate) -> Float {
        estimate.height >= VentricularRhythmRule.minimumHeight ? estimate.fibrillation + estimate.tachycardia : 0
    }

    private static func isUnclear(_ estimate: VentricularRhythmDetector.Estimate) -> Bool {
        estimate.height < VentricularRhythmRule.minimumHeight || estimate.noise > 0.5
    }

    private static func isClear(_ estimate: VentricularRhythmDetector.Estimate) -> Bool {
        estimate.height >= VentricularRhythmRule.minimumHeight && estimate.noise < 0.2
    }
}
