import Foundation
public import StateCoding

/// Decides whether a series of beats looks attacked: a cumulative sum (Page, Biometrika 41, 1954) over the log-odds
/// that the attack-identification head gives for each beat, relative to what is usual for this patient.
///
///     x        <- clip(log(p / (1 - p)), +-logOddsLimit)
///     evidence <- min(ceiling, max(0, evidence + x - max(logOddsOffset, usual + usualMargin)))
///     usual    <- usual + usualRate * (x - usual), while the evidence is below half of `raiseAt`
///
/// A signal with noise of its own looks slightly attacked in every beat; an attack is a change. An attack present
/// from the first beat of a session is measured only against `logOddsOffset` and the initial value of `usual`; and
/// where the usual value is near `logOddsLimit - usualMargin`, an attack cannot be distinguished from it.
///
/// The suspicion is raised when the evidence reaches `raiseAt`, and withdrawn when it has been at or below
/// `withdrawAt` for `withdrawBeats` consecutive beats: an attack that is weaker in some of its beats is one
/// suspicion, not several. If the scores were calibrated and the beats independent, `raiseAt` would be the logarithm
/// of the odds at which one accepts being wrong. Clipping keeps a single odd beat from raising the suspicion; the
/// ceiling limits how long it lingers.
///
/// A pure value: the same scores give the same result, so a command can tune the parameters on recorded scores.
public struct AttackSuspicionRule: Sendable, Codable, RangeChecked {
    public struct Parameters: Sendable, Equatable, Codable {
        /// Minimum subtracted from each beat's log-odds: what a clean beat must stay below on average.
        public var logOddsOffset: Float = 1
        /// How far above the patient's usual log-odds a beat must be to count.
        public var usualMargin: Float = 2.25
        /// Weight of each beat in the usual log-odds, an exponential average. The values were chosen on clean mitdb
        /// and svdb and on attacked mitdb (`ecgmon evaluate suspicion`).
        public var usualRate: Float = 0.03
        /// Maximum log-odds that one beat can contribute, in either direction.
        public var logOddsLimit: Float = 4
        /// Evidence at which the suspicion is raised; above `logOddsLimit - logOddsOffset`, so that it takes at least
        /// two beats.
        public var raiseAt: Float = 6
        /// Evidence at or below which the suspicion is withdrawn, after `withdrawBeats` consecutive beats.
        public var withdrawAt: Float = 1.2
        /// Number of consecutive beats with the evidence at or below `withdrawAt` after which it is withdrawn.
        public var withdrawBeats = 15
        /// Maximum evidence that is accumulated.
        public var ceiling: Float = 9.6

        public init() {}

        /// - Throws: the first invalid parameter.
        public func validate() throws(MonitorConfiguration.InvalidValue) {
            guard logOddsOffset.isFinite, abs(logOddsOffset) <= 20 else {
                throw .init(key: "suspicion.logOddsOffset", requirement: "from -20 to 20, not \(logOddsOffset)")
            }
            guard logOddsLimit > 0, logOddsLimit <= 20, logOddsLimit > logOddsOffset else {
                throw .init(
                    key: "suspicion.logOddsLimit",
                    requirement: "from 0 to 20 and above logOddsOffset, not \(logOddsLimit)")
            }
            guard usualMargin.isFinite, abs(usualMargin) <= 20 else {
                throw .init(key: "suspicion.usualMargin", requirement: "from -20 to 20, not \(usualMargin)")
            }
            guard usualRate >= 0, usualRate <= 1 else {
                throw .init(key: "suspicion.usualRate", requirement: "from 0 to 1, not \(usualRate)")
            }
            guard raiseAt > 0, raiseAt <= 1_000 else {
                throw .init(key: "suspicion.raiseAt", requirement: "from 0 to 1000, not \(raiseAt)")
            }
            guard withdrawAt >= 0, withdrawAt < raiseAt else {
                throw .init(key: "suspicion.withdrawAt", requirement: "from 0 to below raiseAt, not \(withdrawAt)")
            }
            guard (1...1_000_000).contains(withdrawBeats) else {
                throw .init(key: "suspicion.withdrawBeats", requirement: "from 1 to 1000000, not \(withdrawBeats)")
            }
            guard ceiling >= raiseAt, ceiling <= 10_000 else {
                throw .init(key: "suspicion.ceiling", requirement: "from raiseAt to 10000, not \(ceiling)")
            }
        }
    }

    /// The change caused by a beat.
    public enum Change: Sendable, Equatable {
        case raised
        case withdrawn
    }

    /// Maximum number of recent beats that `score` covers.
    public static let beatsInScore = 10

