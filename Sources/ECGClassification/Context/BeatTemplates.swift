internal import ECGATKGAN
public import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// One patient's beat templates: one for each morphology seen, with its frequency, RR intervals and usual features.
///
/// The dominant template is the one matched most often recently. Each beat joins the template it resembles most or
/// starts a new one, which replaces the rarest. A run of ventricular beats or a burst of noise therefore gets its own
/// template and leaves the dominant template unchanged. The state takes a few kilobytes and uses no heap storage.
public struct BeatTemplates: Sendable, Codable, RangeChecked {
    private static let templateCount = 4
    /// Minimum similarity for a beat to join a template.
    private static let minimumSimilarity: Float = 0.8
    /// Fraction by which each count decays per beat, so that it covers about the last 60 beats.
    private static let forgetting: Float = 1 / 60
    /// Minimum fraction by which a template's morphology moves towards a new beat.
    private static let minimumShare: Float = 0.05
    /// Minimum fraction by which the usual feature values move towards those of a new beat.
    private static let minimumUsualShare: Float = 0.03
    /// The same fraction for the steady interval and for its deviations.
    private static let steadyShare: Float = 0.15, deviationShare: Float = 0.1
    /// Weight of a new beat in a template's running interval statistics.
    private static let rhythmShare: Float = 0.1

    /// A beat template: the running mean of the beats assigned to it.
    struct Template: Sendable, Codable {
        var morphology = BeatMorphology()
        /// Running mean of the discriminator's logits.
        var logits = SIMD4<Float>.zero
        /// Number of beats, each weighted by its age.
        var weight: Float = 0
        /// Running means over its beats: the logarithm of the preceding interval over the local median; the same for
        /// the following interval; and the fraction that directly followed a beat of the same template.
        var prematurity: Float = 0, pause: Float = 0, repetition: Float = 0
        /// Usual feature values of its beats while it is the dominant template: running means and variances of the
        /// features listed in `ContextualFeatures.usualTerms`, and the number of beats they are based on.
        var usualMean = InlineArray<8, Float>(repeating: 0), usualVariance = InlineArray<8, Float>(repeating: 0)
        var usualCount: Float = 0
    }

    private var templates = InlineArray<4, Template>(repeating: Template())
    private var usedTemplates = 0
    /// Total weight of all beats.
    private(set) var totalWeight: Float = 0
    /// Morphology of the preceding beat in the same signal segment.
    private(set) var previous: BeatMorphology?
    /// Template of the preceding beat in the same signal segment.
    private var previousTemplate: Int?
    /// Similarity of the preceding beat to the dominant template.
    private(set) var previousSimilarity: Float = 0
    /// Features of the preceding beat in the same signal segment, as listed in `ContextualFeatures.carried`; zero if
    /// there is none.
    private(set) var carried = InlineArray<14, Float>(repeating: 0)
    /// Number of beats with a window so far.
    private(set) var beats = 0
    private(set) var rhythm = RRHistory()
    /// Running mean of the intervals between consecutive dominant beats, in s; 0 if there is none yet.
    private(set) var steadyInterval: Float = 0
    /// Running mean of the absolute logarithm of such an interval over `steadyInterval`.
    private(set) var steadyDeviation: Float = 0

    public init() {}

    public var isInRange: Bool {
        (0...Self.templateCount).contains(usedTemplates)
            && (previousTemplate.map { (0..<usedTemplates).contains($0) } ?? true)
    }

    /// Marks an interruption of the signal: the latest intervals and the preceding beat are discarded, templates are
    /// kept.
    public mutating func interrupt() {
        rhythm.interrupt()
        forgetPrevious()
    }

    /// Continues with the RR history of another lead's templates; the morphology of the preceding beat is unknown.
    public mutating func continueRhythm(of other: BeatTemplates) {
        rhythm = other.rhythm
        (steadyInterval, steadyDeviation) = (other.steadyInterval, other.steadyDeviation)
        forgetPrevious()
    }

    private mutating func forgetPrevious() {
        previous = nil
        previousTemplate = nil
        carried = InlineArray(repeating: 0)
    }

    /// The most frequent template; nil before the first beat.
    var dominant: Template? { dominantIndex.map { templates[$0] } }

    private var dominantIndex: Int? {
        var best: Int?
        for i in 0..<usedTemplates where best.map({ templates[i].weight > templates[$0].weight }) ?? true { best = i }
        return best
    }

    /// The template that a morphology matches best.
    struct Match: Sendable {
        var index: Int
        /// 1: identical; 0: as different as a flat line; negative: of opposite polarity.
        var similarity: Float
        var isDominant: Bool
    }

    func match(_ morphology: borrowing BeatMorphology) -> Match? {
        var best: Match?
        for i in 0..<usedTemplates {
            let similarity = Self.similarity(morphology, templates[i].morphology)
            if best.map({ similarity > $0.similarity }) ?? true {
                best = Match(index: i, similarity: similarity, isDominant: i == dominantIndex)
            }
        }
        return best
    }

