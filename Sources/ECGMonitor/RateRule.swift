/// Bradycardia and tachycardia: the averaged heart rate beyond its limits, and the last interval too, so that an average
/// which still remembers a run or a pause that is over raises nothing. Each is over when the rate has come back past the
/// limit by the hysteresis and stayed there for `heartRateHoldSeconds`. Asystole takes the place of bradycardia,
/// ventricular tachycardia that of tachycardia.
struct RateRule: Sendable {
    private let low: Double
    private let high: Double
    private let hysteresis: Double
    private let holdSeconds: Double
    /// Since when the rate is back: bradycardia, tachycardia; nil while it is not.
    private var backSince: (low: Int64?, high: Int64?) = (nil, nil)

    init(_ configuration: MonitorConfiguration) {
        low = configuration.bradycardiaBelow
        high = configuration.tachycardiaAbove
        hysteresis = configuration.heartRateHysteresis
        holdSeconds = configuration.heartRateHoldSeconds
    }

    /// - Parameters:
    ///   - rate: the average after the beat at `index`, beats a minute.
    ///   - interval: since the beat before, in s.
    mutating func beat(at index: Int64, rate: Double, interval: Double, alerts: inout AlertRegister) {
        if rate < low, interval * low > 60, !alerts.isActive(.asystole) {
            start(.bradycardia, at: index, rate: rate, limit: low, alerts: &alerts)
        }
        if rate > high, interval * high < 60, !alerts.isActive(.ventricularTachycardia) {
            start(.tachycardia, at: index, rate: rate, limit: high, alerts: &alerts)
        }
        settle(.bradycardia, isBack: rate >= low + hysteresis, since: &backSince.low, at: index, rate, &alerts)
        settle(.tachycardia, isBack: rate <= high - hysteresis, since: &backSince.high, at: index, rate, &alerts)
    }

    private func start(_ kind: AlertKind, at index: Int64, rate: Double, limit: Double, alerts: inout AlertRegister) {
        let text = "\(kind.name), \(fixed(rate, decimals: 0))/min (limit \(fixed(limit, decimals: 0)))"
        alerts.start(kind, onset: index, heartRate: rate, text: text)
        alerts.update(kind, heartRate: rate, text: text)
    }

    private func settle(
        _ kind: AlertKind, isBack: Bool, since: inout Int64?, at index: Int64, _ rate: Double,
        _ alerts: inout AlertRegister
    ) {
        guard isBack, alerts.isActive(kind) else {
            since = nil
            return
        }
        let began = since ?? index
        since = began
        if alerts.now.seconds(from: began, to: index) >= holdSeconds {
            alerts.end(kind, .cleared, at: began, heartRate: rate)
        }
    }
}
