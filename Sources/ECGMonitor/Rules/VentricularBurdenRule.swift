internal import ECGATKGAN
internal import StateCoding

/// Warning signs among single V beats:
///
/// - **R on T**: at a heart rate below 100/min, a V beat that follows within a third of the mean interval and is
///   itself followed by an interval of at least 1.25 times the mean; or the second such beat without that pause
///   within 5 min. It ends when there has been none for `rOnTHoldSeconds`.
/// - **frequent V beats**: more than `frequentVentricularBeats` within 60 s. It ends when the count has not exceeded
///   that for `frequentVentricularBeatsHoldSeconds`.
///
/// Both definitions are those of widely used monitors; Docs/alarms.md has their sources.
struct VentricularBurdenRule: Sendable, Codable, RangeChecked {
    static let highestRate: Double = 100
    static let prematureShare: Double = 1.0 / 3
    static let pauseShare: Double = 1.25
    static let pairSeconds: Double = 300

    private var limit: Int
    private var frequentHold: Double
    private var rOnTHold: Double

    /// A premature V beat waiting for the interval after it.
    private struct Premature: Sendable, Codable {
        var index: Int64
        /// 1.25 times the mean interval, in s.
        var pause: Double
    }
    private var waiting: Premature?
    /// The last one that was not followed by a pause.
    private var lastWithoutPause: Int64?
    private var lastRonT: Int64 = 0
    private var rOnTCount = 0

    /// V beats in each of the last 60 seconds of signal.
    private var seconds = InlineArray<60, UInt8>(repeating: 0)
    private var second: Int64 = 0
    private var inMinute = 0
    /// When the count last exceeded the limit.
    private var lastFrequent: Int64 = 0

    init(_ configuration: MonitorConfiguration) {
        limit = configuration.frequentVentricularBeats
        frequentHold = configuration.frequentVentricularBeatsHoldSeconds
        rOnTHold = configuration.rOnTHoldSeconds
    }

    var isInRange: Bool { second >= 0 }

    mutating func configure(_ configuration: MonitorConfiguration) {
        limit = configuration.frequentVentricularBeats
        frequentHold = configuration.frequentVentricularBeatsHoldSeconds
        rOnTHold = configuration.rOnTHoldSeconds
    }

    /// - Parameters:
    ///   - interval: RR interval to the previous beat, in s.
    ///   - meanInterval: mean interval of the heart rate before this beat, in s.
    ///   - lowPriority: whether low-priority alerts may start.
    mutating func beat(
        _ beatClass: BeatClass?, at index: Int64, interval: Double?, meanInterval: Double?, lowPriority: Bool,
        alerts: inout AlertManager
    ) {
        if let interval { judgeWaiting(interval, at: index, lowPriority: lowPriority, alerts: &alerts) }
        waiting = nil
        guard beatClass == .ventricular else { return }
        advance(to: index, alerts.now.samplingRate)
        seconds[Int(second % 60)] = min(seconds[Int(second % 60)], 254) + 1
        inMinute += 1
        if let interval, let meanInterval, meanInterval > 60 / Self.highestRate,
            interval < Self.prematureShare * meanInterval
        {
            waiting = Premature(index: index, pause: Self.pauseShare * meanInterval)
        }
        guard inMinute > limit, lowPriority || alerts.isActive(.frequentVentricularBeats) else { return }
        lastFrequent = index
        // A run is more informative than the number of its beats.
        guard
            !alerts.isActive(
                anyOf: .ventricularRun, .idioventricularRhythm, .ventricularTachycardia, .ventricularFibrillation)
        else { return }
        let text = "\(inMinute) ventricular ectopic beats in a minute (limit \(limit))"
        alerts.start(.frequentVentricularBeats, onset: index, beatCount: inMinute, text: text)
        alerts.update(.frequentVentricularBeats, beatCount: inMinute, text: text)
    }

    private mutating func judgeWaiting(
        _ interval: Double, at index: Int64, lowPriority: Bool, alerts: inout AlertManager
    ) {
        guard let waiting else { return }
        if interval < waiting.pause {
            defer { lastWithoutPause = waiting.index }
            guard let last = lastWithoutPause, alerts.now.seconds(from: last, to: waiting.index) < Self.pairSeconds
            else {
                return
            }
        }
        guard lowPriority, !alerts.isActive(anyOf: .ventricularTachycardia, .ventricularFibrillation) else { return }
        rOnTCount = alerts.isActive(.rOnT) ? rOnTCount + 1 : 1
        lastRonT = waiting.index
        let text = rOnTCount == 1 ? "R on T" : "R on T, \(rOnTCount) beats"
        alerts.start(.rOnT, onset: waiting.index, beatCount: rOnTCount, text: text)
        alerts.update(.rOnT, beatCount: rOnTCount, text: text)
    }

    mutating func clock(at index: Int64, alerts: inout AlertManager) {
        advance(to: index, alerts.now.samplingRate)
        if inMinute > limit { lastFrequent = max(lastFrequent, index) }
        if alerts.isActive(.frequentVentricularBeats),
            alerts.now.seconds(from: lastFrequent, to: index) >= frequentHold
        {
            alerts.end(.frequentVentricularBeats, .cleared, at: lastFrequent)
        }
        if alerts.isActive(.rOnT), alerts.now.seconds(from: lastRonT, to: index) >= rOnTHold {
            alerts.end(.rOnT, .cleared, at: lastRonT)
        }
    }

    /// No interval extends across an interruption.
    mutating func cut() { waiting = nil }

    mutating func reset() {
        waiting = nil
        lastWithoutPause = nil
        seconds = InlineArray(repeating: 0)
        second = 0
        inMinute = 0
    }

    private mutating func advance(to index: Int64, _ samplingRate: Double) {
        let now = Int64((Double(index) / samplingRate).rounded(.down))
        guard now > second else { return }
        if now - second >= 60 {
            seconds = InlineArray(repeating: 0)
            inMinute = 0
        } else {
            for passed in (second + 1)...now {
                inMinute -= Int(seconds[Int(passed % 60)])
                seconds[Int(passed % 60)] = 0
            }
        }
        second = now
    }
}
