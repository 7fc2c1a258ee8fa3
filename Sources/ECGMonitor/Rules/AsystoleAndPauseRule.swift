/// Asystole and pause: what follows from beats that do not come.
///
/// **Pause**: an interval between two beats of at least `pauseSeconds`. It is raised without waiting for the second
/// beat, `decisionAllowance` after the limit, and not before the detector's search-back has had its turn; it is over
/// with the first interval below the limit. **Asystole**: no beat for `asystoleSeconds` of signal in which one would
/// have been seen; a flat line counts as such. It takes the place of what is about beats, and is over with the second
/// beat of two that are less than the limit apart. While the signal shows ventricular fibrillation neither is raised:
/// it has no beats either, and is said.
struct AsystoleAndPauseRule: Sendable, Codable {
    /// A beat is known about 0.4 s after its R peak (decision delay and half a window); before that, "no beat" cannot
    /// be said.
    static let decisionAllowance: Double = 0.5
    /// The detector searches back at 1.66 of the mean interval.
    static let searchBackIntervals: Double = 1.7

    /// In noise a beat may have been overlooked: then no pause is raised, and asystole not before so many seconds: with
    /// the allowance that is still well within the 10 s of ANSI/AAMI EC13.
    static let doubtfulSeconds: Double = 6

    /// What asystole takes the place of: what is about beats, of which there are none.
    private static let lesser: [AlertKind] = [
        .pause, .bradycardia, .extremeBradycardia, .tachycardia, .extremeTachycardia, .ventricularTachycardia,
        .idioventricularRhythm, .ventricularRun, .supraventricularTachycardia, .supraventricularRun,
    ]

    private var asystoleSeconds: Double
    private var pauseSeconds: Double
    /// The last beat, or where the signal that can be seen began; nil while nothing can be seen.
    private var beatlessSince: Int64?
    /// Whether `beatlessSince` is a beat: only then is what follows an interval.
    private var sinceBeat = false
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

    /// The signal can be seen from here on.
    mutating func signalBegan(at index: Int64) {
        guard beatlessSince == nil else { return }
        beatlessSince = index
        sinceBeat = false
        isDoubtful = false
    }

    /// Beats could now pass unseen.
    mutating func signalEnded() {
        beatlessSince = nil
        sinceBeat = false
    }

    mutating func beat(at index: Int64, alerts: inout AlertManager) {
        let wasBeat = sinceBeat
        let since = beatlessSince
        let limit = asystoleLimit
        let wasDoubtful = isDoubtful
        beatlessSince = index
        sinceBeat = true
        isDoubtful = false
        guard wasBeat, let since else { return }
        let interval = alerts.now.seconds(from: since, to: index)
        // A beat that the search-back found may lie so far behind that nothing came since: then nothing is over.
        let sinceThisBeat = alerts.now.seconds(from: index, to: alerts.now.decidedAt)
        if interval < asystoleSeconds, sinceThisBeat < asystoleSeconds { alerts.end(.asystole, .cleared, at: index) }
        if interval < pauseSeconds {
            if sinceThisBeat < pauseSeconds { alerts.end(.pause, .cleared, at: index) }
        } else if interval >= limit {
            // The clock has raised it, unless this beat came within the allowance.
            startAsystole(since: since, at: index, seconds: interval, alerts: &alerts)
        } else if !alerts.isActive(anyOf: .asystole, .ventricularFibrillation), !wasDoubtful {
            // One more in a row, or too short for the clock.
            let text = "pause of \(fixed(interval, decimals: 1)) s"
            alerts.start(.pause, onset: since, text: text)
            alerts.update(.pause, text: text)
        }
    }

    private var asystoleLimit: Double { isDoubtful ? max(asystoleSeconds, Self.doubtfulSeconds) : asystoleSeconds }

    /// - Parameter noisy: whether the signal is such now that a beat may be overlooked.
    mutating func clock(
        at index: Int64, meanInterval: Double?, noisy: Bool = false, alerts: inout AlertManager
    ) {
        guard let since = beatlessSince else { return }
        if noisy { isDoubtful = true }
        let seconds = alerts.now.seconds(from: since, to: index)
        if seconds >= asystoleLimit + Self.decisionAllowance {
            return startAsystole(since: since, at: index, seconds: seconds, alerts: &alerts)
        }
        guard sinceBeat, !isDoubtful, !alerts.isActive(anyOf: .asystole, .ventricularFibrillation) else { return }
        let due = max(pauseSeconds, Self.searchBackIntervals * (meanInterval ?? 0)) + Self.decisionAllowance
        if seconds >= due {
            alerts.start(.pause, onset: since, text: "pause: no beat for \(fixed(seconds, decimals: 1)) s")
        }
    }

    private func startAsystole(since: Int64, at index: Int64, seconds: Double, alerts: inout AlertManager) {
        let text = "asystole: no beat for \(fixed(seconds, decimals: 1)) s"
        guard !alerts.isActive(.asystole) else { return alerts.update(.asystole, text: text) }
        guard !alerts.isActive(.ventricularFibrillation) else { return }
        for lesser in Self.lesser { alerts.end(lesser, .shadowed, at: index) }
        alerts.start(.asystole, onset: since, text: text)
    }
}
