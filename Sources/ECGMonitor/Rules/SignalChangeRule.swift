internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// The technical alert *signal changed*: the fine noise of the signal is suddenly, and lastingly, of another size than
/// usual. A filter was switched on or off, a device or its converter was exchanged, or noise was added. It says nothing
/// of an aim.
///
/// It starts when the mean of about the last ten beats is more than `startRatio` times the usual noise or less than the
/// inverse, and also `startDeviations` times as far from it as usual. The new noise is learned meanwhile, and the alert
/// ends when it has become usual, in less than a minute.
struct SignalChangeRule: Sendable, Codable, RangeChecked {
    /// Beats from which the usual noise is learned.
    static let beatsToLearn: Int32 = 40
    static let usualRate: Float = 0.015
    static let recentRate: Float = 0.15
    static let startLogRatio: Float = 0.7
    static let endLogRatio: Float = 0.5
    static let startDeviations: Float = 4
    /// Consecutive beats beyond the limit.
    static let startBeats: Int32 = 10
    /// Less noise than this, in mV, is none: a microvolt.
    static let minimumNoise: Float = 0.001

    private var beats: Int32 = 0
    /// Natural logarithms of the noise in mV.
    private var usual: Float = 0
    private var deviation: Float = 0
    private var recent: Float = 0
    private var changedBeats: Int32 = 0
    private var changedSince: Int64 = 0

    var isInRange: Bool { beats >= 0 && changedBeats >= 0 }

    /// Forgets what was usual, and ends the alert.
    mutating func reset(alerts: inout AlertManager) {
        alerts.end(.signalChanged, .cleared, at: alerts.now.sampleIndex)
        self = SignalChangeRule()
    }

    /// - Parameters:
    ///   - fineNoise: of the beat, in mV (`BeatDeviation`).
    ///   - index: its R peak, source rate.
    mutating func beat(fineNoise: Float, at index: Int64, alerts: inout AlertManager) {
        guard fineNoise.isFinite else { return }
        let value = logf(max(fineNoise, Self.minimumNoise))
        guard beats >= Self.beatsToLearn else {
            beats += 1
            let rate = 1 / Float(beats)
            if beats > 1 { deviation += rate * (abs(value - usual) - deviation) }
            usual += rate * (value - usual)
            recent = usual
            return
        }
        recent += Self.recentRate * (value - recent)
        let change = recent - usual
        let isChanged = abs(change) > max(Self.startLogRatio, Self.startDeviations * deviation)
        if isChanged, changedBeats == 0 { changedSince = index }
        changedBeats = isChanged ? min(changedBeats + 1, 1_000) : 0
        if changedBeats >= Self.startBeats, !alerts.isActive(.signalChanged) {
            let ratio = fixed(Double(expf(abs(change))), decimals: 1)
            let text =
                change > 0
                ? "signal changed: fine noise \(ratio) times the usual"
                : "signal changed: fine noise down to 1/\(ratio) of the usual"
            alerts.start(.signalChanged, onset: changedSince, text: text)
        }
        let reach = 3 * max(deviation, 0.1)
        deviation += Self.usualRate * (min(abs(value - usual), reach) - deviation)
        usual += Self.usualRate * (value - usual)
        if alerts.isActive(.signalChanged), abs(recent - usual) < Self.endLogRatio {
            alerts.end(.signalChanged, .cleared, at: index)
        }
    }
}
