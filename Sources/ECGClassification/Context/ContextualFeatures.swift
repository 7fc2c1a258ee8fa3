internal import ECGATKGAN

#if canImport(Glibc)
    import Glibc
#endif

/// Everything that the contextual classifier knows about a beat besides its window; it is fixed while an attack
/// changes the window.
public struct BeatContext: Sendable {
    /// The beat templates before this beat.
    public var templates: BeatTemplates
    /// Since the preceding beat, in s; nil if unknown.
    public var interval: Float?
    /// The amplitude in mV that 1 in the scaled window stands for.
    public var windowRange: Float
    /// Whether signal quality was not good.
    public var isNoisy: Bool
    /// Whether the detector found the beat by search-back.
    public var foundBySearchBack: Bool
    /// The following beat; nil if none came in time.
    public var next: NextBeat?

    public init(
        templates: BeatTemplates, interval: Float?, windowRange: Float, isNoisy: Bool = false,
        foundBySearchBack: Bool = false,
        next: NextBeat? = nil
    ) {
        self.templates = templates
        self.interval = interval
        self.windowRange = windowRange
        self.isNoisy = isNoisy
        self.foundBySearchBack = foundBySearchBack
        self.next = next
    }
}

/// What a pending beat learns about the following one.
public struct NextBeat: Sendable {
    var morphology: BeatMorphology
    /// Between the two beats, in s.
    var interval: Float
    /// Whether it belongs to the template of the preceding beat, and to the dominant template.
    var isOfSameTemplate: Bool, isOfDominantTemplate: Bool

    /// - Parameter templates: the beat templates after the pending beat and before the next one.
    public init(morphology: BeatMorphology, interval: Float, templates: BeatTemplates) {
        self.morphology = morphology
        self.interval = interval
        let match = templates.match(morphology)
        isOfSameTemplate = match.map { templates.isOfPreviousTemplate($0) } ?? false
        isOfDominantTemplate = match?.isDominant ?? false
    }
}

/// The inputs of the contextual classifier. In a fixed context, each is a smooth function of the window's morphology
/// and the discriminator's logits.
///
/// They depend on a beat's polarity only through the discriminator's logits, because morphologies are compared with
/// the patient's own dominant template.
public struct ContextualFeatures: Sendable {
    /// Meaning of a feature. Energies, distances and slopes enter as logarithms.
    enum Term: Sendable, Hashable {
        case rhythm(RRHistory.Feature)
        /// How far the discriminator's logit of a class exceeds that of N; and by how much that lead exceeds the
        /// dominant template's.
        case lead(BeatClass)
        case leadOverDominant(BeatClass)
        /// Compared with the dominant template.
        case correlation(BeatMorphology.Segment)
        case distance(BeatMorphology.Segment)
        case energy(BeatMorphology.Segment)
        case slope
        case spread(BeatMorphology.Segment)
        case deflection
        /// R's deflection over the standard deviation of the morphology, times the sign of the dominant template's;
        /// and the dominant template's own.
        case ownDeflection, dominantDeflection
        /// For the best-matching template: its similarity, its share of all beats and whether it is dominant; and the
        /// dominant template's share.
        case similarity, templateShare, isDominant, dominantShare
        /// For the best-matching and the dominant template: running means of the intervals around their beats.
        case templatePrematurity, templatePause, templateRepetition, dominantPrematurity, dominantPause
        /// Logarithm of the template's weight, and of the dominant template's weight over it.
        case templateWeight, dominantOverTemplateWeight
        /// The template compared with the dominant template, and the spread of each.
        case templateCorrelation, templateSpread, templateDistance, templateOwnSpread, dominantOwnSpread
        /// Of this beat alone.
        case ownSlope
        case ownSpread(BeatMorphology.Segment)
        /// Compared with the preceding beat.
        case previousCorrelation(BeatMorphology.Segment)
        case previousDistance
        /// A feature of the preceding beat, by its index among those carried over.
        case carried(Int)
        /// Distance from the dominant template over the energy of that template's QRS.
        case distanceOverQRS(BeatMorphology.Segment)
        /// The interval over the steady interval, the steady interval over the local median, and the mean deviation
        /// from the steady interval.
        case overSteady, steadyOverMedian, steadyDeviation
        /// How many standard deviations a feature, given by its index in `usualTerms`, lies above its usual value for
        /// the dominant template; and the mean and standard deviation of the usual values.
        case overUsual(Int)
        case usualMean(Int)
        case usualDeviation(Int)
        /// Similarity of the preceding beat to the dominant template.
        case previousSimilarity
        case isNoisy, foundBySearchBack
        /// Logarithm of the number of beats seen, and whether there is a dominant template yet.
        case beats, hasDominant
    }

