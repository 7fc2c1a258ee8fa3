/// Bradycardia and tachycardia, plain and extreme: both the averaged heart rate and the last interval are beyond the
/// limit, so that an average that still includes a past run or pause raises nothing. (For extreme bradycardia the last
/// interval may miss the limit by the hysteresis: the rate of a slow, irregular heart is what counts.) Each ends when the rate has
/// returned past its limit by the hysteresis and stayed there for `heartRateHoldSeconds`. An extreme alert replaces
/// the plain one; asystole replaces bradycardia; ventricular fibrillation replaces all of them; ventricular and
/// supraventricular tachycardia replace tachycardia.
struct RateRule: Sendable, Codable {
    /// Since when the rate has been back, for each of the four; `notBack` while it is not.
    private var backSince = InlineArray<4, Int64>(repeating: Self.notBack)
    private static let notBack: Int64 = -1
    private var limits: Limits

    private struct Limits: Sendable, Codable {
        var low, high, extremeLow, extremeHigh, hysteresis, holdSeconds: Double

        init(_ configuration: MonitorConfiguration) {
            low = configuration.bradycardiaBelow
            high = configuration.tachycardiaAbove
            extremeLow = configuration.extremeBradycardiaBelow
            extremeHigh = configuration.extremeTachycardiaAbove
            hysteresis = configuration.heartRateHysteresis
            holdSeconds = configuration.heartRateHoldSeconds
        }
    }

    init(_ configuration: MonitorConfiguration) { limits = Limits(configuration) }

    mutating func configure(_ configuration: MonitorConfiguration) { limits = Limits(configuration) }

    /// - Parameters:
    ///   - rate: the average after the beat at `index`, beats per minute.
    ///   - interval: RR interval to the previous beat, in s.
    mutating func beat(at index: Int64, rate: Double, interval: Double, alerts: inout AlertManager) {
        let (low, high) = (limits.low, limits.high)
        let (extremeLow, extremeHigh) = (limits.extremeLow, limits.extremeHigh)
        if rate < extremeLow, interval * (extremeLow + limits.hysteresis) > 60,
            !alerts.isActive(anyOf: .asystole, .ventricularFibrillation) {
            alerts.end(.bradycardia, .shadowed, at: index)
            report(.extremeBradycardia, at: index, rate: rate, limit: extremeLow, alerts: &alerts)
        } else if rate < low, interval * low > 60,
            !alerts.isActive(anyOf: .asystole, .ventricularFibrillation, .extremeBradycardia)
        {
            report(.bradycardia, at: index, rate: rate, limit: low, alerts: &alerts)
        }
        if rate > extremeHigh, interval * extremeHigh < 60,
            !alerts.isActive(anyOf: .ventricularFibrillation, .ventricularTachycardia)
        {
            alerts.end(.tachycardia, .shadowed, at: index)
            report(.extremeTachycardia, at: index, rate: rate, limit: extremeHigh, alerts: &alerts)
        } else if rate > high, interval * high < 60,
            !alerts.isActive(
                anyOf: .ventricularFibrillation, .ventricularTachycardia, .extremeTachycardia,
                .supraventricularTachycardia)
        {
            report(.tachycardia, at: index, rate: rate, limit: high, alerts: &alerts)
        }
        let margin = limits.hysteresis
        settle(.bradycardia, 0, isBack: rate >= low + margin, at: index, rate, &alerts)
        settle(.tachycardia, 1, isBack: rate <= high - margin, at: index, rate, &alerts)
        settle(.extremeBradycardia, 2, isBack: rate >= extremeLow + margin, at: index, rate, &alerts)
        settle(.extremeTachycardia, 3, isBack: rate <= extremeHigh - margin, at: index, rate, &alerts)
    }

    private func report(_ kind: AlertKind, at index: Int64, rate: Double, limit: Double, alerts: inout AlertManager) {
        let text = "\(kind.name), \(fixed(rate, decimals: 0))/min (limit \(fixed(limit, decimals: 0)))"
        alerts.start(kind, onset: index, heartRate: rate, text: text)
        alerts.update(kind, heartRate: rate, text: text)
    }

    private mutating func settle(
        _ kind: AlertKind, _ slot: Int, isBack: Bool, at index: Int64, _ rate: Double, _ alerts: inout AlertManager
    ) {
        guard isBack, alerts.isActive(kind) else {
            backSince[slot] = Self.notBack
            return
        }
        let began = backSince[slot] == Self.notBack ? index : backSince[slot]
        backSince[slot] = began
        if alerts.now.seconds(from: began, to: index) >= limits.holdSeconds {
            alerts.end(kind, .cleared, at: began, heartRate: rate)
        }
    }
}