    /// Whether the matched beat belongs to the template of the preceding beat.
    func isOfPreviousTemplate(_ match: Match) -> Bool { match.index == previousTemplate }

    func template(_ match: Match) -> Template { templates[match.index] }

    /// - Parameter interval: the interval before a beat, in s; nil if unknown.
    func scale(interval: Float?) -> RRHistory.Scale {
        var scale = rhythm.scale(interval: interval)
        if steadyInterval > 0 { scale.steady = steadyInterval }
        return scale
    }

    /// How frequent a template has been recently, 0 ... 1.
    func share(_ reference: borrowing Template) -> Float { (reference.weight + 0.5) / (totalWeight + 1) }

    /// One minus the ratio of the difference's energy to the mean of the two energies.
    static func similarity(_ a: borrowing BeatMorphology, _ b: borrowing BeatMorphology) -> Float {
        1 - 2 * a.distance(to: b, .whole) / (a.energy(.whole) + b.energy(.whole) + 1e-6)
    }

    static func addSimilarityGradient(
        _ a: borrowing BeatMorphology, _ b: borrowing BeatMorphology, times factor: Float,
        into gradient: inout BeatMorphology
    ) {
        let sum = a.energy(.whole) + b.energy(.whole) + 1e-6
        a.addDistanceGradient(to: b, .whole, times: -2 * factor / sum, into: &gradient)
        a.addEnergyGradient(.whole, times: 2 * factor * a.distance(to: b, .whole) / (sum * sum), into: &gradient)
    }

    // MARK: Updating

    /// Adds a beat without a window, of which only the interval is known.
    public mutating func addUnseen(interval: Float?) {
        rhythm.add(interval)
        forgetPrevious()
    }

    /// - Parameters:
    ///   - interval: since the preceding beat, in s; nil if unknown.
    ///   - logits: the discriminator's logits.
    ///   - features: the beat's features, computed before the beat is added; some are carried over to the next beat's
    ///     features.
    public mutating func add(
        _ morphology: borrowing BeatMorphology, logits: SIMD4<Float>, interval: Float?, features: [Float] = []
    ) {
        beats += 1
        for (place, feature) in ContextualFeatures.carriedPlaces.enumerated() {
            carried[place] = features.isEmpty ? 0 : features[feature]
        }
        if let dominant { previousSimilarity = Self.similarity(morphology, dominant.morphology) }
        let match = match(morphology)
        let prematurity = rhythm.features(interval: interval)[RRHistory.Feature.overMedian.rawValue]
        if let previousTemplate, interval != nil {
            templates[previousTemplate].pause += Self.rhythmShare * (prematurity - templates[previousTemplate].pause)
        }
        totalWeight = totalWeight * (1 - Self.forgetting) + 1
        for i in 0..<usedTemplates { templates[i].weight *= 1 - Self.forgetting }
        if let match, match.similarity > Self.minimumSimilarity {
            let share = max(1 / (templates[match.index].weight + 1), Self.minimumShare)
            templates[match.index].morphology.approach(morphology, by: share)
            templates[match.index].logits += share * (logits - templates[match.index].logits)
            templates[match.index].weight += 1
            templates[match.index].prematurity += Self.rhythmShare * (prematurity - templates[match.index].prematurity)
            let repeats: Float = previousTemplate == match.index ? 1 : 0
            templates[match.index].repetition += Self.rhythmShare * (repeats - templates[match.index].repetition)
            if match.isDominant {
                if !features.isEmpty { learnUsual(match.index, features) }
                if previousTemplate == match.index, let interval { learnSteady(interval) }
            }
            previousTemplate = match.index
        } else {
            let place = place()
            templates[place] = Template(
                morphology: copy morphology, logits: logits, weight: 1, prematurity: prematurity)
            previousTemplate = place
        }
        previous = copy morphology
        rhythm.add(interval)
    }

    private mutating func learnUsual(_ template: Int, _ features: [Float]) {
        templates[template].usualCount += 1
        let share = max(1 / templates[template].usualCount, Self.minimumUsualShare)
        for (i, place) in ContextualFeatures.usualPlaces.enumerated() {
            let difference = features[place] - templates[template].usualMean[i]
            templates[template].usualMean[i] += share * difference
            templates[template].usualVariance[i] =
                (1 - share) * (templates[template].usualVariance[i] + share * difference * difference)
        }
    }

    private mutating func learnSteady(_ interval: Float) {
        let interval = RRHistory.clampedInterval(interval)
        if steadyInterval == 0 { steadyInterval = interval }
        steadyDeviation += Self.deviationShare * (abs(logf(interval / steadyInterval)) - steadyDeviation)
        steadyInterval += Self.steadyShare * (interval - steadyInterval)
    }

    /// Index for a new template: the next free one, or that of the rarest template.
    private mutating func place() -> Int {
        if usedTemplates < Self.templateCount {
            usedTemplates += 1
            return usedTemplates - 1
        }
        var rarest = 0
        for i in 0..<usedTemplates where templates[i].weight < templates[rarest].weight { rarest = i }
        return rarest
    }
}