    /// In the order of the weights file.
    static let terms: [Term] = {
        var terms: [Term] = RRHistory.Feature.allCases.map { .rhythm($0) }
        for beatClass in [BeatClass.supraventricular, .ventricular] {
            terms += [.lead(beatClass), .leadOverDominant(beatClass)]
        }
        for segment in [BeatMorphology.Segment.whole, .qrs] {
            terms += [.correlation(segment), .distance(segment), .energy(segment)]
        }
        terms += [.slope, .spread(.qrs), .spread(.wideQRS), .deflection, .ownDeflection, .dominantDeflection]
        terms += [.similarity, .templateShare, .isDominant, .dominantShare]
        terms += [.ownSlope, .ownSpread(.qrs), .ownSpread(.wideQRS)]
        terms += [.previousCorrelation(.whole), .previousCorrelation(.qrs), .previousDistance, .previousSimilarity]
        terms += [.isNoisy, .foundBySearchBack, .beats, .hasDominant]
        terms += [.templatePrematurity, .templatePause, .templateRepetition, .dominantPrematurity, .dominantPause]
        terms += [.templateWeight, .dominantOverTemplateWeight]
        terms += [.templateCorrelation, .templateSpread, .templateDistance, .templateOwnSpread, .dominantOwnSpread]
        for segment in [BeatMorphology.Segment.pWave, .tWave] {
            terms += [.correlation(segment), .distanceOverQRS(segment)]
        }
        terms += carriedTerms.indices.map { .carried($0) }
        terms += [.overSteady, .steadyOverMedian, .steadyDeviation]
        terms += usualTerms.indices.map { .overUsual($0) }
        // Usual values of the correlation of QRS and P, the distance and the interval.
        terms += [
            .usualMean(0), .usualMean(1), .usualMean(4), .usualDeviation(1), .usualDeviation(4), .usualDeviation(6),
        ]
        return terms
    }()

    /// Features of a beat that are carried over to the next beat's features.
    private static let carriedTerms: [Term] =
        [.rhythm(.overMedian), .rhythm(.overLongMean), .rhythm(.overPrevious)]
        + [BeatMorphology.Segment.whole, .qrs].flatMap { [.correlation($0), .distance($0), .energy($0)] }
        + [.slope, .spread(.qrs), .spread(.wideQRS), .deflection, .ownDeflection]

    /// Features whose usual values for the dominant template are tracked.
    static let usualTerms: [Term] = [
        .correlation(.qrs), .distance(.whole), .distance(.qrs), .spread(.wideQRS), .correlation(.pWave), .energy(.qrs),
        .overSteady, .distanceOverQRS(.pWave),
    ]

    /// Their indices among the features.
    static let carriedPlaces = carriedTerms.map(place), usualPlaces = usualTerms.map(place)

    static func place(of term: Term) -> Int {
        guard let place = terms.firstIndex(of: term) else { preconditionFailure("what is looked up is a feature") }
        return place
    }

    /// Number of features.
    public static var count: Int { terms.count }

