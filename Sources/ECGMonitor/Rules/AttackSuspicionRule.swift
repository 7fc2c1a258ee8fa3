import Foundation
public import StateCoding

/// Decides whether a series of beats looks attacked: a cumulative sum (Page, Biometrika 41, 1954) over two measures of
/// each beat, both relative to what is usual for this patient.
///
/// - The *agreement* of what differs from the patient's usual beat with the direction that leads away from the beat's
///   class the fastest (`BeatDeviation`). It is the evidence of an aim: noise, a filter or a coarse converter change a
///   beat, but not in that direction.
/// - The log-odds of the network's attack head, which knows the fine structure of adversarial perturbations, and takes
///   noise for one. It can make the evidence of an aim count earlier, but raises nothing by itself.
///
///     a        <- clip((agreement - max(0, usual agreement)) / its usual spread, +-agreementLimit)
///     h        <- clip((log-odds - usual log-odds - 1) / 1.2, -0.5 ... headLimit)
///     evidence <- min(ceiling, max(0, evidence + a + headWeight * h - margin))
///
/// An agreement below 0 counts as 0 where it is usual, for noise that hides what is usual moves it there.
///
/// What is usual is learned from each beat, and half as fast while the evidence is above half of `raiseAt`: a lasting
/// change becomes usual within a minute or two, even if it was suspected.
///
/// The suspicion is raised when the evidence reaches `raiseAt`, and withdrawn when it has been at or below
/// `withdrawAt` for `withdrawBeats` consecutive beats: an attack that is weaker in some of its beats is one
/// suspicion, not several. Clipping keeps a single odd beat from raising the suspicion; the ceiling limits how long it
/// lingers.
///
/// A pure value: the same measures give the same result, so a command can tune the parameters on recorded ones.
public struct AttackSuspicionRule: Sendable, Codable, RangeChecked {
    public struct Parameters: Sendable, Equatable, Codable {
        /// What each beat must exceed, in usual spreads of the agreement.
        public var margin: Float = 1.4
        /// Maximum that the agreement of one beat can contribute, in usual spreads.
        public var agreementLimit: Float = 2.5
        /// Weight of the attack head; times `headLimit` it must stay below `margin`, so that the head alone never
        /// raises the suspicion.
        public var headWeight: Float = 1.1
        /// Maximum that the head can contribute before it is weighted.
        public var headLimit: Float = 1
        /// Weight of each beat in what is usual, an exponential average.
        public var usualRate: Float = 0.02
        /// Evidence at which the suspicion is raised; above `agreementLimit`, so that it takes several beats.
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
            func require(
                _ value: Float, _ key: String, _ range: ClosedRange<Float>
            ) throws(MonitorConfiguration.InvalidValue) {
                guard range.contains(value) else {
                    throw .init(
                        key: "suspicion.\(key)",
                        requirement: "from \(range.lowerBound) to \(range.upperBound), not \(value)")
                }
            }
            try require(margin, "margin", 0.1...20)
            try require(agreementLimit, "agreementLimit", 0.5...20)
            try require(headWeight, "headWeight", 0...20)
            try require(headLimit, "headLimit", 0...20)
            guard headWeight * headLimit < margin else {
                throw .init(
                    key: "suspicion.headWeight",
                    requirement: "such that headWeight times headLimit is below margin, not \(headWeight)")
            }
            try require(usualRate, "usualRate", 0...1)
            try require(raiseAt, "raiseAt", 0.5...1_000)
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

    /// The measures of one beat.
    public struct Measures: Sendable, Codable, Equatable {
        /// -16.7 ... 16.7; 0 on average where there is no aim.
        public var agreement: Float
        /// The attack head's sigmoid output, 0 ... 1; NaN counts as 0.5.
        public var attackSuspicion: Float

        public init(agreement: Float, attackSuspicion: Float) {
            self.agreement = agreement
            self.attackSuspicion = attackSuspicion
        }
    }

    /// The change caused by a beat.
    public enum Change: Sendable, Equatable {
        case raised
        case withdrawn
    }

    /// Maximum number of recent beats that `score` covers.
    public static let beatsInScore = 10
    /// Beats from which what is usual is learned before anything is suspected.
    public static let beatsToLearn = 20
    /// The usual spread counts as at least this: the agreement of noise alone spreads by 1.
    private static let minimumSpread: Float = 1.5
    /// From the mean absolute deviation to the standard deviation of a normal distribution.
    private static let spreadOfDeviation: Float = 1.25
    /// Maximum log-odds of the head, either way.
    private static let logOddsLimit: Float = 6

