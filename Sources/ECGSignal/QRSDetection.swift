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
    /// Error rate ((FN + FP) / beats, EC57 from 5:00, channel 0) in percent on the 48 records of mitdb and 52 of svdb,
    /// and sensitivity and +P in percent on the noise stress records 118 and 119 at 0 dB. The detector's constants were
    /// chosen on these same records (one set for all of them, at the flat parts of the curves), so no column shows
    /// performance on unseen data. `ecgmon evaluate qrs --ablation` prints this table.
    ///
    /// | left out | mitdb | svdb | 0 dB |
    /// | --- | --- | --- | --- |
    /// | nothing | 0.271 | 0.298 | 94.38 / 67.89 |
    /// | `medianLevels` | 0.256 | 0.315 | 94.49 / 67.90 |
    /// | `amplitudeScale` | 0.377 | 0.283 | 93.43 / 70.64 |
    /// | `medianSearchBack` | 0.417 | 0.302 | 93.93 / 69.58 |
    /// | `steadyThresholds` | 0.328 | 0.614 | 94.41 / 66.99 |
    /// | `relearning` | 0.272 | 0.298 | 94.38 / 67.89 |
    /// | `groupedSearchBack` | 0.285 | 0.306 | 94.41 / 67.87 |
    /// | `noiseAdaptation` | 0.263 | 0.238 | 92.59 / 71.06 |
    /// | all | 0.372 | 0.456 | 93.60 / 69.68 |
    public struct Additions: OptionSet, Sendable, Hashable, Codable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Each addition with its name, in the order of the table.
        public static let named: [(name: String, addition: Additions)] = [
            ("medianLevels", .medianLevels), ("amplitudeScale", .amplitudeScale),
            ("medianSearchBack", .medianSearchBack), ("steadyThresholds", .steadyThresholds),
            ("relearning", .relearning), ("groupedSearchBack", .groupedSearchBack),
            ("noiseAdaptation", .noiseAdaptation),
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
        public static let all: Additions = [
            .medianLevels, .amplitudeScale, .medianSearchBack, .steadyThresholds, .relearning, .groupedSearchBack,
            .noiseAdaptation,
        ]
    }
}
