import ECGSignal

/// What a pacemaker's pulses say about a beat.
extension PacingEvidence {
    /// A pulse this many seconds before R at most is a ventricular one (wide paced complexes have a late R), or up to
    /// `latePulseSeconds` after R. An atrial one comes up to `atrialPulseSeconds` before R.
    private static let ventricularPulseSeconds = 0.16
    private static let latePulseSeconds = 0.04
    private static let atrialPulseSeconds = 0.35
    /// A detection within this time after a pulse, and smaller than this share of it, is no beat.
    private static let residueSeconds = 0.045
    private static let residueShare: Float = 0.08

    /// What a pacemaker did before a beat.
    ///
    /// - Parameters:
    ///   - index: the beat's R peak, counted as the pulses are.
    ///   - samplingRate: samples per second.
    func pacing(ofBeatAt index: Int64, samplingRate: Double) -> BeatPacing {
        func samples(_ seconds: Double) -> Int64 { Int64((seconds * samplingRate).rounded()) }
        let ventricular = index - samples(Self.ventricularPulseSeconds)
        return BeatPacing(
            ventricular: hasPulse(in: ventricular...index + samples(Self.latePulseSeconds)),
            atrial: hasPulse(in: index - samples(Self.atrialPulseSeconds)...ventricular - 1))
    }

    /// Whether a detection is only what a removed pulse left behind: the overshoot of a low-pass filter is about 4 % of
    /// the pulse. A stimulated QRS complex has its R peak later.
    ///
    /// - Parameters:
    ///   - index: where the detection lies, counted as the pulses are.
    ///   - amplitude: of the detection, in mV.
    ///   - samplingRate: samples per second.
    func isResidue(at index: Int64, amplitude: Float, samplingRate: Double) -> Bool {
        let height = expectedHeight(at: index, samplingRate: samplingRate)
        guard height != 0, abs(amplitude) < Self.residueShare * abs(height) else { return false }
        let (reach, early) = (Int64(Self.residueSeconds * samplingRate), Int64(0.01 * samplingRate))
        return hasPulse(in: index - reach...index + early)
    }
}
