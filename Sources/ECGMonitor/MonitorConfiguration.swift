internal import ECGLimits
public import StateCoding

/// The limits of every rule. The defaults are those of common bedside monitors; Docs/alarms.md names their sources.
public struct MonitorConfiguration: Sendable, Equatable, Codable, RangeChecked {
    /// Sampling rates that the resampler takes, in samples a second.
    public static var supportedSamplingRates: ClosedRange<Double> { SignalLimits.samplingRates }

    // MARK: Order of the samples

    /// A segment with more samples is refused: a minute at the highest rate.
    public var maximumBlockSamples = 120_000
    /// A segment whose first index differs from the expected one by more is refused, in s of samples: seven days,
    /// longer than any gateway keeps.
    public var maximumIndexJumpSeconds: Double = 604_800

    /// How far ahead of what is missing samples may come and wait for it, in s of samples; 0: not at all. What has not
    /// come then is a gap. It is a time of the stream, not of a clock.
    public var reorderSeconds: Double = 0.5

    // MARK: Signal

    /// After the electrode was off, or samples were invalid, detection starts again when the signal has been usable for
    /// this long, in s. It bounds how often a flapping source can restart it.
    public var recoverySeconds: Double = 0.25
    /// Samples that are missing, invalid or taken with the electrode off for at most this long, in s, are bridged: time goes
    /// on over them and detection does not start afresh, but nothing is read out of them; 0: none are.
    public var bridgedGapSeconds: Double = 0.5
    /// A gap at least this long, in s, raises `AlertKind.signalLost`; a shorter one is a status event only.
    public var signalLostGapSeconds: Double = 2
    /// Alerts about the patient outlive an interruption of the signal (gap, electrode off, invalid or saturated
    /// samples) that is shorter, in s; after a longer one they end with `AlertEnd.signalInterrupted`.
    public var interruptionHoldSeconds: Double = 10
    /// Whether the signal is judged at all: noisy, flat, saturated. Without, all that comes is read as ECG; for
    /// measuring what the judging brings, never for a patient.
    public var judgesSignalQuality = true
    /// Seconds of signal between two status events where nothing changes.
    public var statusIntervalSeconds: Double = 5

    // MARK: Rate

    /// No beat for this long, in s: asystole. Common default 4.0; ANSI/AAMI EC13 asks for
    /// an alarm within 10 s.
    public var asystoleSeconds: Double = 4
    /// An interval between two beats of at least this, in s: pause. Common default 2.0; the AHA's standards of 2017
    /// call pauses above 3 s significant.
    public var pauseSeconds: Double = 2
    /// A heart rate below, in beats a minute: bradycardia. Common default for adults 50.
    public var bradycardiaBelow: Double = 50
    /// A heart rate above, in beats a minute: tachycardia. Common default for adults 120.
    public var tachycardiaAbove: Double = 120
    /// A heart rate below, in beats a minute: extreme bradycardia. Common default 40.
    public var extremeBradycardiaBelow: Double = 40
    /// A heart rate above, in beats a minute: extreme tachycardia. Common default: 20 above that of tachycardia.
    public var extremeTachycardiaAbove: Double = 140
    /// The rate must come back past the limit by this much, in beats a minute, before the alert ends.
    public var heartRateHysteresis: Double = 3
    /// ... and must have stayed there for this long, in s: a rate that wavers about its limit is one alert.
    public var heartRateHoldSeconds: Double = 10

    // MARK: Ectopy