    public let parameters: Parameters
    /// The cumulative sum after the last beat.
    public private(set) var evidence: Float = 0
    /// Usual agreement, its mean absolute deviation, and the usual log-odds of the head.
    private var usual: Float = 0
    private var deviation: Float = 1.5
    private var usualLogOdds: Float = 0
    private var beatsLearned = 0
    public private(set) var isActive = false
    /// Consecutive beats with the evidence at or below `withdrawAt`, while the suspicion is active.
    private var calmBeats = 0
    /// Beats since the evidence left 0 (while the suspicion is active, counted from before it was raised): the length
    /// of the suspected episode.
    public private(set) var suspectedBeats = 0
    /// R peaks of the first and the last beat of that episode, source rate.
    public private(set) var firstSampleIndex: Int64 = 0
    public private(set) var lastSampleIndex: Int64 = 0
    private var excesses = InlineArray<10, Float>(repeating: 0)
    private var beatsSeen = 0

    public init(_ parameters: Parameters = Parameters()) {
        self.parameters = parameters
    }

    public var isInRange: Bool {
        (try? parameters.validate()) != nil && beatsSeen >= 0 && suspectedBeats >= 0 && calmBeats >= 0
            && beatsLearned >= 0
    }

    /// Processes the next beat.
    ///
    /// - Parameter sampleIndex: the beat's R peak, source rate.
    public mutating func step(_ measures: Measures, sampleIndex: Int64) -> Change? {
        let agreement = measures.agreement.isFinite ? min(max(measures.agreement, -17), 17) : 0
        let logOdds = Self.boundedLogOdds(measures.attackSuspicion)
        guard beatsLearned >= Self.beatsToLearn else {
            beatsLearned += 1
            learn(agreement, logOdds, rate: max(1 / Float(beatsLearned), parameters.usualRate))
            return nil
        }
        let spread = max(Self.spreadOfDeviation * deviation, Self.minimumSpread)
        let limit = parameters.agreementLimit
        let head = min(max((logOdds - usualLogOdds - 1) / 1.2, -0.5), parameters.headLimit)
        let excess = min(max((agreement - max(0, usual)) / spread, -limit), limit) + parameters.headWeight * head
        excesses[beatsSeen % Self.beatsInScore] = excess
        beatsSeen &+= 1
        let before = evidence
        evidence = min(parameters.ceiling, max(0, evidence + excess - parameters.margin))
        learn(agreement, logOdds, rate: parameters.usualRate * (evidence < parameters.raiseAt / 2 ? 1 : 0.5))
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

    private mutating func learn(_ agreement: Float, _ logOdds: Float, rate: Float) {
        let reach = 3 * max(deviation, Self.minimumSpread)
        let difference = min(max(agreement - usual, -reach), reach)
        deviation += rate * (abs(difference) - deviation)
        usual += rate * difference
        usualLogOdds += rate * (logOdds - usualLogOdds)
    }

    /// Logistic function of the mean excess over the margin of the last beats, at most `beatsInScore` and no further
    /// back than the start of the suspected episode; 0 ... 1. 0 before the first beat.
    public var score: Float {
        let count = beatsConsidered
        guard count > 0 else { return 0 }
        var sum: Float = 0
        for back in 1...count { sum += excesses[(beatsSeen - back) % Self.beatsInScore] - parameters.margin }
        return 1 / (1 + exp(-2 * sum / Float(count)))
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

    /// An episode suspected by the rule, as positions in a list of measures.
    public struct Suspicion: Sendable, Equatable {
        /// The episode's first beat, the beat at which it was detected, and its last beat.
        public var first: Int
        public var noticedAt: Int
        public var last: Int
    }

    /// Applies the rule to recorded measures, one per beat, for choosing the parameters.
    public static func suspicions(in beats: some Sequence<Measures?>, _ parameters: Parameters) -> [Suspicion] {
        var rule = AttackSuspicionRule(parameters)
        var found: [Suspicion] = []
        for (number, beat) in beats.enumerated() {
            guard let beat else { continue }
            let change = rule.step(beat, sampleIndex: Int64(number))
            if change == .raised {
                found.append(Suspicion(first: Int(rule.firstSampleIndex), noticedAt: number, last: number))
            }
            if rule.isActive { found[found.count - 1].last = Int(rule.lastSampleIndex) }
        }
        return found
    }

    private static func boundedLogOdds(_ probability: Float) -> Float {
        guard probability.isFinite else { return 0 }
        let p = min(max(probability, 1e-9), 1 - 1e-7)
        return min(logOddsLimit, max(-logOddsLimit, log(p / (1 - p))))
    }
}
