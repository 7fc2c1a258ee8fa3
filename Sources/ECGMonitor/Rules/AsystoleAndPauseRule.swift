/// Asystole and pause: conclusions from the absence of beats.
///
/// **Pause**: an interval between two beats of at least `pauseSeconds`. It is raised without waiting for the second
/// beat, `decisionAllowance` after the limit, but not before the detector's search-back has had its turn; it ends
/// with the first interval below the limit. **Asystole**: no beat for `asystoleSeconds` of signal in which a beat
/// would have been seen; a flat line counts as such. It replaces the alerts about beats, and ends with the second of
/// two beats that are less than the limit apart. Neither is raised while the signal shows ventricular fibrillation,
/// which has no beats either and is reported itself.
///
/// Unobserved signal is not evidence: seconds in which samples were missing or unusable do not count towards either
/// limit. Time still advances during them, so a link that loses a packet every second cannot hide an arrest.
struct AsystoleAndPauseRule: Sendable, Codable {
    /// A beat is known about 0.4 s after its R peak (decision delay and half a window); before that, "no beat" cannot
    /// be concluded.
    static let decisionAllowance: Double = 0.5
    /// The detector searches back at 1.66 times the mean interval.
    static let searchBackIntervals: Double = 1.7

    /// In noise a beat may have been missed: then no pause is raised, and asystole only after this many seconds;
    /// together with the allowance that is still well within the 10 s of ANSI/AAMI EC13.
    static let doubtfulSeconds: Double = 6

    /// The detector's learning phase, and the time until its beats are known.
    static let learningSeconds: Double = 2.5

    /// A signal may keep moving although no beat is found in it: the beats may be too small, too wide or too unusual
    /// for the detector. It counts as moving if it swings by this many mV within 0.15 s (no record of the challenge
    /// of 2017 swings less, and asystole swings less than 0.12), and by more than this share of its swing while there
    /// were beats or by `largeSwing`. Asystole is then reported after this many seconds: together with the allowance still within 10 s.
    static let minimumSwing: Float = 0.15
    static let minimumSwingShare: Float = 0.35
    static let largeSwing: Float = 0.3
    static let movingSeconds: Double = 8
    /// The usual swing is updated every quarter of a second with this weight.
    static let swingShare: Float = 1 / 64

    /// Alerts that asystole replaces: those about beats, of which there are none.
    private static let lesser: [AlertKind] = [
        .pause, .bradycardia, .extremeBradycardia, .tachycardia, .extremeTachycardia, .ventricularTachycardia,
        .idioventricularRhythm, .ventricularRun, .supraventricularTachycardia, .supraventricularRun,
    ]

    private var asystoleSeconds: Double
    private var pauseSeconds: Double
    /// The last beat, or the start of the observable signal; nil if nothing has been observed yet.
    private var beatlessSince: Int64?
    /// Unobserved seconds of the session up to that point.
    private var unobservedThen: Double = 0
    /// Detection restarted here after an interruption: for `learningSeconds` it may have found a beat without having
    /// reported it yet.
    private var learningSince: Int64?
    /// Whether `beatlessSince` is a beat of the current segment: only then is what follows an RR interval.
    private var sinceBeat = false
    /// Swing of the waveform while beats are present, in mV; 0 if unknown.
    private var usualSwing: Float = 0
    private var isMoving = false
    /// There has been noise since the last beat.
    private var isDoubtful = false

    init(_ configuration: MonitorConfiguration) {
        asystoleSeconds = configuration.asystoleSeconds
        pauseSeconds = configuration.pauseSeconds
    }

    mutating func configure(_ configuration: MonitorConfiguration) {
        asystoleSeconds = configuration.asystoleSeconds
        pauseSeconds = configuration.pauseSeconds
    }

    /// The signal is observable from here on.
    ///
    /// - Parameters:
    ///   - unobserved: unobserved seconds of the session up to here.
    ///   - isAfterInterruption: whether detection restarts after samples that could not be observed.
    mutating func signalBegan(at index: Int64, unobserved: Double, isAfterInterruption: Bool) {
        if isAfterInterruption { learningSince = index }
        guard beatlessSince == nil else { return }
        beatlessSince = index
        unobservedThen = unobserved
        sinceBeat = false
        isDoubtful = false
    }

    /// Beats could now pass unseen. All beats so far have been reported.
    mutating func signalEnded(
        at index: Int64, unobserved: Double, noisy: Bool, alerts: inout AlertManager
    ) {
        learningSince = nil
        clock(at: index, unobserved: unobserved, meanInterval: nil, noisy: noisy, alerts: &alerts)
        sinceBeat = false
    }

    /// Discards everything known so far.
    mutating func forget() {
        beatlessSince = nil
        learningSince = nil
        sinceBeat = false
        usualSwing = 0
    }