    public let parameters: Parameters
    /// The cumulative sum after the last beat.
    public private(set) var evidence: Float = 0
    /// The patient's usual log-odds so far.
    public private(set) var usual: Float = -2
    public private(set) var isActive = false
    /// Consecutive beats with the evidence at or below `withdrawAt`, while the suspicion is active.
    private var calmBeats = 0
    /// Beats since the evidence left 0 (while the suspicion is active, counted from before it was raised): the length
    /// of the suspected episode.
    public private(set) var suspectedBeats = 0
    /// R peaks of the first and the last beat of that episode, source rate.
    public private(set) var firstSampleIndex: Int64 = 0
    public private(set) var lastSampleIndex: Int64 = 0
    private var logOdds = InlineArray<10, Float>(repeating: 0)
    private var beatsSeen = 0

    public init(_ parameters: Parameters = Parameters()) {
        self.parameters = parameters
    }

    public var isInRange: Bool {
        (try? parameters.validate()) != nil && beatsSeen >= 0 && suspectedBeats >= 0 && calmBeats >= 0
    }

    /// Processes the next classified beat.
    ///
    /// - Parameters:
    ///   - attackSuspicion: the head's sigmoid output, 0 ... 1; NaN counts as 0.5, no evidence either way.
    ///   - sampleIndex: the beat's R peak, source rate.
    public mutating func step(attackSuspicion: Float, sampleIndex: Int64) -> Change? {
        let beat = boundedLogOdds(attackSuspicion)
        logOdds[beatsSeen % Self.beatsInScore] = beat
        beatsSeen &+= 1
        let before = evidence
        let expected = max(parameters.logOddsOffset, usual + parameters.usualMargin)
        evidence = min(parameters.ceiling, max(0, evidence + beat - expected))
        // Suspected beats must not become usual.
        if evidence < parameters.raiseAt / 2 { usual += parameters.usualRate * (beat - usual) }
        if evidence > 0, before <= 0, !isActive {
            suspectedBeats = 0
            firstSampleIndex = sampleIndex
        }
        if evidence > 0 || isActive { suspectedBeats &+= 1 }
        if evidence > 0, evidence >= before { lastSampleIndex = sampleIndex }
        guard isActive else {
            guard evidence >= parameters.raiseAt else { return nil }
            (isActive, calmBeats) = (true, 0)
            return .raised
        }
        calmBeats = evidence <= parameters.withdrawAt ? calmBeats &+ 1 : 0
        guard calmBeats >= parameters.withdrawBeats else { return nil }
        // The next suspicion begins with its own first beat.
        (isActive, evidence) = (false, 0)
        return .withdrawn
    }

    /// Logistic function of the mean log-odds of the last beats, at most `beatsInScore` and no further back than the
    /// start of the suspected episode; 0 ... 1. 0 before the first beat.
    public var score: Float {
        let count = beatsConsidered
        guard count > 0 else { return 0 }
        var sum: Float = 0
        for back in 1...count { sum += logOdds[(beatsSeen - back) % Self.beatsInScore] }
        return 1 / (1 + exp(-sum / Float(count)))
    }

    /// Number of beats that `score` is based on.
    public var beatsConsidered: Int {
        let held = min(beatsSeen, Self.beatsInScore)
        return evidence > 0 ? min(held, suspectedBeats) : held
    }

    /// Discards everything, as at the start of a session.
    public mutating func reset() {
        self = AttackSuspicionRule(parameters)
    }

    /// An episode suspected by the rule, as positions in a list of scores.
    public struct Stretch: Sendable, Equatable {
        /// The episode's first beat, the beat at which it was detected, and its last beat.
        public var first: Int
        public var noticedAt: Int
        public var last: Int
    }

    /// Applies the rule to recorded scores, one per beat, for choosing the parameters.
    public static func stretches(in scores: some Sequence<Float>, _ parameters: Parameters) -> [Stretch] {
        var rule = AttackSuspicionRule(parameters)
        var found: [Stretch] = []
        for (beat, score) in scores.enumerated() {
            let change = rule.step(attackSuspicion: score, sampleIndex: Int64(beat))
            if change == .raised {
                found.append(Stretch(first: Int(rule.firstSampleIndex), noticedAt: beat, last: beat))
            }
            if rule.isActive { found[found.count - 1].last = Int(rule.lastSampleIndex) }
        }
        return found
    }

    private func boundedLogOdds(_ probability: Float) -> Float {
        guard probability.isFinite else { return 0 }
        let limit = parameters.logOddsLimit
        // Beyond these limits the logarithm would be infinite; clipping starts far inside them.
        let p = min(max(probability, 1e-9), 1 - 1e-7)
        return min(limit, max(-limit, log(p / (1 - p))))
    }
}
