/// One QRS complex.
public struct QRSDetection: Sendable, Equatable, Codable {
    /// Index of the apex in the original signal, at 360 Hz, counted from the last `init` or `reset`.
    public var rPeakIndex: Int64
    /// Index of the sample whose `step` reported it. The delay is the difference.
    public var detectedAtIndex: Int64
    /// Apex relative to the baseline just before it, in millivolts, signed.
    public var amplitude: Float
    /// Whether it was below the first thresholds and was found by search-back, after too long without a beat.
    public var foundBySearchBack: Bool

    public init(rPeakIndex: Int64, detectedAtIndex: Int64, amplitude: Float, foundBySearchBack: Bool) {
        self.rPeakIndex = rPeakIndex
        self.detectedAtIndex = detectedAtIndex
        self.amplitude = amplitude
        self.foundBySearchBack = foundBySearchBack
    }
}

extension PanTompkinsDetector {
    /// Where the detector goes beyond, or departs from, the 1985 paper. Each addition can be left out to measure its
    /// effect.
    ///
    /// What each is worth on every database: `ecgmon evaluate qrs --ablation`, and Docs/signal.md.
    public struct Additions: OptionSet, Sendable, Hashable, Codable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Each addition with its name, in the order of the table.
        public static let named: [(name: String, addition: Additions)] = [
            ("medianLevels", .medianLevels), ("amplitudeScale", .amplitudeScale),
            ("medianSearchBack", .medianSearchBack), ("steadyThresholds", .steadyThresholds),
            ("relearning", .relearning), ("groupedSearchBack", .groupedSearchBack),
            ("noiseAdaptation", .noiseAdaptation), ("smallBeats", .smallBeats),
            ("wideComplexes", .wideComplexes), ("fastRhythm", .fastRhythm), ("earlyRelearning", .earlyRelearning),
            ("lowVoltage", .lowVoltage), ("muscleNoise", .muscleNoise),
        ]

        /// Signal and noise levels are medians of the last eight peaks, not exponential averages, so that one artefact
        /// or one large ectopic beat does not distort them (Hamilton & Tompkins 1986). The databases hardly show a
        /// difference; a single artefact a hundred times as large as a beat does.
        public static let medianLevels = Additions(rawValue: 1 << 0)
        /// Thresholds use the square root of the integrated signal, which puts it on the scale of amplitudes like the
        /// band-passed signal: the paper's quarter of the power is half of the amplitude, but averages of powers are
        /// dominated by the largest.
        public static let amplitudeScale = Additions(rawValue: 1 << 1)
        /// Search-back also after 150 % of the median RR interval, if that comes sooner than 166 % of RR AVERAGE2: in
        /// bigeminy and atrial fibrillation the second average holds the long intervals or outdated ones (Hamilton 2002
        /// uses 150 %).
        public static let medianSearchBack = Additions(rawValue: 1 << 2)
        /// The paper halves the first thresholds while the rhythm is irregular. Once search-back uses the median, this
        /// adds more false beats than it finds missed ones; here the thresholds stay unchanged.
        public static let steadyThresholds = Additions(rawValue: 1 << 3)
        /// After 8 s without a beat the levels are relearned from the signal since then: an electrode that moved, or an
        /// artefact in the learning phase, must not leave thresholds that no beat reaches (Hamilton 2002).
        public static let relearning = Additions(rawValue: 1 << 4)
        /// Along with the largest missed peak, search-back takes those since the last beat that resemble it: in a run
        /// of ventricular beats of half the usual height all are missed, and the paper's rule would recover only every
        /// third.
        public static let groupedSearchBack = Additions(rawValue: 1 << 5)
        /// Where the peaks between the beats are nearly as high as the beats, thresholds, refractory period and
        /// search-back interval are reduced and no peak is taken for a T wave. During electrode motion more beats are
        /// found, at the cost of false ones; the noise itself is reported.
        public static let noiseAdaptation = Additions(rawValue: 1 << 6)
        /// The smallest complex is one of 0.15 mV, by height and slope, and a low peak must stand out from noise. Left
        /// out, it is a band-passed peak of 80 microvolts, and low-voltage ECG of 0.15 to 0.25 mV looks like asystole.
        public static let lowVoltage = Additions(rawValue: 1 << 11)
        /// Normal beats beside ventricular beats several times as large, and heights that alternate: see `SmallBeats`.
        public static let smallBeats = Additions(rawValue: 1 << 7)
        /// A second peak within 300 ms, before the signal has returned from the excursion of the first, is the other
        /// slope of the same complex: ventricular tachycardia with complexes of 200 ms is found once, not twice.
        public static let wideComplexes = Additions(rawValue: 1 << 8)
        /// Above 300/min the refractory period follows the rhythm: see `FastRhythm`.
        public static let fastRhythm = Additions(rawValue: 1 << 9)
        /// From 2.2 s after the last beat on, a rhythm of another height or width is looked for among the peaks that
        /// did not reach the thresholds: when the gain falls to a quarter, or ventricular tachycardia sets in, there
        /// must be no false asystole.
        public static let earlyRelearning = Additions(rawValue: 1 << 10)
        /// Low peaks with muscle noise beside them are not beats. Left out, bursts of muscle noise are found as beats,
        /// which hides an asystole or a bradycardia, and makes the rhythm look irregular.
        public static let muscleNoise = Additions(rawValue: 1 << 12)
        public static let all: Additions = [
            .medianLevels, .amplitudeScale, .medianSearchBack, .steadyThresholds, .relearning, .groupedSearchBack,
            .noiseAdaptation, .smallBeats, .wideComplexes, .fastRhythm, .earlyRelearning, .lowVoltage,
            .muscleNoise,
        ]
    }
}
