extension PanTompkinsDetector {
    /// Durations in samples at 360 Hz, and fractions of levels.
    struct Constants: Sendable, Equatable, Codable {
        /// A peak is decided within this many samples (350 ms) after its apex; only after that is a beat missing.
        var decisionDelay: Int64 = 126
        /// 200 ms: no two beats are closer than this (section III), unless the rhythm is known to be a `FastRhythm`.
        var refractory: Int64 = 72
        /// Within 360 ms after a beat a peak may be its T wave...
        var tWaveWindow: Int64 = 130
        /// ...and is one if its slope is below half (in the paper; slightly less here) of the beat's.
        var tWaveSlope: Float = 0.47
        /// 2 s.
        var learningPhase: Int64 = 720
        /// Threshold 1 between noise and signal level: integrated signal on the scale of amplitudes (0.5 there is the
        /// paper's 0.25), band-passed signal (the paper: 0.25). The optimum is flat: 0.4 to 0.5 and 0.2 to 0.4 change
        /// the error rate on mitdb by less than a tenth.
        var integratedShare: Float = 0.45
        var integratedPowerShare: Float = 0.25
        var bandPassedShare: Float = 0.4
        /// Threshold 2 as a share of threshold 1.
        var searchBackShare: Float = 0.5
        /// A peak with three quarters of the heights and slope of a beat found by search-back is as good a beat as that
        /// one.
        var likeness: Float = 0.75
        var searchBackByAverage: Float = 1.66
        var searchBackByMedian: Float = 1.42

        /// The second slope of a wide complex is at most this much higher than the first.
        var otherSlopeLimit: Float = 1.6
        /// In noise both are at least this fraction of the usual height.
        var otherSlopeHeight: Float = 0.7

        // MARK: Relearning

        /// 8 s.
        var relearningInterval: Int64 = 2_880
        /// Relearned levels below this fraction of the previous ones are noise: nothing can be detected in the signal
        /// of a heart that stands still.
        var relearningShare: Float = 0.125
        /// 2.2 s after the last beat, and then every quarter of a second, a rhythm of another height is looked for.
        var earlyRelearningInterval: Int64 = 790
        var earlyRelearningStep: Int64 = 90
        /// Peaks of one rhythm agree in each measure to within this fraction.
        var similarity: Float = 0.5
        /// A broad wave belongs to a rhythm of its own only from this fraction of the usual height on.
        var tallShare: Float = 0.4

        // MARK: Small peaks

        /// Millivolts from peak to peak: by IEC 60601-2-27 a complex of 0.15 mV or less need not be counted and one of
        /// 0.5 mV must be. The mean of three samples takes a tenth off a narrow one.
        var minimumHeight: Float = 0.135
        /// Slope of such a complex if it is a triangle 80 ms wide at its base. P waves of 0.15 mV are less steep.
        var minimumSlope: Float = 150
        /// A wave taller than this, in millivolts, is no P wave, and need not be steep...
        var tallerThanP: Float = 0.3
        /// ...but sharper than baseline wander, in band-passed microvolts per millivolt.
        var minimumSharpness: Float = 50
        /// In a rhythm above these limits a single beat may be this fraction of them.
        var usualShare: Float = 0.6
        /// With muscle noise beside it, a peak below this fraction of the usual height is not a beat.
        var muscleNoiseHeight: Float = 0.7
        /// 30 s: after so long without a beat it may be one.
        var muscleNoisePatience: Int64 = 10_800
        /// At the start, peaks below this many band-passed microvolts, the peak of a narrow complex of 0.15 mV, must
        /// stand out from noise: by the concentration of their energy, or by this multiple of the noise level.
        var doubtfulPeak: Float = 60
        var doubtfulConcentration: Float = 0.72
        var doubtfulMultiple: Float = 3
        /// Without the addition `lowVoltage`, the smallest band-passed peak in microvolts.
        var fixedMinimumPeak: Float = 80

        // MARK: Small beats beside large ones

        /// Sharpness above which a wave is no P or T wave: of narrow complexes half are above 330, of the waves after
        /// QRS complexes 95 % are below 260.
        var sharp: Float = 280
        /// Smallest height of a sharp small beat as a fraction of the large ones, in the integrated signal...
        var smallShare: Float = 0.2
        /// ...and as a multiple of the other peaks beside it.
        var smallMultiple: Float = 2
        /// The same fraction for a broad beat, of which the band-pass leaves little, and its smallest fraction of the
        /// usual height in the original signal.
        var smallBroadShare: Float = 0.03
        var broadShare: Float = 0.27
        /// Smallest sharpness of a broad beat; T waves that come late are less sharp.
        var broadSharpness: Float = 100
        /// The apex of the T wave comes this many seconds after R at 60/min, later in proportion to the root of the
        /// interval; and a margin of 60 ms.
        var tWaveApex: Float = 0.32
        var tWaveMargin: Float = 22
        /// 250 ms: a peak closer to the next beat may be its P wave.
        var pWaveWindow: Int64 = 90
        /// From this `noiseRatio` on, only peaks midway between two beats are small beats.
        var smallBeatNoise: Float = 0.05

        // MARK: Noise

        /// The constants below begin to apply at the first `noiseRatio` and apply fully at the second; in between, they
        /// are interpolated.
        var noiseOnset: Float = 0.32
        var noiseFull: Float = 0.4
        /// Electrode motion comes in bursts: the noise is forgotten within this many peaks.
        var noiseMemory: Float = 60
        /// In noise a missed beat costs more than a false one, because the noise itself is reported.
        var noisyIntegratedShare: Float = 0.2
        var noisyBandPassedShare: Float = 0.2
        /// In noise a beat may be less steep than the noise peak before it; that does not make it a T wave.
        var noisyTWaveSlope: Float = 0
        /// 144 ms: a noise peak must not hide a beat.
        var noisyRefractory: Float = 52
        var noisySearchBackByMedian: Float = 1.17
    }
}
