public import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// What is remembered of one patient's beats: the kinds of beats by their shape, how often each came, and the
/// intervals.
///
/// The dominant beat is the kind that came most often of late. A beat joins the kind that it is most like, or founds a
/// new one, which takes the place of the rarest; so a run of ventricular beats or a burst of noise makes a kind of its
/// own and leaves the dominant beat as it was. The state is some kilobytes, without heap storage.
public struct BeatTemplates: Sendable, Codable, RangeChecked {
    private static let templateCount = 4
    /// A beat belongs to a kind from this similarity on.
    private static let minimumSimilarity: Float = 0.8
    /// A count loses this share with each beat: it looks back over 60 beats, about.
    private static let forgetting: Float = 1 / 60
    /// A kind's shape moves towards its new beat by at least this share.
    private static let minimumShare: Float = 0.05
    /// What is usual moves towards a new beat by at least this share.
    private static let minimumUsualShare: Float = 0.03
    /// The same of the steady interval and of its deviations.
    private static let steadyShare: Float = 0.15, deviationShare: Float = 0.1
    /// Weight of a new beat in a kind's running means of intervals.
    private static let rhythmShare: Float = 0.1

    /// A kind of beats: the running mean of those that belong to it.
    struct Template: Sendable, Codable {
        var morphology = BeatMorphology()
        /// The discriminator's.
        var logits = SIMD4<Float>.zero
        /// Beats, each weighted by how long ago it was.
        var weight: Float = 0
        /// Running means over its beats: the logarithm of the interval before over the local median; the same of the
        /// interval after; and the share that came right after a beat of the same kind.
        var prematurity: Float = 0, pause: Float = 0, repetition: Float = 0
        /// What is usual of its beats while it is the dominant kind: running means and variances of the features listed
        /// in `ContextualFeatures.usualTerms`, and of how many beats.
        var usualMean = InlineArray<8, Float>(repeating: 0), usualVariance = InlineArray<8, Float>(repeating: 0)
        var usualCount: Float = 0
    }

    private var templates = InlineArray<4, Template>(repeating: Template())
    private var usedTemplates = 0
    /// Weight of all beats.
    private(set) var totalWeight: Float = 0
    /// The beat before, in the same stretch of signal.
    private(set) var previous: BeatMorphology?
    /// The kind of the beat before, in the same stretch.
    private var previousTemplate: Int?
    /// How like the dominant beat the last one was.
    private(set) var previousSimilarity: Float = 0
    /// Of the beat before, in the same stretch: the features that are listed in `ContextualFeatures.carried`; zero where
    /// there is none.
    private(set) var carried = InlineArray<14, Float>(repeating: 0)
    /// Beats with a window so far.
    private(set) var beats = 0
    private(set) var rhythm = RRHistory()
    /// Running mean of the intervals between two dominant beats one after the other, in s; 0: none yet.
    private(set) var steadyInterval: Float = 0
    /// Running mean of the absolute logarithm of such an interval over `steadyInterval`.
    private(set) var steadyDeviation: Float = 0

    public init() {}

    public var isInRange: Bool {
        (0...Self.templateCount).contains(usedTemplates) && (previousTemplate.map { (0..<usedTemplates).contains($0) } ?? true)
    }

    /// The signal was interrupted: intervals and the beat before count no more, the kinds of beats do.
    public mutating func interrupt() {
        rhythm.interrupt()
        forgetPrevious()
    }

    private mutating func forgetPrevious() {
        previous = nil
        previousTemplate = nil
        carried = InlineArray(repeating: 0)
    }

    /// The most frequent kind; nil before the first beat.
    var dominant: Template? { dominantIndex.map { templates[$0] } }

    private var dominantIndex: Int? {
        var best: Int?
        for i in 0..<usedTemplates where best.map({ templates[i].weight > templates[$0].weight }) ?? true { best = i }
        return best
    }

    /// The kind that a shape is most like.
    struct Match: Sendable {
        var index: Int
        /// 1: the same; 0: as unlike as a flat line; negative: of opposite sign.
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

    /// Whether the beat that a shape is of belongs to the kind of the beat before.
    func isOfPreviousTemplate(_ match: Match) -> Bool { match.index == previousTemplate }

    func template(_ match: Match) -> Template { templates[match.index] }

    /// - Parameter interval: before a beat, in s; nil: unknown.
    func scale(interval: Float?) -> RRHistory.Scale {
        var scale = rhythm.scale(interval: interval)
        if steadyInterval > 0 { scale.steady = steadyInterval }
        return scale
    }

    /// How often a kind came of late, 0 ... 1.
    func share(_ reference: borrowing Template) -> Float { (reference.weight + 0.5) / (totalWeight + 1) }

    /// One less the energy of the difference over the mean of the two energies.
    static func similarity(_ a: borrowing BeatMorphology, _ b: borrowing BeatMorphology) -> Float {
        1 - 2 * a.distance(to: b, .whole) / (a.energy(.whole) + b.energy(.whole) + 1e-6)
    }

    static func addSimilarityGradient(
        _ a: borrowing BeatMorphology, _ b: borrowing BeatMorphology, times factor: Float, into gradient: inout BeatMorphology
    ) {
        let sum = a.energy(.whole) + b.energy(.whole) + 1e-6
        a.addDistanceGradient(to: b, .whole, times: -2 * factor / sum, into: &gradient)
        a.addEnergyGradient(.whole, times: 2 * factor * a.distance(to: b, .whole) / (sum * sum), into: &gradient)
    }

    // MARK: What is remembered

    /// A beat without a window, of which only the interval is known.
    public mutating func addUnseen(interval: Float?) {
        rhythm.add(interval)
        forgetPrevious()
    }

    /// - Parameters:
    ///   - interval: since the beat before, in s; nil: unknown.
    ///   - logits: the discriminator's.
    ///   - features: of the beat, as they were before it is added; the next beat's features carry some of them on.
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
            templates[place] = Template(morphology: copy morphology, logits: logits, weight: 1, prematurity: prematurity)
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

    /// Where a new kind goes: the next free place, or that of the rarest.
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
