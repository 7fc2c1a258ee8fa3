internal import ECGSignal

/// The technical alerts about the signal itself:
///
/// - **lead off**: reported by the source;
/// - **signal lost**: a gap of at least `signalLostGapSeconds`, samples that have been invalid, saturated or constant
///   for as long, or interruptions so frequent that grave alarms could not be reported in time (`ObservationRule`);
/// - **noisy signal**: the signal is too noisy for reliable beats.
///
/// Each ends when its cause has not been seen for `quietSeconds`: a loose electrode or a bad link is one alert, not
/// thirty a minute.
struct SignalAlertRule: Sendable, Codable {
    /// Prevents an intermittent cause from starting and ending alerts repeatedly.
    static let quietSeconds: Double = 10

    private var lostSeconds: Double
    private(set) var condition = SignalCondition.good
    /// Where it began, source rate.
    private(set) var since: Int64 = 0
    /// When the cause of each alert was last seen, source rate.
    private var lastLeadOff: Int64 = 0
    private var lastNoise: Int64 = 0
    private var lastLoss: Int64 = 0

    init(_ configuration: MonitorConfiguration) {
        lostSeconds = configuration.signalLostGapSeconds
    }

    mutating func configure(_ configuration: MonitorConfiguration) { lostSeconds = configuration.signalLostGapSeconds }

    mutating func begin(at index: Int64) {
        condition = .good
        since = index
        (lastLeadOff, lastNoise, lastLoss) = (index, index, index)
    }

    mutating func change(to new: SignalCondition, since index: Int64, alerts: inout AlertManager) {
        follow(until: index)
        condition = new
        since = index
        if new == .leadOff { alerts.start(.leadOff, onset: index, text: "lead off") }
        if new == .noisy { alerts.start(.noisySignal, onset: index, text: "noisy signal: beats are doubtful") }
        // A signal that cannot be read at all is no longer noisy.
        if new != .noisy, new != .good { alerts.end(.noisySignal, .cleared, at: index) }
        clock(at: alerts.now.decidedAt, isTooInterrupted: false, missedShare: 0, alerts: &alerts)
    }

    /// The current condition has lasted until `index`.
    private mutating func follow(until index: Int64) {
        switch condition {
        case .leadOff: lastLeadOff = max(lastLeadOff, index)
        case .noisy: lastNoise = max(lastNoise, index)
        case .invalidSamples, .saturation, .flatLine: lastLoss = max(lastLoss, index)
        case .good: break
        }
    }

    /// Raises the loss of a signal that has been unusable for long enough, and ends alerts whose cause has been
    /// absent for long enough.
    ///
    /// - Parameters:
    ///   - isTooInterrupted: as determined by `ObservationRule`.
    ///   - missedShare: missed share of the last seconds, 0 ... 1, for the text.
    mutating func clock(
        at index: Int64, isTooInterrupted: Bool, missedShare: Float, alerts: inout AlertManager
    ) {
        follow(until: index)
        if let loss = Self.loss(condition), alerts.now.seconds(from: since, to: index) >= lostSeconds {
            alerts.start(.signalLost, onset: since, text: "signal lost: \(loss)")
        }
        if isTooInterrupted {
            lastLoss = index
            if !alerts.isActive(.leadOff) {
                let percent = fixed(Double(missedShare) * 100, decimals: 0)
                let words = percent == "0" ? "detection starts again and again" : "\(percent) % of the last 4 s missed"
                let text = "signal lost: interrupted too often to be monitored, \(words)"
                alerts.start(.signalLost, onset: index, text: text)
                alerts.update(.signalLost, text: text)
            }
        }
        end(.leadOff, lastSeen: lastLeadOff, at: index, alerts: &alerts)
        end(.noisySignal, lastSeen: lastNoise, at: index, alerts: &alerts)
        end(.signalLost, lastSeen: lastLoss, at: index, alerts: &alerts)
    }

    private func end(_ kind: AlertKind, lastSeen: Int64, at index: Int64, alerts: inout AlertManager) {
        guard alerts.isActive(kind), alerts.now.seconds(from: lastSeen, to: index) >= Self.quietSeconds else { return }
        alerts.end(kind, .cleared, at: lastSeen)
    }

    /// A gap has already ended when it becomes known.
    mutating func gap(_ count: Int64, from index: Int64, alerts: inout AlertManager) {
        let seconds = alerts.now.seconds(from: 0, to: count)
        guard seconds >= lostSeconds else { return }
        lastLoss = max(lastLoss, index + count)
        alerts.start(
            .signalLost, onset: index, text: "signal lost: \(fixed(seconds, decimals: 1)) s of samples missing")
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