    /// Indices of the features that depend on the discriminator's logits.
    static var discriminatorPlaces: [Int] {
        terms.indices.filter {
            switch terms[$0] {
            case .lead, .leadOverDominant: true
            default: false
            }
        }
    }

    /// Indices, among the features of both stages, of those that compare intervals with the ones just before them or
    /// with their quantiles, rather than with the mean of all so far.
    static var localRhythmPlaces: [Int] {
        let first = terms.indices.filter {
            switch terms[$0] {
            case .rhythm(let feature):
                ![.overWholeMean, .previousOverWholeMean, .medianChange, .largeChanges].contains(feature)
            case .carried(let number):
                if case .rhythm = carriedTerms[number] { true } else { false }
            case .overUsual(let number), .usualMean(let number), .usualDeviation(let number):
                usualTerms[number] == .overSteady
            case .templatePrematurity, .templatePause, .templateRepetition, .dominantPrematurity, .dominantPause,
                .overSteady, .steadyOverMedian, .steadyDeviation:
                true
            default: false
            }
        }
        let local: [NextTerm] = [
            .overMedian, .overLongMean, .overNineTenths, .pairOverMedian, .overSteady, .pairOverSteady,
        ]
        return first + nextTerms.indices.filter { local.contains(nextTerms[$0]) }.map { count + $0 }
    }

    /// Identifies the feature set in a weights file; it changes whenever a feature does.
    public static let identifier = "context-3"

    /// Values shared by the terms of one beat. It takes a few kilobytes, so functions borrow it rather than copy it.
    private struct Frame: ~Copyable {
        let context: BeatContext
        let morphology: BeatMorphology
        let logits: SIMD4<Float>
        /// False until the first beat; `dominant`, `matched` and `match` then mean nothing.
        let hasDominant: Bool
        let dominant: BeatTemplates.Template
        /// The template that the beat matches best.
        let matched: BeatTemplates.Template
        let match: BeatTemplates.Match
        let rhythm: InlineArray<28, Float>
        /// 1 if the dominant template points up, otherwise -1.
        let sign: Float
        /// The interval before the beat, the steady interval and the local median, in s.
        let interval: Float, steady: Float, median: Float

        init(_ morphology: BeatMorphology, logits: SIMD4<Float>, context: BeatContext) {
            self.context = context
            self.morphology = morphology
            self.logits = logits
            let match = context.templates.match(morphology)
            hasDominant = match != nil
            self.match = match ?? BeatTemplates.Match(index: 0, similarity: 0, isDominant: false)
            dominant = context.templates.dominant ?? BeatTemplates.Template()
            matched = context.templates.template(self.match)
            rhythm = context.templates.rhythm.features(interval: context.interval)
            sign = hasDominant && dominant.morphology.deflection < 0 ? -1 : 1
            let scale = context.templates.scale(interval: context.interval)
            (interval, steady, median) = (scale.interval, scale.steady, scale.median)
        }
    }

    /// Minimum energy in ratios, in mV^2: (10 uV)^2; for slopes (1 uV)^2 per step.
    static let minimumEnergy: Float = 1e-4, minimumSlope: Float = 1e-6

    /// - Parameters:
    ///   - logits: the discriminator's logits for the window.
    ///   - features: `count` values, overwritten.
    static func write(
        _ morphology: BeatMorphology, logits: SIMD4<Float>, context: BeatContext,
        into features: UnsafeMutablePointer<Float>
    ) {
        let frame = Frame(morphology, logits: logits, context: context)
        for (place, term) in terms.enumerated() { features[place] = value(of: term, frame) }
    }

