internal import ECGSignal
internal import StateCoding

/// Ventricular flutter or fibrillation, as the signal shows it. It takes the place of every other alert about the
/// heart, and is
/// over when it has not been seen for `ventricularFibrillationHoldSeconds`: it comes and goes within one fit.
///
/// What is only possible is not raised while ventricular tachycardia is on and its beats go on coming regularly: they
/// have been
/// recognised, and complexes of such width look alike. (How regularly was chosen with record 207 of the MIT-BIH
/// Arrhythmia
/// Database, where flutter is found as irregular V beats, and 861 of the supraventricular one, a tachycardia, in view.)
struct VentricularFibrillationRule: Sendable, Codable, RangeChecked {
    /// Everything that it takes the place of.
    static let lesser: [AlertKind] = AlertKind.allCases.filter {
        $0.priority != .technical && $0 != .ventricularFibrillation
    }

    /// A V beat so long ago is still going on: two intervals at the slowest tachycardia, and the time until a beat is
    /// known.
    private static let beatSeconds: Double = 1.7
    /// The longest of the last four intervals of a regular rhythm, as a multiple of the shortest.
    private static let regularity: Double = 1.1

    private var holdSeconds: Double
    /// R peaks of the last V beats.
    private var peaks = InlineArray<5, Int64>(repeating: 0)
    private var peakCount = 0
    private var finding = VentricularFibrillationDetector.Finding.none
    private var since: Int64 = 0
    private var lastSeen: Int64 = 0

    init(_ configuration: MonitorConfiguration) { holdSeconds = configuration.ventricularFibrillationHoldSeconds }

    var isInRange: Bool { peakCount >= 0 }

    mutating func configure(_ configuration: MonitorConfiguration) {
        holdSeconds = configuration.ventricularFibrillationHoldSeconds
    }

    /// - Parameter index: where it began, or was last seen.
    mutating func change(
        to new: VentricularFibrillationDetector.Finding, at index: Int64, alerts: inout AlertManager
    ) {
        finding = new
        if new != .none { since = index }
        lastSeen = max(lastSeen, index)
        startIfDue(&alerts)
    }

    mutating func ventricularBeat(at index: Int64) {
        peaks[peakCount % 5] = index
        // Only the place in the ring and whether it is full matter.
        peakCount = peakCount < 1_000_000 ? peakCount + 1 : 6
    }

    mutating func clock(at index: Int64, alerts: inout AlertManager) {
        startIfDue(&alerts)
        guard alerts.isActive(.ventricularFibrillation) else { return }
        let seconds = alerts.now.seconds(from: alerts.onset(.ventricularFibrillation), to: index)
        let text = "\(AlertKind.ventricularFibrillation.name), for \(fixed(seconds, decimals: 0)) s"
        if finding != .none {
            lastSeen = index
            alerts.update(.ventricularFibrillation, text: text)
        } else if alerts.now.seconds(from: lastSeen, to: index) >= holdSeconds {
            alerts.end(.ventricularFibrillation, .cleared, at: lastSeen)
        }
    }

    /// The signal was interrupted, or a session begins.
    mutating func cut() { finding = .none }

    mutating func reset() {
        finding = .none
        lastSeen = 0
        peakCount = 0
    }

    /// Whether ventricular tachycardia is on and beats regularly.
    private func isBeating(_ alerts: borrowing AlertManager) -> Bool {
        guard alerts.isActive(.ventricularTachycardia), peakCount >= 5 else { return false }
        func peak(_ back: Int) -> Int64 { peaks[(peakCount - 1 - back) % 5] }
        guard alerts.now.seconds(from: peak(0), to: alerts.now.decidedAt) < Self.beatSeconds else { return false }
        let intervals = (0..<4).map { Double(peak($0) - peak($0 + 1)) }
        guard let shortest = intervals.min(), let longest = intervals.max(), shortest > 0 else { return false }
        return longest <= Self.regularity * shortest
    }

    private func startIfDue(_ alerts: inout AlertManager) {
        guard finding == .clear || finding == .possible && !isBeating(alerts),
            !alerts.isActive(.ventricularFibrillation)
        else { return }
        for kind in Self.lesser { alerts.end(kind, .shadowed, at: alerts.now.decidedAt) }
        alerts.start(.ventricularFibrillation, onset: since, text: AlertKind.ventricularFibrillation.name)
    }
}
