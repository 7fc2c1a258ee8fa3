internal import ECGSignal
internal import StateCoding

/// Ventricular tachycardia, flutter and fibrillation as shown by the waveform, independently of the beats: complexes
/// that are detected twice, missed, or assigned to another class must not hide them.
///
/// Fibrillation replaces every other alert about the heart; tachycardia replaces the lesser ventricular alerts and
/// those about the rate. Each ends when the waveform has not shown it for `ventricularFibrillationHoldSeconds`,
/// because it comes and goes within one episode. A possible artefact is raised only in a noisy signal, where beats
/// are doubtful and nothing else would report it, and the alert says that it may be an artefact.
struct VentricularRhythmAlertRule: Sendable, Codable {
    /// Every alert that fibrillation replaces.
    private static let lesserThanFibrillation: [AlertKind] = AlertKind.allCases.filter {
        $0.priority != .technical && $0 != .ventricularFibrillation
    }
    private static let lesserThanTachycardia: [AlertKind] = [
        .ventricularCouplet, .singleVentricularBeat, .bigeminy, .trigeminy, .ventricularRun, .idioventricularRhythm,
        .tachycardia, .extremeTachycardia, .supraventricularRun, .supraventricularTachycardia, .pause, .bradycardia,
        .extremeBradycardia, .atrialFibrillation,
    ]

    /// A possible artefact must last this long, in s, before it is raised: together with the five seconds that the
    /// finding itself takes, within 10 s.
    private static let artefactSeconds = 4.0

    private var holdSeconds: Double
    private var finding = VentricularRhythmRule.Finding.none
    private var since: Int64 = 0
    private var foundAt: Int64 = 0
    private var confidence: Float = 0
    /// When the waveform last showed tachycardia and fibrillation, source rate; nil: not in this session.
    private var lastTachycardia: Int64?
    private var lastFibrillation: Int64?

    init(_ configuration: MonitorConfiguration) { holdSeconds = configuration.ventricularFibrillationHoldSeconds }

    mutating func configure(_ configuration: MonitorConfiguration) {
        holdSeconds = configuration.ventricularFibrillationHoldSeconds
    }

    /// - Parameters:
    ///   - index: where the finding began; for `.none`, where it was last seen.
    ///   - confidence: 0 ... 1.
    mutating func change(
        to new: VentricularRhythmRule.Finding, at index: Int64, confidence: Float, alerts: inout AlertManager
    ) {
        keepUp(until: new == .none ? index : alerts.now.decidedAt)
        finding = new
        self.confidence = confidence
        if new != .none { since = index }
        foundAt = alerts.now.decidedAt
        keepUp(until: alerts.now.decidedAt)
        startIfDue(&alerts)
    }

    /// - Parameter beatsShowTachycardia: whether a run of V beats is in progress.
    mutating func clock(at index: Int64, beatsShowTachycardia: Bool, alerts: inout AlertManager) {
        keepUp(until: index)
        startIfDue(&alerts)
        if let last = lastFibrillation, isOver(last, at: index, alerts) {
            alerts.end(.ventricularFibrillation, .cleared, at: last)
            lastFibrillation = nil
        }
        if let last = lastTachycardia, isOver(last, at: index, alerts) {
            if !beatsShowTachycardia { alerts.end(.ventricularTachycardia, .cleared, at: last) }
            lastTachycardia = nil
        }
    }

    /// Whether the waveform shows tachycardia, or showed it so recently that the alert continues.
    var holdsTachycardia: Bool { lastTachycardia != nil }

    /// Whether the waveform shows tachycardia or fibrillation now.
    var isShown: Bool { finding == .ventricularTachycardia || finding == .ventricularFibrillation }

    /// The signal was interrupted.
    mutating func cut() { finding = .none }

    mutating func reset() {
        finding = .none
        lastTachycardia = nil
        lastFibrillation = nil
    }

    private mutating func keepUp(until index: Int64) {
        switch finding {
        case .ventricularFibrillation: lastFibrillation = max(lastFibrillation ?? index, index)
        case .ventricularTachycardia: lastTachycardia = max(lastTachycardia ?? index, index)
        case .tachycardiaOrArtefact where lastTachycardia != nil:
            lastTachycardia = max(lastTachycardia ?? index, index)
        case .tachycardiaOrArtefact, .none: break
        }
    }

    private func isOver(_ last: Int64, at index: Int64, _ alerts: borrowing AlertManager) -> Bool {
        alerts.now.seconds(from: last, to: index) >= holdSeconds
    }

    private mutating func startIfDue(_ alerts: inout AlertManager) {
        let index = alerts.now.decidedAt
        switch finding {
        case .none: return
        case .ventricularFibrillation:
            let text = "\(AlertKind.ventricularFibrillation.name), \(sureness)"
            guard !alerts.isActive(.ventricularFibrillation) else {
                return alerts.update(.ventricularFibrillation, text: text)
            }
            for kind in Self.lesserThanFibrillation { alerts.end(kind, .shadowed, at: index) }
            alerts.start(.ventricularFibrillation, onset: since, text: text)
        case .ventricularTachycardia:
            startTachycardia("in the waveform", &alerts)
            // The heart's activity is organized again, if not normal.
            alerts.end(.ventricularFibrillation, .cleared, at: index)
            lastFibrillation = nil
        case .tachycardiaOrArtefact:
            guard alerts.isActive(.noisySignal), !alerts.isActive(.ventricularFibrillation),
                alerts.now.seconds(from: foundAt, to: index) >= Self.artefactSeconds
            else { return }
            lastTachycardia = index
            startTachycardia("or artefact, in a noisy signal", &alerts)
        }
    }

    private func startTachycardia(_ words: String, _ alerts: inout AlertManager) {
        let text = "\(AlertKind.ventricularTachycardia.name) \(words), \(sureness)"
        guard !alerts.isActive(.ventricularTachycardia) else { return }
        for kind in Self.lesserThanTachycardia { alerts.end(kind, .shadowed, at: alerts.now.decidedAt) }
        alerts.start(.ventricularTachycardia, onset: since, text: text)
    }

    private var sureness: String { "confidence \(fixed(Double(confidence) * 100, decimals: 0)) %" }
}
