internal import ECGATKGAN
internal import ECGSignal
internal import StateCoding

/// **Irregular rhythm suggesting atrial fibrillation**: over the last 30 s the RR intervals are irregular and no P wave
/// precedes the beats (`AtrialFibrillationFeatures`, `AtrialFibrillationModel`).
///
/// It starts when the mean probability of the last `averaged` beats reaches `startAt`, from `minimumSeconds` of rhythm
/// on. It ends when that mean has been below `endBelow` for `atrialFibrillationHoldSeconds`, or when nothing could be
/// said for `unknownSeconds`. Beats in noise are not judged: noise makes every rhythm irregular and hides the P wave.
struct AtrialFibrillationRule: Sendable, Codable, RangeChecked {
    static let averaged = 5
    static let startAt: Float = 0.92
    static let endBelow: Float = 0.4
    static let minimumSeconds: Float = 18
    static let unknownSeconds = 60.0

    private var holdSeconds: Double
    private var features = AtrialFibrillationFeatures()
    /// Whether the next beat's window was seen.
    private var sawWindow = false
    private var lastBeat: Int64?
    /// Probabilities at the last beats.
    private var recent = InlineArray<5, Float>(repeating: 0)
    private var judged = 0
    /// First beat since which the mean probability has been at `endBelow` or more without interruption.
    private var suspectedSince: Int64?
    /// First beat since which it has been below; nil while it is not.
    private var clearSince: Int64?
    private var lastJudged: Int64 = 0
    /// Kept for training, if asked for.
    @Uncoded var observed: [ObservedRhythm]? = nil

    init(_ configuration: MonitorConfiguration) { holdSeconds = configuration.atrialFibrillationHoldSeconds }

    var isInRange: Bool { judged >= 0 }

    mutating func configure(_ configuration: MonitorConfiguration) {
        holdSeconds = configuration.atrialFibrillationHoldSeconds
    }

    /// Takes the signal around a beat, before the beat's class is known; `beat` follows before the next window.
    ///
    /// - Parameter windows: those of all pending beats.
    mutating func see(_ finding: BeatFinding, in windows: [Float]) {
        // Annotated beats have classes, but no windows (`ReferenceAlerts`).
        sawWindow =
            finding.window != nil && !finding.isPartlyBridged && finding.windowPlace.upperBound <= windows.count
        guard sawWindow else { return }
        windows.withUnsafeBufferPointer {
            features.see(UnsafeBufferPointer(rebasing: $0[finding.windowPlace]), range: finding.windowRange)
        }
    }

    /// - Parameters:
    ///   - interval: RR interval to the previous beat, in s; nil if unknown.
    ///   - heartRate: beats per minute, for the alert.
    ///   - isQuiet: whether the signal is not noisy.
    mutating func beat(
        _ beatClass: BeatClass?, at index: Int64, interval: Double?, heartRate: Double?, isQuiet: Bool,
        alerts: inout AlertManager
    ) {
        let seconds = interval ?? lastBeat.map { alerts.now.seconds(from: $0, to: index) } ?? 0
        features.add(
            seconds: seconds, isInterval: interval != nil && isQuiet, beatClass: beatClass, hasSegment: sawWindow)
        sawWindow = false
        lastBeat = index
        guard isQuiet, let values = features.values() else { return }
        if observed != nil { observe(values, at: index, alerts.now) }
        let latest = AtrialFibrillationModel.probability(values.features)
        // Restored state may hold intervals that no patient has.
        guard latest.isFinite else { return }
        recent[judged % Self.averaged] = latest
        // Only the position in the ring and whether it is full matter.
        judged = judged < 1_000_000 ? judged + 1 : Self.averaged + (judged + 1) % Self.averaged
        lastJudged = index
        let number = min(judged, Self.averaged)
        var sum: Float = 0
        for place in 0..<number { sum += recent[place] }
        let probability = sum / Float(number)
        follow(probability, at: index)
        guard !alerts.isActive(anyOf: .ventricularFibrillation, .ventricularTachycardia) else { return }
        let isSure = number == Self.averaged && values.seconds >= Self.minimumSeconds && probability >= Self.startAt
        if isSure, let suspectedSince {
            alerts.start(
                .atrialFibrillation, onset: suspectedSince, heartRate: heartRate, text: Self.text(heartRate))
        }
        alerts.update(.atrialFibrillation, heartRate: heartRate, text: Self.text(heartRate))
    }

    private static func text(_ heartRate: Double?) -> String {
        AlertKind.atrialFibrillation.name + (heartRate.map { ", \(fixed($0, decimals: 0))/min" } ?? "")
    }

    private mutating func follow(_ probability: Float, at index: Int64) {
        if probability >= Self.endBelow {
            suspectedSince = suspectedSince ?? index
            clearSince = nil
        } else {
            suspectedSince = nil
            clearSince = clearSince ?? index
        }
    }

    mutating func clock(at index: Int64, alerts: inout AlertManager) {
        guard alerts.isActive(.atrialFibrillation) else { return }
        if let clearSince, alerts.now.seconds(from: clearSince, to: index) >= holdSeconds {
            alerts.end(.atrialFibrillation, .cleared, at: clearSince)
        } else if alerts.now.seconds(from: lastJudged, to: index) >= Self.unknownSeconds {
            alerts.end(.atrialFibrillation, .cleared, at: lastJudged)
        }
    }

    /// Other leads have other P waves, and other patients other rhythms.
    mutating func reset() {
        features.reset()
        sawWindow = false
        lastBeat = nil
        judged = 0
        suspectedSince = nil
        clearSince = nil
    }

    private mutating func observe(_ values: AtrialFibrillationFeatures.Values, at index: Int64, _ now: Moment) {
        observed?.append(
            ObservedRhythm(
                sampleIndex: index, decidedAtSampleIndex: now.decidedAt, samplingRate: now.samplingRate,
                seconds: values.seconds, features: values.features.indices.map { values.features[$0] }))
    }
}
