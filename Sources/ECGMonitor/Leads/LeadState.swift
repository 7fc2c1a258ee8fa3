internal import ECGSignal
internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// What `LeadFusion` knows about one lead.
struct LeadState: Sendable, Codable, RangeChecked {
    /// Weight of a new beat in the running shares.
    private static let share: Float = 1 / 16
    private static let trustMemory: Float = 32
    private static let steadyCount = 4
    private static let steadyTolerance = 0.2
    /// The same for the offset of the R peak.
    private static let offsetShare: Double = 1 / 8

    /// A segment is in progress: beats are being detected.
    var isOn = false
    /// The segment has ended since the last instant, even if another has begun.
    var hasBroken = false
    var condition = SignalCondition.good
    /// Since when the lead has been good without interruption, source rate; nil while it is not.
    var goodSince: Int64?
    /// Whether this segment has had a beat: until then the detector is learning.
    var hasBeats = false
    /// R peak of its last beat in this segment, source rate, and how many of its intervals in an estimate were usual ones.
    private var lastPeak: Int64?
    private var steadyIntervals = 0
    /// The detector's noise ratio at the last beat.
    var noiseRatio: Float = 0
    /// Running share, 0 ... 1, of the patient's recent beats that this lead has shown.
    private(set) var sensitivity: Float = 1
    /// Beats that not all leads have shown, but this one, since the last that all have shown.
    var doubtfulBeats = 0
    /// Of its earlier doubtful beats, how many turned out to be beats, and how many not; with forgetting.
    private var confirmed: Float = 0
    private var refuted: Float = 0
    /// Mean distance of its R peaks from those of the lead in which beats are classified, in samples, source rate.
    var offset: Double = 0
    /// Unobserved seconds of the session at the last tick.
    var unobserved: Double = 0
    /// Swing of the waveform over the last 3 s, in mV, at the last tick; nil if unknown.
    var swing: Float?
    /// Pulses of a pacemaker that this lead has shown in the session.
    var pacingPulses: Int64 = 0
    /// The latest judgement of the waveform, and the sample at which it became known.
    var estimate: VentricularRhythmDetector.Estimate?
    var estimateKnownAt: Int64 = 0
    /// How far the signal rises or falls within 40 ms, in mV: in its last beats, and in the middle between them.
    var beatSwings = RecentValues()
    var restSwings = RecentValues()

    var isInRange: Bool {
        pacingPulses >= 0 && (0...1).contains(sensitivity) && doubtfulBeats >= 0 && doubtfulBeats <= 1_000_000
            && abs(offset) <= 1e6
            && (0...Self.trustMemory + 1).contains(confirmed) && (0...Self.trustMemory + 1).contains(refuted)
    }

    mutating func beginSegment() {
        isOn = true
        hasBeats = false
        lastPeak = nil
        steadyIntervals = 0
        noiseRatio = 0
        estimate = nil
    }

    mutating func endSegment() {
        isOn = false
        hasBroken = true
        estimate = nil
        swing = nil
    }

    mutating func change(to new: SignalCondition, at index: Int64) {
        condition = new
        goodSince = new == .good ? index : nil
    }

    /// Whether its last intervals were all usual ones: what it shows are beats, even if the signal is noisy. Peaks of
    /// noise come at any time.
    var isSteady: Bool { steadyIntervals >= Self.steadyCount }

    /// Records an R peak of this lead.
    ///
    /// - Parameters:
    ///   - index: source rate.
    ///   - usual: the patient's usual interval, in samples; nil if unknown.
    mutating func follow(rPeak index: Int64, usual: Double?) {
        if let lastPeak, let usual, abs(Double(index - lastPeak) / usual - 1) <= Self.steadyTolerance {
            steadyIntervals = min(steadyIntervals + 1, Self.steadyCount)
        } else {
            steadyIntervals = 0
        }
        lastPeak = index
    }

    /// Records whether this lead has shown a beat of the patient.
    mutating func follow(hasSeen: Bool) { sensitivity += Self.share * ((hasSeen ? 1 : 0) - sensitivity) }

    /// Records how doubtful beats of this lead have turned out.
    mutating func follow(wereBeats: Bool?) {
        confirmed *= 1 - 1 / Self.trustMemory
        refuted *= 1 - 1 / Self.trustMemory
        switch wereBeats {
        case true?: confirmed += 1
        case false?: refuted += 1
        case nil: break
        }
    }

    /// Log-odds that a beat that only this lead shows is one, by those before.
    var trust: Float { logf((confirmed + 0.5) / (refuted + 0.5)) }

    mutating func follow(offset new: Double) { offset += Self.offsetShare * (new - offset) }
}
