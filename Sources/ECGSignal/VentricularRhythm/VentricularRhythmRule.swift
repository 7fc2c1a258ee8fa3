public import StateCoding

/// Turns the estimates of a `VentricularRhythmDetector` into findings and reports their confidence.
///
/// p is an estimate's combined probability of fibrillation and tachycardia; it is 0 where the height is below 0.1 mV.
///
/// - VT or VF begins when the mean of p is at least 0.93 over 6 estimates, or at least 0.88 over 9. Its reported onset
///   is 2.5 s before the first of the consecutive estimates with p of at least 0.5 (at most 20 estimates back). It is
///   VF if fibrillation was the more probable of the two over these estimates, or if their mean period is below 0.24 s
///   (250/min): flutter.
/// - It ends when the mean over 9 estimates is below 0.4, or the maximum of 5 estimates is below 0.25.
/// - VT becomes VF when fibrillation is more probable by 0.5, or when the rhythm is as fast as flutter (mean of 8
///   estimates). VF becomes VT when tachycardia is more probable by 0.6 (mean of 20 estimates) and 10 s have passed.
///   Each change is a new alarm, so it must be rare.
/// - Without such a strong onset, a mean of at least 0.7 over 10 estimates is VT or an artefact. If this raised an
///   alarm, false alarms on vfdb and cudb would more than double. Strong noise can cause it.
///
/// The numbers were chosen on records, and on whole databases, that the network had not seen (Docs/signal.md).
public struct VentricularRhythmRule: Sendable, Codable, RangeChecked {
    /// What the signal shows.
    public enum Finding: UInt8, Sendable, CaseIterable, Codable {
        /// No ventricular tachycardia or fibrillation.
        case none
        /// Ventricular tachycardia, or an artefact that looks like it.
        case tachycardiaOrArtefact
        case ventricularTachycardia
        /// Fibrillation or flutter.
        case ventricularFibrillation
    }

    /// A change of the finding, reported once.
    public struct Change: Sendable, Equatable {
        /// The finding from now on.
        public var finding: Finding
        /// Its first sample; for `.none`, the last sample of the last estimate that showed the rhythm that has ended.
        public var sinceIndex: Int64
        /// Confidence in VT or VF, 0...1: the mean of p over 7 estimates. By the annotations of vfdb and cudb, held
        /// out, 0.1 % of the estimates with p below 0.1 are VT or VF, 4 % of those with 0.3 to 0.5, 22 % with 0.7 to
        /// 0.85, 68 % with 0.85 to 0.93, and 95 % above.
        public var confidence: Float
    }

    /// Number of 360-Hz samples without an estimate, beyond those a new window needs, after which earlier estimates are
    /// discarded: 2 s.
    public static let maximumInterruption: Int64 = 720

    /// Peak to peak, in mV; below it nothing can be distinguished from noise.
    public static let minimumHeight: Float = 0.1
    /// Estimates kept: the run of 20, the estimate before it, and a few spare.
    private static let capacity = 24
    private static let strongStarts: [(estimates: Int, mean: Double)] = [(6, 0.93), (9, 0.88)]
    private static let weakStart: (estimates: Int, mean: Double) = (10, 0.7)
    private static let endEstimates = 9
    private static let endMean = 0.4
    private static let fastEndEstimates = 5
    private static let fastEndLargest: Float = 0.25
    /// An estimate with p of at least this belongs to the rhythm.
    private static let likely: Float = 0.5
    private static let maximumRunLength = 20
    /// 2.5 s: a window shows a rhythm once the rhythm fills most of it.
    private static let onsetLead: Int64 = 900
    private static let toFibrillation: (estimates: Int, lead: Double) = (8, 0.5)
    private static let toTachycardia: (estimates: Int, lead: Double, samples: Int64) = (20, 0.6, 3_600)
    private static let confidenceEstimates = 7
    /// A period shorter than this, in s, is flutter rather than tachycardia.
    private static let flutterPeriod = 0.24