    /// V beats in a row that make a ventricular run; 3 or more.
    public var ventricularRunBeats = 3
    /// V beats in a row, at `ventricularTachycardiaRate` or faster, that make ventricular tachycardia. Common default
    /// 5.
    public var ventricularTachycardiaBeats = 5
    /// In beats a minute. Common default 100.
    public var ventricularTachycardiaRate: Double = 100
    /// V beats in a row, slower than `ventricularTachycardiaRate` and at `idioventricularRate` or faster, that make
    /// accelerated idioventricular rhythm. Common default 6.
    public var idioventricularBeats = 6
    /// In beats a minute. Common default 50.
    public var idioventricularRate: Double = 50
    /// More V beats than this within 60 s: frequent ventricular ectopic beats. Common default 10.
    public var frequentVentricularBeats = 10
    /// ... until there have been no more than that for this long, in s.
    public var frequentVentricularBeatsHoldSeconds: Double = 60
    /// The alert about V beats on the T wave goes on until there has been none for this long, in s.
    public var rOnTHoldSeconds: Double = 60
    /// S beats in a row that make a supraventricular run; 3 or more.
    public var supraventricularRunBeats = 3
    /// S beats in a row, at `supraventricularTachycardiaRate` or faster, that make supraventricular tachycardia. Common
    /// default 5.
    public var supraventricularTachycardiaBeats = 5
    /// In beats a minute. Common default 180.
    public var supraventricularTachycardiaRate: Double = 180
    /// Other beats in a row that end a run; one or two alone may be misread.
    public var runEndBeats = 3
    /// Repetitions of the pattern that make bigeminy (V between single other beats) and trigeminy (V between pairs).
    public var patternCycles = 3
    /// The alert about single V beats goes on until there has been none for this long, in s, so that a ward gets one
    /// alert for an hour of them rather than hundreds.
    public var singleVentricularBeatHoldSeconds: Double = 60
    /// The same for couplets. For as long after a run neither couplets nor single beats are raised: the graver alert
    /// has told of them.
    public var coupletHoldSeconds: Double = 60
    /// Bigeminy and trigeminy go on until the pattern has not been seen for this long, in s.
    public var patternHoldSeconds: Double = 30
    /// At least this long, in s, between two updates of one alert.
    public var alertUpdateSeconds: Double = 30

    // MARK: Fibrillation

    /// Ventricular fibrillation is over when the signal has not shown it for this long, in s.
    public var ventricularFibrillationHoldSeconds: Double = 10
    /// The alert about an irregular rhythm goes on until it has not been irregular for this long, in s.
    public var atrialFibrillationHoldSeconds: Double = 30

    // MARK: Alarms

    public var alarms = AlarmPolicy()

    // MARK: Attack

    public var suspicion = AttackSuspicionRule.Parameters()

    public init() {}

    /// A value that no rule can work with.
    public struct InvalidValue: Error, Sendable, Equatable, CustomStringConvertible {
        /// The property's name.
        public var key: String
        /// What it must be.
        public var requirement: String

        public var description: String { "\(key) must be \(requirement)" }
    }

    public var isInRange: Bool { (try? validate()) != nil }

