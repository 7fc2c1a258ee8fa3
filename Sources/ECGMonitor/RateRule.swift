/// Bradycardia and tachycardia: the averaged heart rate beyond its limits, and the last interval too, so that an average
/// which still remembers a run or a pause that is over raises nothing. Each is over when the rate has come back past the
/// limit by the hysteresis. Asystole takes the place of bradycardia, ventricular tachycardia that of tachycardia.
struct RateRule: Sendable {
    private let low: Double
    private let high: Double
    private let hysteresis: Double

    init(_ configuration: MonitorConfiguration) {
        low = configuration.bradycardiaBelow
        high = configuration.tachycardiaAbove
        hysteresis = configuration.heartRateHysteresis
    }

    /// - Parameters:
    ///   - rate: the average after the beat at `index`, beats a minute.
    ///   - interval: since the beat before, in s.
    func beat(at index: Int64, rate: Double, interval: Double, alerts: inout AlertRegister) {
        if rate < low, interval * low > 60 || alerts.isActive(.bradycardia), !alerts.isActive(.asystole) {
            let text = "bradycardia, \(fixed(rate, decimals: 0))/min (limit \(fixed(low, decimals: 0)))"
            alerts.start(.bradycardia, onset: index, heartRate: rate, text: text)
            alerts.update(.bradycardia, heartRate: rate, text: text)
        } else if rate >= low + hysteresis {
            alerts.end(.bradycardia, .cleared, at: index, heartRate: rate)
        }
        if rate > high, interval * high < 60 || alerts.isActive(.tachycardia), !alerts.isActive(.ventricularTachycardia) {
            let text = "tachycardia, \(fixed(rate, decimals: 0))/min (limit \(fixed(high, decimals: 0)))"
            alerts.start(.tachycardia, onset: index, heartRate: rate, text: text)
            alerts.update(.tachycardia, heartRate: rate, text: text)
        } else if rate <= high - hysteresis {
            alerts.end(.tachycardia, .cleared, at: index, heartRate: rate)
        }
    }
}
