/// Ventricular flutter or fibrillation, as the signal shows it. It takes the place of every other alert about the heart, and is
/// over when it has not been seen for `ventricularFibrillationHoldSeconds`: it comes and goes within one fit.
struct VentricularFibrillationRule: Sendable {
    /// Everything that it takes the place of.
    static let lesser: [AlertKind] = AlertKind.allCases.filter { $0.priority != .technical && $0 != .ventricularFibrillation }

    private var holdSeconds: Double
    private var isSeen = false
    private var lastSeen: Int64 = 0

    init(_ configuration: MonitorConfiguration) { holdSeconds = configuration.ventricularFibrillationHoldSeconds }

    mutating func configure(_ configuration: MonitorConfiguration) {
        holdSeconds = configuration.ventricularFibrillationHoldSeconds
    }

    /// - Parameter index: where it began, or was last seen.
    mutating func change(isFibrillating: Bool, at index: Int64, alerts: inout AlertRegister) {
        isSeen = isFibrillating
        lastSeen = index
        guard isFibrillating, !alerts.isActive(.ventricularFibrillation) else { return }
        for kind in Self.lesser { alerts.end(kind, .shadowed, at: alerts.now.decidedAt) }
        alerts.start(
            .ventricularFibrillation, onset: index, text: AlertKind.ventricularFibrillation.name)
    }

    mutating func clock(at index: Int64, alerts: inout AlertRegister) {
        guard alerts.isActive(.ventricularFibrillation) else { return }
        let seconds = alerts.now.seconds(from: alerts.onset(.ventricularFibrillation), to: index)
        let text = "\(AlertKind.ventricularFibrillation.name), for \(fixed(seconds, decimals: 0)) s"
        if isSeen {
            lastSeen = index
            alerts.update(.ventricularFibrillation, text: text)
        } else if alerts.now.seconds(from: lastSeen, to: index) >= holdSeconds {
            alerts.end(.ventricularFibrillation, .cleared, at: lastSeen)
        }
    }

    /// The signal was interrupted.
    mutating func cut() { isSeen = false }
}
