internal import ECGLimits
public import StateCoding

/// The limits of every rule. The defaults are those of common bedside monitors; Docs/alarms.md lists their sources.
public struct MonitorConfiguration: Sendable, Equatable, Codable, RangeChecked {
    /// Sampling rates that the resampler accepts, in samples per second.
    public static var supportedSamplingRates: ClosedRange<Double> { SignalLimits.samplingRates }

    // MARK: Order of the samples

    /// A sample block with more samples is rejected: one minute at the maximum rate.
    public var maximumBlockSamples = 120_000
    /// A sample block whose first index differs from the expected one by more than this is rejected, in s of samples:
    /// seven days, longer than any gateway keeps data.
    public var maximumIndexJumpSeconds: Double = 604_800

    /// How far ahead of missing samples later ones may arrive and wait in the reorder buffer, in s of samples; 0 to
    /// disable reordering. Whatever has not arrived by then is a gap. This is stream time, not clock time.
    public var reorderSeconds: Double = 0.5

    // MARK: Signal

    /// After the electrode was off or samples were invalid, detection restarts once the signal has been usable for
    /// this long, in s. This limits how often an unstable source can restart it.
    public var recoverySeconds: Double = 0.25
    /// Samples that are missing, invalid or acquired with the electrode off for at most this long, in s, are bridged:
    /// time continues across them and detection does not restart, but nothing is inferred from them; 0 to disable
    /// bridging.
    public var bridgedGapSeconds: Double = 0.5
    /// A gap of at least this length, in s, raises `AlertKind.signalLost`; a shorter one only causes a status event.
    public var signalLostGapSeconds: Double = 2
    /// Alerts about the patient survive an interruption of the signal (gap, electrode off, invalid or saturated
    /// samples) shorter than this, in s; after a longer one they end with `AlertEnd.signalInterrupted`.
    public var interruptionHoldSeconds: Double = 10
    /// Whether signal quality is assessed at all: noisy, flat, saturated. Without it, everything received is read as
    /// ECG; for measuring the benefit of the assessment, never for a patient.
    public var judgesSignalQuality = true
    /// Seconds of signal between two status events while nothing changes.
    public var statusIntervalSeconds: Double = 5

    // MARK: Rate

    /// No beat for this long, in s: asystole. Common default 4.0; ANSI/AAMI EC13 requires an alarm within 10 s.
    public var asystoleSeconds: Double = 4
    /// An interval between two beats of at least this length, in s: pause. Common default 2.0; the AHA standards of
    /// 2017 call pauses above 3 s significant.
    public var pauseSeconds: Double = 2
    /// A heart rate below this, in beats per minute: bradycardia. Common default for adults 50.
    public var bradycardiaBelow: Double = 50
    /// A heart rate above this, in beats per minute: tachycardia. Common default for adults 120.
    public var tachycardiaAbove: Double = 120
    /// A heart rate below this, in beats per minute: extreme bradycardia. Common default 40.
    public var extremeBradycardiaBelow: Double = 40
    /// A heart rate above this, in beats per minute: extreme tachycardia. Common default: 20 above the tachycardia
    /// limit.
    public var extremeTachycardiaAbove: Double = 140
    /// The rate must return past the limit by this much, in beats per minute, before the alert ends.
    public var heartRateHysteresis: Double = 3
    /// The rate must then stay there for this long, in s, so that a rate fluctuating around its limit is one alert.
    public var heartRateHoldSeconds: Double = 10

    // MARK: Ectopy

    /// Consecutive V beats that make a ventricular run; 3 or more.
    public var ventricularRunBeats = 3
    /// Consecutive V beats, at `ventricularTachycardiaRate` or faster, that make ventricular tachycardia. Common
    /// default 5.
    public var ventricularTachycardiaBeats = 5
    /// Minimum rate of ventricular tachycardia, in beats per minute. Common default 100.
    public var ventricularTachycardiaRate: Double = 100
    /// Consecutive V beats, slower than `ventricularTachycardiaRate` and at `idioventricularRate` or faster, that
    /// make accelerated idioventricular rhythm. Common default 6.
    public var idioventricularBeats = 6
    /// Minimum rate of accelerated idioventricular rhythm, in beats per minute. Common default 50.
    public var idioventricularRate: Double = 50
    /// More V beats than this within 60 s: frequent ventricular ectopic beats. Common default 10.
    public var frequentVentricularBeats = 10
    /// That alert ends when the count has not exceeded its limit for this long, in s.
    public var frequentVentricularBeatsHoldSeconds: Double = 60
    /// The alert about R-on-T V beats continues until there has been none for this long, in s.
    public var rOnTHoldSeconds: Double = 60
    /// Consecutive S beats that make a supraventricular run; 3 or more.
    public var supraventricularRunBeats = 3
    /// Consecutive S beats, at `supraventricularTachycardiaRate` or faster, that make supraventricular tachycardia.
    /// Common default 5.
    public var supraventricularTachycardiaBeats = 5
    /// Minimum rate of supraventricular tachycardia, in beats per minute. Common default 180.
    public var supraventricularTachycardiaRate: Double = 180
    /// Consecutive beats of other classes that end a run; one or two alone may be misclassified.
    public var runEndBeats = 3
    /// Repetitions of the pattern that make bigeminy (V between single other beats) or trigeminy (V between pairs of
    /// others).
    public var patternCycles = 3
    /// The alert about single V beats continues until there has been none for this long, in s, so that a ward gets
    /// one alert for an hour of them rather than hundreds.
    public var singleVentricularBeatHoldSeconds: Double = 60
    /// The same for couplets. For this long after a run, neither couplets nor single V beats raise an alert: the
    /// graver alert has already reported them.
    public var coupletHoldSeconds: Double = 60
    /// Bigeminy and trigeminy continue until the pattern has not been seen for this long, in s.
    public var patternHoldSeconds: Double = 30
    /// Minimum time between two updates of one alert, in s.
    public var alertUpdateSeconds: Double = 30

    // MARK: Fibrillation

    /// Ventricular fibrillation ends when the signal has not shown it for this long, in s.
    public var ventricularFibrillationHoldSeconds: Double = 10
    /// The irregular-rhythm alert continues until the rhythm has not looked like atrial fibrillation for this long, in
    /// s. It is judged over 30 s, so the alert ends some 25 s after the fibrillation.
    public var atrialFibrillationHoldSeconds: Double = 10

    // MARK: Alarms

    public var alarms = AlarmPolicy()

    // MARK: Attack

    public var suspicion = AttackSuspicionRule.Parameters()

    public init() {}

    /// An invalid configuration value.
    public struct InvalidValue: Error, Sendable, Equatable, CustomStringConvertible {
        /// The property's name.
        public var key: String
        /// The requirement it violates.
        public var requirement: String

        public var description: String { "\(key) must be \(requirement)" }
    }

    public var isInRange: Bool { (try? validate()) != nil }

    /// - Throws: the first value that is out of range. `PatientMonitor` relies on a valid configuration.
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
        // No higher: a limit that no patient reaches would switch the alarm off.
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