    public private(set) var finding = Finding.none
    /// The first sample of the finding.
    private var since: Int64 = 0
    /// The last sample of the estimate at which VT or VF, or a possible VT, was found.
    private var decided: Int64 = 0
    /// Estimates in numerical order; the newest has number `taken` - 1.
    private var taken: Int64 = 0
    private var lethal = InlineArray<24, Float>(repeating: 0)
    private var fibrillation = InlineArray<24, Float>(repeating: 0)
    private var tachycardia = InlineArray<24, Float>(repeating: 0)
    private var noise = InlineArray<24, Float>(repeating: 0)
    private var periods = InlineArray<24, Float>(repeating: 0)
    private var indices = InlineArray<24, Int64>(repeating: 0)

    public init() {}

    /// Discards all estimates and findings.
    public mutating func reset() { self = VentricularRhythmRule() }

    /// Handles an interruption of the signal: if it was shorter than 2 s, earlier estimates still count. Otherwise
    /// everything is discarded.
    ///
    /// - Parameter missing: number of 360-Hz samples that were lost.
    /// - Returns: false if everything was discarded, including an active alarm.
    @discardableResult
    public mutating func interrupt(missing: Int64) -> Bool {
        guard missing >= Self.maximumInterruption else { return true }
        reset()
        return false
    }

    public var isInRange: Bool {
        func areProbabilities(_ values: Span<Float>) -> Bool {
            for index in values.indices where !(-0.001...1.001).contains(values[index]) { return false }
            return true
        }
        return taken >= 0 && since >= 0 && decided >= 0 && areProbabilities(lethal.span)
            && areProbabilities(fibrillation.span) && areProbabilities(tachycardia.span)
            && areProbabilities(noise.span)
    }

    /// Confidence in the finding at the newest estimate, 0...1: the mean of p over 7 estimates; 0 before the first.
    public var confidence: Float {
        estimateCount == 0 ? 0 : Float(mean(min(Self.confidenceEstimates, estimateCount)) { lethal[$0] })
    }

    /// The maximum p of the last 10 estimates, 5 s, 0...1. It checks whether a run of ventricular beats that is seen in
    /// the beat classes, and that may be too short for this rule, also looks like VT in the signal. Of 18 true and 51
    /// false VT alarms of the 2015 challenge, held out, 16 and 16 have 0.3 or more, and 14 and 10 have 0.6 or more.
    public var largestRecentProbability: Float { largest(min(10, estimateCount)) { lethal[$0] } }

    /// The maximum probability of noise of the last 10 estimates, 5 s, 0...1; 1 before the first.
    public var largestRecentNoise: Float {
        estimateCount == 0 ? 1 : largest(min(10, estimateCount)) { noise[$0] }
    }

    /// Adds an estimate.
    ///
    /// - Parameter estimate: the next estimate, in the order in which the detector emits them.
    /// - Returns: the change that this estimate caused, if any.
    public mutating func step(_ estimate: VentricularRhythmDetector.Estimate) -> Change? {
        append(estimate)
        let now = estimate.sampleIndex + 1
        let new: Finding
        var begin = now
        switch finding {
        case .none, .tachycardiaOrArtefact:
            if Self.strongStarts.contains(where: reaches) {
                (new, begin) = strongStart()
            } else if finding == .none {
                new = reaches(Self.weakStart) ? .tachycardiaOrArtefact : .none
                begin = indices[place(back: runLength - 1)] + 1 - Self.onsetLead
            } else {
                new = hasEnded ? .none : finding
            }
        case .ventricularTachycardia:
            new = hasEnded ? .none : isFibrillation ? .ventricularFibrillation : finding
        case .ventricularFibrillation:
            new = hasEnded ? .none : isTachycardia(now) ? .ventricularTachycardia : finding
        }
        guard new != finding else { return nil }
        if finding == .none || finding == .tachycardiaOrArtefact { decided = estimate.sampleIndex }
        finding = new
        since = max(0, new == .none ? max(lastLikelyIndex, decided) : begin)
        return Change(finding: new, sinceIndex: since, confidence: confidence)
    }