    /// - Parameter unobserved: unobserved seconds of the session up to the beat.
    mutating func beat(at index: Int64, unobserved: Double, alerts: inout AlertManager) {
        let unseen = max(0, unobserved - unobservedThen)
        unobservedThen = unobserved
        let wasBeat = sinceBeat
        let since = beatlessSince
        let limit = asystoleLimit
        let wasDoubtful = isDoubtful
        beatlessSince = index
        sinceBeat = true
        isDoubtful = false
        guard wasBeat, let since else { return }
        let interval = alerts.now.seconds(from: since, to: index) - unseen
        // A beat found by search-back may lie so far back that nothing has come since: then nothing has ended.
        let sinceThisBeat = alerts.now.seconds(from: index, to: alerts.now.decidedAt)
        if interval < asystoleSeconds, sinceThisBeat < asystoleSeconds { alerts.end(.asystole, .cleared, at: index) }
        if interval < pauseSeconds {
            if sinceThisBeat < pauseSeconds { alerts.end(.pause, .cleared, at: index) }
        } else if interval >= limit {
            // The clock has already raised it, unless this beat came within the allowance.
            startAsystole(since: since, at: index, seconds: interval, alerts: &alerts)
        } else if !alerts.isActive(anyOf: .asystole, .ventricularFibrillation, .ventricularTachycardia),
            !wasDoubtful {
            // Another pause directly after the last, or one too short for the clock to raise.
            let text = "pause of \(fixed(interval, decimals: 1)) s"
            alerts.start(.pause, onset: since, text: text)
            alerts.update(.pause, text: text)
        }
    }

    private var asystoleLimit: Double {
        if isMoving { return max(asystoleSeconds, Self.movingSeconds) }
        return isDoubtful ? max(asystoleSeconds, Self.doubtfulSeconds) : asystoleSeconds
    }

    private mutating func follow(_ swing: Float?, secondsWithoutBeat seconds: Double) {
        guard let swing else { return isMoving = false }
        isMoving =
            swing >= Self.largeSwing
            || swing >= Self.minimumSwing && swing > Self.minimumSwingShare * usualSwing
        guard sinceBeat, seconds < 2 else { return }
        usualSwing = usualSwing == 0 ? swing : usualSwing + Self.swingShare * (swing - usualSwing)
    }

    /// - Parameters:
    ///   - unobserved: unobserved seconds of the session so far.
    ///   - noisy: whether the current signal is such that a beat may be missed.
    ///   - swing: swing of the waveform over the last 3 s, in mV; nil if unknown.
    ///   - isVentricular: whether the waveform shows ventricular tachycardia or fibrillation, which rules out
    ///     asystole.
    ///   - isStimulated: whether a pacemaker stimulates, without effect if there is no beat.
    mutating func clock(
        at index: Int64, unobserved: Double = 0, meanInterval: Double?, noisy: Bool = false, swing: Float? = nil,
        isVentricular: Bool = false, isStimulated: Bool = false, alerts: inout AlertManager
    ) {
        guard let since = beatlessSince else { return }
        if noisy { isDoubtful = true }
        if let learningSince {
            guard alerts.now.seconds(from: learningSince, to: index) >= Self.learningSeconds else { return }
            self.learningSince = nil
        }
        let seconds = alerts.now.seconds(from: since, to: index) - max(0, unobserved - unobservedThen)
        follow(swing, secondsWithoutBeat: seconds)
        if isVentricular { return }
        if seconds >= asystoleLimit + Self.decisionAllowance {
            let words = isStimulated ? ", pacing without capture" : ""
            return startAsystole(since: since, at: index, seconds: seconds, words: words, alerts: &alerts)
        }
        guard sinceBeat, !isDoubtful,
            !alerts.isActive(anyOf: .asystole, .ventricularFibrillation, .ventricularTachycardia)
        else { return }
        let due = max(pauseSeconds, Self.searchBackIntervals * (meanInterval ?? 0)) + Self.decisionAllowance
        if seconds >= due {
            alerts.start(.pause, onset: since, text: "pause: no beat for \(fixed(seconds, decimals: 1)) s")
        }
    }

    private func startAsystole(
        since: Int64, at index: Int64, seconds: Double, words: String = "", alerts: inout AlertManager
    ) {
        let text = "asystole: no beat for \(fixed(seconds, decimals: 1)) s\(words)"
        guard !alerts.isActive(.asystole) else { return alerts.update(.asystole, text: text) }
        guard !alerts.isActive(.ventricularFibrillation) else { return }
        for lesser in Self.lesser { alerts.end(lesser, .shadowed, at: index) }
        alerts.start(.asystole, onset: since, text: text)
    }
}