    /// `count` values.
    public static func values(_ morphology: BeatMorphology, logits: SIMD4<Float>, context: BeatContext) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, count in
            write(morphology, logits: logits, context: context, into: buffer.baseAddress!)
            count = Self.count
        }
    }

    private static func value(of term: Term, _ frame: borrowing Frame) -> Float {
        switch term {
        case .rhythm(let feature): return frame.rhythm[feature.rawValue]
        case .lead(let beatClass): return lead(of: beatClass, frame.logits)
        case .ownSlope:
            return logf(
                (frame.morphology.slopeEnergy(.qrs) + minimumSlope) / (frame.morphology.energy(.qrs) + minimumEnergy))
        case .ownSpread(let segment): return logf(frame.morphology.spread(segment))
        case .isNoisy: return frame.context.isNoisy ? 1 : 0
        case .foundBySearchBack: return frame.context.foundBySearchBack ? 1 : 0
        case .beats: return log1pf(Float(frame.context.templates.beats))
        case .hasDominant: return frame.hasDominant ? 1 : 0
        case .carried(let place): return frame.context.templates.carried[place]
        case .previousSimilarity:
            return frame.context.templates.previous == nil ? 0 : frame.context.templates.previousSimilarity
        case .previousCorrelation(let segment):
            return frame.context.templates.previous.map { frame.morphology.correlation(with: $0, segment) } ?? 0
        case .previousDistance:
            return frame.context.templates.previous.map {
                logf(relativeDistance(frame.morphology, $0, .whole) + minimumDistance)
            } ?? 0
        default:
            // All others compare with the dominant template and are 0 until there is one.
            return frame.hasDominant ? value(comparedBy: term, frame) : 0
        }
    }

    /// Terms that compare the beat with the templates, of which there is at least one.
    private static func value(comparedBy term: Term, _ frame: borrowing Frame) -> Float {
        switch term {
        case .leadOverDominant(let beatClass):
            return lead(of: beatClass, frame.logits) - lead(of: beatClass, frame.dominant.logits)
        case .overSteady: return logf(frame.interval / frame.steady)
        case .steadyOverMedian: return logf(frame.steady / frame.median)
        case .steadyDeviation: return frame.context.templates.steadyDeviation
        case .overUsual(let number):
            guard frame.dominant.usualCount > fewestUsual else { return 0 }
            let difference = value(of: usualTerms[number], frame) - frame.dominant.usualMean[number]
            return min(max(difference / usualScale(frame.dominant, number), -maximumUsual), maximumUsual)
        case .usualMean(let number): return frame.dominant.usualMean[number]
        case .usualDeviation(let number): return frame.dominant.usualVariance[number].squareRoot()
        case .correlation(let segment): return frame.morphology.correlation(with: frame.dominant.morphology, segment)
        case .distance(let segment):
            return logf(relativeDistance(frame.morphology, frame.dominant.morphology, segment) + minimumDistance)
        case .distanceOverQRS(let segment):
            return logf(
                frame.morphology.distance(to: frame.dominant.morphology, segment)
                    / (frame.dominant.morphology.energy(.qrs) + minimumEnergy) + minimumShare)
        case .energy(let segment):
            return logf(
                (frame.morphology.energy(segment) + minimumEnergy)
                    / (frame.dominant.morphology.energy(segment) + minimumEnergy))
        case .slope:
            return logf(
                (frame.morphology.slopeEnergy(.qrs) + minimumSlope)
                    / (frame.dominant.morphology.slopeEnergy(.qrs) + minimumSlope))
        case .spread(let segment):
            return logf(frame.morphology.spread(segment) / frame.dominant.morphology.spread(segment))
        case .deflection:
            return frame.sign * (frame.morphology.deflection - frame.dominant.morphology.deflection)
                / ((frame.dominant.morphology.energy(.qrs)).squareRoot() + 1e-3)
        case .ownDeflection:
            return frame.sign * frame.morphology.deflection
                / (frame.morphology.energy(.whole) + minimumEnergy).squareRoot()
        case .dominantDeflection:
            return frame.sign * frame.dominant.morphology.deflection
                / (frame.dominant.morphology.energy(.whole) + minimumEnergy).squareRoot()
        case .similarity: return frame.match.similarity
        case .templateShare: return logf(frame.context.templates.share(frame.matched))
        case .isDominant: return frame.match.isDominant ? 1 : 0
        case .dominantShare: return logf(frame.context.templates.share(frame.dominant))
        default: return value(of: term, template: frame.matched, frame.dominant)
        }
    }

    /// Usual values are known only from more beats than this, and the deviation from them is clamped to this many
    /// standard deviations.
    private static let fewestUsual: Float = 3, maximumUsual: Float = 8

    private static func usualScale(_ dominant: borrowing BeatTemplates.Template, _ number: Int) -> Float {
        max(dominant.usualVariance[number], 0).squareRoot() + 0.02
    }

    /// Terms that depend on the beat only through its template.
    private static func value(
        of term: Term, template: borrowing BeatTemplates.Template, _ dominant: borrowing BeatTemplates.Template
    ) -> Float {
        switch term {
        case .templatePrematurity: return template.prematurity
        case .templatePause: return template.pause
        case .templateRepetition: return template.repetition
        case .dominantPrematurity: return dominant.prematurity
        case .dominantPause: return dominant.pause
        case .templateWeight: return log1pf(template.weight)
        case .dominantOverTemplateWeight: return logf((dominant.weight + 1) / (template.weight + 1))
        case .templateCorrelation: return template.morphology.correlation(with: dominant.morphology, .whole)
        case .templateSpread: return logf(template.morphology.spread(.wideQRS) / dominant.morphology.spread(.wideQRS))
        case .templateDistance:
            return logf(relativeDistance(template.morphology, dominant.morphology, .whole) + minimumDistance)
        case .templateOwnSpread: return logf(template.morphology.spread(.wideQRS))
        case .dominantOwnSpread: return logf(dominant.morphology.spread(.wideQRS))
        default: preconditionFailure("a term that tells of a kind of beats")
        }
    }

    /// How far the logit of a class exceeds that of N.
    private static func lead(of beatClass: BeatClass, _ logits: SIMD4<Float>) -> Float {
        logits[Int(beatClass.rawValue)] - logits[Int(BeatClass.normal.rawValue)]
    }

    /// Below this fraction of the energy, two morphologies count as identical.
    static let minimumDistance: Float = 0.01
    /// The same for parts of a beat, relative to the energy of its QRS.
    static let minimumShare: Float = 1e-3

    static func relativeDistance(
        _ morphology: borrowing BeatMorphology, _ other: borrowing BeatMorphology, _ segment: BeatMorphology.Segment
    ) -> Float {
        morphology.distance(to: other, segment) / (other.energy(segment) + 1e-6)
    }

    // MARK: Gradient

    /// Converts a gradient with respect to the features into one with respect to morphology and logits.
    ///
    /// The choice of the best-matching template is treated as constant.
    static func pullBack(
        _ gradient: UnsafePointer<Float>, _ morphology: BeatMorphology, logits: SIMD4<Float>, context: BeatContext
    ) -> (morphology: BeatMorphology, logits: SIMD4<Float>) {
        let frame = Frame(morphology, logits: logits, context: context)
        var shapeGradient = BeatMorphology()
        var logitGradient = SIMD4<Float>.zero
        for (place, term) in terms.enumerated() where gradient[place] != 0 {
            switch term {
            case .lead(let beatClass):
                logitGradient[Int(beatClass.rawValue)] += gradient[place]
                logitGradient[Int(BeatClass.normal.rawValue)] -= gradient[place]
            case .leadOverDominant(let beatClass):
                guard frame.hasDominant else { continue }
                logitGradient[Int(beatClass.rawValue)] += gradient[place]
                logitGradient[Int(BeatClass.normal.rawValue)] -= gradient[place]
            default: addGradient(of: term, frame, times: gradient[place], into: &shapeGradient)
            }
        }
        return (shapeGradient, logitGradient)
    }

    private static func addGradient(
        of term: Term, _ frame: borrowing Frame, times factor: Float, into gradient: inout BeatMorphology
    ) {
        let morphology = frame.morphology
        switch term {
        case .ownSlope:
            morphology.addSlopeEnergyGradient(
                .qrs, times: factor / (morphology.slopeEnergy(.qrs) + minimumSlope), into: &gradient)
            morphology.addEnergyGradient(
                .qrs, times: -factor / (morphology.energy(.qrs) + minimumEnergy), into: &gradient)
        case .ownSpread(let segment):
            morphology.addSpreadGradient(segment, times: factor / morphology.spread(segment), into: &gradient)
        case .previousCorrelation(let segment):
            guard let previous = frame.context.templates.previous else { return }
            morphology.addCorrelationGradient(with: previous, segment, times: factor, into: &gradient)
        case .previousDistance:
            guard let previous = frame.context.templates.previous else { return }
            addRelativeDistanceGradient(morphology, previous, .whole, times: factor, into: &gradient)
        default:
            guard frame.hasDominant else { return }
            addGradient(comparedBy: term, frame, times: factor, into: &gradient)
        }
    }

    private static func addGradient(
        comparedBy term: Term, _ frame: borrowing Frame, times factor: Float, into gradient: inout BeatMorphology
    ) {
        let morphology = frame.morphology
        let other = frame.dominant.morphology
        switch term {
        case .correlation(let segment):
            morphology.addCorrelationGradient(with: other, segment, times: factor, into: &gradient)
        case .distance(let segment):
            addRelativeDistanceGradient(morphology, other, segment, times: factor, into: &gradient)
        case .overUsual(let number):
            guard frame.dominant.usualCount > fewestUsual, abs(value(of: .overUsual(number), frame)) < maximumUsual
            else { return }
            addGradient(
                of: usualTerms[number], frame, times: factor / usualScale(frame.dominant, number), into: &gradient)
        case .distanceOverQRS(let segment):
            let scale = other.energy(.qrs) + minimumEnergy
            let outer = factor / (morphology.distance(to: other, segment) / scale + minimumShare)
            morphology.addDistanceGradient(to: other, segment, times: outer / scale, into: &gradient)
        case .energy(let segment):
            morphology.addEnergyGradient(
                segment, times: factor / (morphology.energy(segment) + minimumEnergy), into: &gradient)
        case .slope:
            morphology.addSlopeEnergyGradient(
                .qrs, times: factor / (morphology.slopeEnergy(.qrs) + minimumSlope), into: &gradient)
        case .spread(let segment):
            morphology.addSpreadGradient(segment, times: factor / morphology.spread(segment), into: &gradient)
        case .deflection:
            morphology.addDeflectionGradient(
                times: factor * frame.sign / (other.energy(.qrs).squareRoot() + 1e-3), into: &gradient)
        case .ownDeflection:
            let energy = morphology.energy(.whole) + minimumEnergy
            let outer = factor * frame.sign / energy.squareRoot()
            morphology.addDeflectionGradient(times: outer, into: &gradient)
            morphology.addEnergyGradient(.whole, times: -0.5 * outer * morphology.deflection / energy, into: &gradient)
        case .similarity:
            BeatTemplates.addSimilarityGradient(morphology, frame.matched.morphology, times: factor, into: &gradient)
        // The remaining terms do not depend on the window.
        default: break
        }
    }

    static func addRelativeDistanceGradient(
        _ morphology: BeatMorphology, _ other: BeatMorphology, _ segment: BeatMorphology.Segment, times factor: Float,
        into gradient: inout BeatMorphology
    ) {
        let scale = other.energy(segment) + 1e-6
        let outer = factor / (morphology.distance(to: other, segment) / scale + minimumDistance)
        morphology.addDistanceGradient(to: other, segment, times: outer / scale, into: &gradient)
    }
}
