internal import ECGSignal

/// The technical alerts about the signal itself:
///
/// - **lead off**: the source says so; over when the signal has been usable for `recoverySeconds`;
/// - **signal lost**: a gap of at least `signalLostGapSeconds`, or samples that have been invalid, saturated or
///   constant for as long;
/// - **noisy signal**: the signal is too noisy for beats to be relied on; over when it has not been for `quietSeconds`.
struct SignalAlertRule: Sendable, Codable {
    /// Noise comes and goes; an alert that did so too would be noise itself.
    static let quietSeconds: Double = 10

    private var lostSeconds: Double
    private(set) var condition = SignalCondition.good
    /// Where it began, source rate.
    private(set) var since: Int64 = 0

    init(_ configuration: MonitorConfiguration) {
        lostSeconds = configuration.signalLostGapSeconds
    }

    mutating func configure(_ configuration: MonitorConfiguration) { lostSeconds = configuration.signalLostGapSeconds }

    mutating func begin(at index: Int64) {
        condition = .good
        since = index
    }

    mutating func change(to new: SignalCondition, since index: Int64, alerts: inout AlertManager) {
        condition = new
        since = index
        if new != .leadOff { alerts.end(.leadOff, .cleared, at: index) }
        if new != .noisy, new != .good { alerts.end(.noisySignal, .cleared, at: index) }
        if Self.loss(new) == nil { alerts.end(.signalLost, .cleared, at: index) }
        if new == .leadOff { alerts.start(.leadOff, onset: index, text: "lead off") }
        if new == .noisy { alerts.start(.noisySignal, onset: index, text: "noisy signal: beats are doubtful") }
        clock(at: alerts.now.decidedAt, alerts: &alerts)
    }

    /// Raises the loss of a signal that has been unusable for long enough, ends the noise of one that has been quiet.
    func clock(at index: Int64, alerts: inout AlertManager) {
        let seconds = alerts.now.seconds(from: since, to: index)
        if condition == .good, seconds >= Self.quietSeconds { alerts.end(.noisySignal, .cleared, at: since) }
        guard let loss = Self.loss(condition) else { return }
        if seconds >= lostSeconds { alerts.start(.signalLost, onset: since, text: "signal lost: \(loss)") }
    }

    /// A gap is over as soon as it is known.
    func gap(_ count: Int64, from index: Int64, alerts: inout AlertManager) {
        let seconds = alerts.now.seconds(from: 0, to: count)
        guard seconds >= lostSeconds else { return }
        alerts.start(
            .signalLost, onset: index, text: "signal lost: \(fixed(seconds, decimals: 1)) s of samples missing")
        if Self.loss(condition) == nil { alerts.end(.signalLost, .cleared, at: index + count) }
    }

    private static func loss(_ condition: SignalCondition) -> String? {
        switch condition {
        case .invalidSamples: "invalid samples"
        case .saturation: "saturated"
        case .flatLine: "flat line"
        case .good, .leadOff, .noisy: nil
        }
    }
}