    // MARK: - Decisions

    private func reaches(_ start: (estimates: Int, mean: Double)) -> Bool {
        estimateCount >= start.estimates && mean(start.estimates) { lethal[$0] } >= start.mean
    }

    /// The rhythm that has begun, and where.
    private func strongStart() -> (Finding, Int64) {
        let estimates = runLength
        let begin = indices[place(back: estimates - 1)] + 1 - Self.onsetLead
        let lead = mean(estimates) { fibrillation[$0] - tachycardia[$0] }
        return (lead > 0 || isFast(estimates) ? .ventricularFibrillation : .ventricularTachycardia, begin)
    }

    /// Whether the rhythm in the newest estimates is as fast as flutter.
    private func isFast(_ estimates: Int) -> Bool {
        let period = mean(estimates) { periods[$0] }
        return period > 0 && period < Self.flutterPeriod
    }

    /// Length of the run of estimates that ends with the newest; the newest always counts, and all others are likely.
    private var runLength: Int {
        var estimates = 1
        while estimates < estimateCount, estimates <= Self.maximumRunLength,
            lethal[place(back: estimates)] >= Self.likely
        { estimates += 1 }
        return estimates
    }

    private var hasEnded: Bool {
        mean(min(Self.endEstimates, estimateCount)) { lethal[$0] } < Self.endMean
            || largest(min(Self.fastEndEstimates, estimateCount)) { lethal[$0] } < Self.fastEndLargest
    }

    private var isFibrillation: Bool {
        let estimates = min(Self.toFibrillation.estimates, estimateCount)
        return mean(estimates) { fibrillation[$0] - tachycardia[$0] } > Self.toFibrillation.lead || isFast(estimates)
    }

    private func isTachycardia(_ now: Int64) -> Bool {
        now - since > Self.toTachycardia.samples
            && !isFast(min(Self.toTachycardia.estimates, estimateCount))
            && mean(min(Self.toTachycardia.estimates, estimateCount)) { tachycardia[$0] - fibrillation[$0] }
                > Self.toTachycardia.lead
    }

    /// The last sample of the newest likely estimate; of the oldest estimate if none is likely.
    private var lastLikelyIndex: Int64 {
        for back in 0..<estimateCount where lethal[place(back: back)] >= Self.likely {
            return indices[place(back: back)]
        }
        return indices[place(back: estimateCount - 1)]
    }

    // MARK: - Estimates

    private mutating func append(_ estimate: VentricularRhythmDetector.Estimate) {
        let place = Int(taken % Int64(Self.capacity))
        taken += 1
        lethal[place] = estimate.height >= Self.minimumHeight ? estimate.fibrillation + estimate.tachycardia : 0
        fibrillation[place] = estimate.fibrillation
        tachycardia[place] = estimate.tachycardia
        noise[place] = estimate.noise
        periods[place] = estimate.period
        indices[place] = estimate.sampleIndex
    }

    private var estimateCount: Int { Int(min(taken, Int64(Self.capacity))) }

    /// Index of an estimate counted backwards; 0 is the newest.
    private func place(back: Int) -> Int { Int((taken - 1 - Int64(back)) % Int64(Self.capacity)) }

    /// Mean over the newest estimates (at least 1).
    private func mean(_ estimates: Int, _ value: (Int) -> Float) -> Double {
        var sum = 0.0
        for back in 0..<estimates { sum += Double(value(place(back: back))) }
        return sum / Double(estimates)
    }

    private func largest(_ estimates: Int, _ value: (Int) -> Float) -> Float {
        var largest: Float = 0
        for back in 0..<estimates { largest = max(largest, value(place(back: back))) }
        return largest
    }
}