    /// - Throws: the first value that is out of its range. `PatientMonitor` relies on a configuration that passes.
    public func validate() throws(InvalidValue) {
        func require(_ value: Double, _ key: String, _ range: ClosedRange<Double>) throws(InvalidValue) {
            guard range.contains(value) else {
                throw InvalidValue(
                    key: key, requirement: "from \(range.lowerBound) to \(range.upperBound), not \(value)")
            }
        }
        func require(_ value: Int, _ key: String, _ range: ClosedRange<Int>) throws(InvalidValue) {
            guard range.contains(value) else {
                throw InvalidValue(
                    key: key, requirement: "from \(range.lowerBound) to \(range.upperBound), not \(value)")
            }
        }
        try require(maximumBlockSamples, "maximumSegmentSamples", 1...10_000_000)
        try require(maximumIndexJumpSeconds, "maximumIndexJumpSeconds", 1...31_536_000)
        try require(reorderSeconds, "reorderSeconds", 0...5)
        try require(recoverySeconds, "recoverySeconds", 0...10)
        try require(signalLostGapSeconds, "signalLostGapSeconds", 0...60)
        try require(bridgedGapSeconds, "bridgedGapSeconds", 0...2)
        try require(interruptionHoldSeconds, "interruptionHoldSeconds", 1...300)
        try require(statusIntervalSeconds, "statusIntervalSeconds", 1...3_600)
        try require(asystoleSeconds, "asystoleSeconds", 2.5...10)
        try require(pauseSeconds, "pauseSeconds", 1...10)
        guard pauseSeconds < asystoleSeconds else {
            throw InvalidValue(key: "pauseSeconds", requirement: "below asystoleSeconds (\(asystoleSeconds))")
        }
        try require(bradycardiaBelow, "bradycardiaBelow", 15...150)
        try require(tachycardiaAbove, "tachycardiaAbove", 50...300)
        try require(extremeBradycardiaBelow, "extremeBradycardiaBelow", 10...150)
        guard extremeBradycardiaBelow <= bradycardiaBelow else {
            throw InvalidValue(
                key: "extremeBradycardiaBelow", requirement: "at most bradycardiaBelow (\(bradycardiaBelow))")
        }
        try require(extremeTachycardiaAbove, "extremeTachycardiaAbove", 50...300)
        guard extremeTachycardiaAbove >= tachycardiaAbove else {
            throw InvalidValue(
                key: "extremeTachycardiaAbove", requirement: "at least tachycardiaAbove (\(tachycardiaAbove))")
        }
        try require(heartRateHysteresis, "heartRateHysteresis", 0...20)
        try require(heartRateHoldSeconds, "heartRateHoldSeconds", 0...60)
        guard bradycardiaBelow + heartRateHysteresis < tachycardiaAbove - heartRateHysteresis else {
            throw InvalidValue(
                key: "bradycardiaBelow", requirement: "below tachycardiaAbove, with the hysteresis between them")
        }
        try require(ventricularRunBeats, "ventricularRunBeats", 3...100)
        // No further: a limit that no patient reaches would switch it off.
        try require(ventricularTachycardiaBeats, "ventricularTachycardiaBeats", 3...15)
        guard ventricularTachycardiaBeats >= ventricularRunBeats else {
            throw InvalidValue(
                key: "ventricularTachycardiaBeats", requirement: "at least ventricularRunBeats (\(ventricularRunBeats))"
            )
        }
        try require(ventricularTachycardiaRate, "ventricularTachycardiaRate", 50...150)
        try require(idioventricularBeats, "idioventricularBeats", 3...100)
        try require(idioventricularRate, "idioventricularRate", 20...150)
        try require(frequentVentricularBeats, "frequentVentricularBeats", 1...200)
        try require(frequentVentricularBeatsHoldSeconds, "frequentVentricularBeatsHoldSeconds", 5...3_600)
        try require(rOnTHoldSeconds, "rOnTHoldSeconds", 5...3_600)
        try require(supraventricularRunBeats, "supraventricularRunBeats", 3...100)
        try require(supraventricularTachycardiaBeats, "supraventricularTachycardiaBeats", 3...100)
        try require(supraventricularTachycardiaRate, "supraventricularTachycardiaRate", 80...300)
        try require(runEndBeats, "runEndBeats", 1...20)
        try require(patternCycles, "patternCycles", 2...8)
        try require(singleVentricularBeatHoldSeconds, "singleVentricularBeatHoldSeconds", 5...3_600)
        try require(coupletHoldSeconds, "coupletHoldSeconds", 5...3_600)
        try require(patternHoldSeconds, "patternHoldSeconds", 5...3_600)
        try require(alertUpdateSeconds, "alertUpdateSeconds", 1...3_600)
        try require(ventricularFibrillationHoldSeconds, "ventricularFibrillationHoldSeconds", 3...60)
        try require(atrialFibrillationHoldSeconds, "atrialFibrillationHoldSeconds", 5...3_600)
        try alarms.validate()
        try suspicion.validate()
    }
}
