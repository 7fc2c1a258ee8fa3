internal import ECGATKGAN

/// **Irregular rhythm suggesting atrial fibrillation**: the RR intervals between beats that are not ectopic are as
/// irregular as in atrial fibrillation (`RhythmIrregularity`). It ends when they have not been so for
/// `atrialFibrillationHoldSeconds`. It is not raised in noise, which makes every rhythm irregular.
struct AtrialFibrillationRule: Sendable, Codable {
    private var holdSeconds: Double
    private var irregularity = RhythmIrregularity()
    private var lastIrregular: Int64 = 0
    private var lastWasEctopic = false

    init(_ configuration: MonitorConfiguration) { holdSeconds = configuration.atrialFibrillationHoldSeconds }

    mutating func configure(_ configuration: MonitorConfiguration) {
        holdSeconds = configuration.atrialFibrillationHoldSeconds
    }

    /// - Parameters:
    ///   - interval: RR interval to the previous beat, in s; nil if unknown.
    ///   - heartRate: beats per minute, for the alert.
    ///   - isQuiet: whether the signal is not noisy.
    mutating func beat(
        _ beatClass: BeatClass?, at index: Int64, interval: Double?, heartRate: Double?, isQuiet: Bool,
        alerts: inout AlertManager
    ) {
        let isEctopic = beatClass == .ventricular || beatClass == .supraventricular
        defer { lastWasEctopic = isEctopic }
        guard let interval, isQuiet else { return }
        irregularity.add(interval, isSinus: !isEctopic && !lastWasEctopic)
        guard irregularity.isIrregular, !alerts.isActive(anyOf: .ventricularFibrillation, .ventricularTachycardia)
        else { return }
        lastIrregular = index
        let figures = heartRate.map { ", \(fixed($0, decimals: 0))/min" } ?? ""
        let text = AlertKind.atrialFibrillation.name + figures
        alerts.start(.atrialFibrillation, onset: index, heartRate: heartRate, text: text)
        alerts.update(.atrialFibrillation, heartRate: heartRate, text: text)
    }

    mutating func clock(at index: Int64, alerts: inout AlertManager) {
        guard alerts.isActive(.atrialFibrillation),
            alerts.now.seconds(from: lastIrregular, to: index) >= holdSeconds
        else { return }
        alerts.end(.atrialFibrillation, .cleared, at: lastIrregular)
    }

    mutating func reset() {
        irregularity.reset()
        lastWasEctopic = false
    }
}
