#if canImport(Glibc)
    import Glibc
#endif

/// All that the join knows of a beat besides its window: fixed while an attack moves the window.
public struct BeatContext: Sendable {
    /// As it was before the beat.
    public var memory: BeatMemory
    /// Since the beat before, in s; nil: unknown.
    public var interval: Float?
    /// What 1 in the scaled window stands for, in mV.
    public var windowRange: Float
    /// The signal's condition was not good.
    public var isNoisy: Bool
    /// The detector found the beat on looking back.
    public var foundBySearchBack: Bool
    /// The beat after it; nil: none came in time.
    public var next: NextBeat?

    public init(
        memory: BeatMemory, interval: Float?, windowRange: Float, isNoisy: Bool = false,
        foundBySearchBack: Bool = false,
        next: NextBeat? = nil
    ) {
        self.memory = memory
        self.interval = interval
        self.windowRange = windowRange
        self.isNoisy = isNoisy
        self.foundBySearchBack = foundBySearchBack
        self.next = next
    }
}

/// What a beat that waits is told of the one after it.
public struct NextBeat: Sendable {
    var shape: BeatShape
    /// Between the two, in s.
    var interval: Float
    /// Whether it is of the kind that the beat before it is of, and of the dominant one.
    var isOfSameKind: Bool, isOfDominantKind: Bool

    /// - Parameter memory: as it is after the beat that waits and before the next one.
    public init(shape: BeatShape, interval: Float, memory: BeatMemory) {
        self.shape = shape
        self.interval = interval
        let match = memory.match(shape)
        isOfSameKind = match.map { memory.isOfPreviousKind($0) } ?? false
        isOfDominantKind = match?.isDominant ?? false
    }
}

/// The numbers that the join decides by, each a smooth function of the window's shape and the discriminator's logits in
/// a fixed context.
///
/// They depend on a beat's sign only where the discriminator's logits do: shapes are compared with the patient's own
/// dominant beat.
public struct JoinFeatures: Sendable {
    /// What a number is. All energies, distances and slopes enter by their logarithm.
    enum Term: Sendable, Hashable {
        case rhythm(BeatRhythm.Feature)
        /// How far the discriminator's logit of a class leads over that of N; and by how much further than on the
        /// dominant beat.
        case lead(BeatClass)
        case leadOverDominant(BeatClass)
        /// Against the dominant beat.
        case correlation(BeatShape.Segment)
        case distance(BeatShape.Segment)
        case energy(BeatShape.Segment)
        case slope
        case spread(BeatShape.Segment)
        case deflection
        /// R's deflection over the deviation of the shape, times the sign of the dominant beat's; and the dominant
        /// beat's.
        case ownDeflection, dominantDeflection
        /// Of the best matching kind: similarity, share of all beats, whether it is the dominant one; and the dominant
        /// one's share.
        case similarity, kindShare, isDominant, dominantShare
        /// Of the best matching kind and of the dominant one: running means of the intervals about their beats.
        case kindPrematurity, kindPause, kindRepetition, dominantPrematurity, dominantPause
        /// Logarithm of the kind's weight, and of the dominant one's over it.
        case kindWeight, dominantOverKindWeight
        /// The kind against the dominant one, and the spread of each.
        case kindCorrelation, kindSpread, kindDistance, kindOwnSpread, dominantOwnSpread
        /// Of the beat alone.
        case ownSlope
        case ownSpread(BeatShape.Segment)
        /// Against the beat before.
        case previousCorrelation(BeatShape.Segment)
        case previousDistance
        /// A number of the beat before: its place among those that are carried on.
        case carried(Int)
        /// The difference from the dominant beat over the energy of that one's QRS.
        case distanceOverQRS(BeatShape.Segment)
        /// The interval over the steady interval, that over the local median, and the mean deviation from it.
        case overSteady, steadyOverMedian, steadyDeviation
        /// How many standard deviations a feature, given by its place in `usualTerms`, lies above what is usual of the
        /// dominant beat; and the mean and the deviation of what is usual.
        case overUsual(Int)
        case usualMean(Int)
        case usualDeviation(Int)
        /// How like the dominant beat the beat before was.
        case previousSimilarity
        case isNoisy, foundBySearchBack
        /// Logarithm of the beats seen, and whether there is a dominant beat yet.
        case beats, hasDominant
    }

    /// In the order in which they stand in the weights file.
    static let terms: [Term] = {
        var terms: [Term] = BeatRhythm.Feature.allCases.map { .rhythm($0) }
        for beatClass in [BeatClass.supraventricular, .ventricular] {
            terms += [.lead(beatClass), .leadOverDominant(beatClass)]
        }
        for segment in [BeatShape.Segment.whole, .qrs] {
            terms += [.correlation(segment), .distance(segment), .energy(segment)]
        }
        terms += [.slope, .spread(.qrs), .spread(.wideQRS), .deflection, .ownDeflection, .dominantDeflection]
        terms += [.similarity, .kindShare, .isDominant, .dominantShare]
        terms += [.ownSlope, .ownSpread(.qrs), .ownSpread(.wideQRS)]
        terms += [.previousCorrelation(.whole), .previousCorrelation(.qrs), .previousDistance, .previousSimilarity]
        terms += [.isNoisy, .foundBySearchBack, .beats, .hasDominant]
        terms += [.kindPrematurity, .kindPause, .kindRepetition, .dominantPrematurity, .dominantPause]
        terms += [.kindWeight, .dominantOverKindWeight]
        terms += [.kindCorrelation, .kindSpread, .kindDistance, .kindOwnSpread, .dominantOwnSpread]
        for segment in [BeatShape.Segment.pWave, .tWave] {
            terms += [.correlation(segment), .distanceOverQRS(segment)]
        }
        terms += carriedTerms.indices.map { .carried($0) }
        terms += [.overSteady, .steadyOverMedian, .steadyDeviation]
        terms += usualTerms.indices.map { .overUsual($0) }
        // In correlation of QRS and P, distance and interval.
        terms += [
            .usualMean(0), .usualMean(1), .usualMean(4), .usualDeviation(1), .usualDeviation(4), .usualDeviation(6),
        ]
        return terms
    }()

    /// What the next beat's features carry on of a beat's.
    private static let carriedTerms: [Term] =
        [.rhythm(.overMedian), .rhythm(.overLongMean), .rhythm(.overPrevious)]
        + [BeatShape.Segment.whole, .qrs].flatMap { [.correlation($0), .distance($0), .energy($0)] }
        + [.slope, .spread(.qrs), .spread(.wideQRS), .deflection, .ownDeflection]

    /// Features of which it is remembered what is usual of the dominant beat.
    static let usualTerms: [Term] = [
        .correlation(.qrs), .distance(.whole), .distance(.qrs), .spread(.wideQRS), .correlation(.pWave), .energy(.qrs),
        .overSteady, .distanceOverQRS(.pWave),
    ]

    /// Where they stand among the features.
    static let carriedPlaces = carriedTerms.map(place), usualPlaces = usualTerms.map(place)

    private static func place(of term: Term) -> Int {
        guard let place = terms.firstIndex(of: term) else { preconditionFailure("what is remembered is a feature") }
        return place
    }

    /// How many there are.
    public static var count: Int { terms.count }

    /// Where those stand that the discriminator's logits enter.
    static var discriminatorPlaces: [Int] {
        terms.indices.filter {
            switch terms[$0] {
            case .lead, .leadOverDominant: true
            default: false
            }
        }
    }

    /// Identifies the features in a weights file: changes whenever a feature does.
    public static let identifier = "context-2"

    /// What the terms of one beat have in common.
    private struct Frame {
        let context: BeatContext
        let shape: BeatShape
        let logits: SIMD4<Float>
        let dominant: BeatMemory.Reference?
        let match: BeatMemory.Match?
        let rhythm: InlineArray<24, Float>
        /// 1 where the dominant beat points up, otherwise -1.
        let sign: Float
        /// The interval before the beat, the steady one and the local median, in s.
        let interval: Float, steady: Float, median: Float

        init(_ shape: BeatShape, logits: SIMD4<Float>, context: BeatContext) {
            self.context = context
            self.shape = shape
            self.logits = logits
            dominant = context.memory.dominant
            match = context.memory.match(shape)
            rhythm = context.memory.rhythm.features(interval: context.interval)
            sign = (dominant?.shape.deflection ?? 0) < 0 ? -1 : 1
            let scale = context.memory.scale(interval: context.interval)
            (interval, steady, median) = (scale.interval, scale.steady, scale.median)
        }
    }

    /// The least energy, mV^2, that ratios are taken over: (10 uV)^2; of slopes (1 uV)^2 a step.
    static let leastEnergy: Float = 1e-4, leastSlope: Float = 1e-6

    /// - Parameters:
    ///   - logits: the discriminator's answer to the window.
    ///   - features: `count` values, overwritten.
    static func write(
        _ shape: BeatShape, logits: SIMD4<Float>, context: BeatContext, into features: UnsafeMutablePointer<Float>
    ) {
        let frame = Frame(shape, logits: logits, context: context)
        for (place, term) in terms.enumerated() { features[place] = value(of: term, frame) }
    }

    /// `count` values.
    public static func values(_ shape: BeatShape, logits: SIMD4<Float>, context: BeatContext) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, count in
            write(shape, logits: logits, context: context, into: buffer.baseAddress!)
            count = Self.count
        }
    }

    private static func value(of term: Term, _ frame: Frame) -> Float {
        let shape = frame.shape
        let memory = frame.context.memory
        switch term {
        case .rhythm(let feature): return frame.rhythm[feature.rawValue]
        case .lead(let beatClass): return lead(of: beatClass, frame.logits)
        case .ownSlope:
            return logf((shape.slopeEnergy(.qrs) + leastSlope) / (shape.energy(.qrs) + leastEnergy))
        case .ownSpread(let segment): return logf(shape.spread(segment))
        case .isNoisy: return frame.context.isNoisy ? 1 : 0
        case .foundBySearchBack: return frame.context.foundBySearchBack ? 1 : 0
        case .beats: return log1pf(Float(memory.beats))
        case .hasDominant: return frame.dominant == nil ? 0 : 1
        case .carried(let place): return memory.carried[place]
        case .previousSimilarity: return memory.previous == nil ? 0 : memory.previousSimilarity
        case .previousCorrelation(let segment): return memory.previous.map { shape.correlation(with: $0, segment) } ?? 0
        case .previousDistance:
            return memory.previous.map { logf(relativeDistance(shape, $0, .whole) + leastDistance) } ?? 0
        default:
            // All others compare with the dominant beat, and are 0 while there is none.
            guard let dominant = frame.dominant, let match = frame.match else { return 0 }
            return value(of: term, frame, dominant, match)
        }
    }

    private static func value(
        of term: Term, _ frame: Frame, _ dominant: BeatMemory.Reference, _ match: BeatMemory.Match
    ) -> Float {
        let shape = frame.shape
        let memory = frame.context.memory
        let other = dominant.shape
        switch term {
        case .leadOverDominant(let beatClass):
            return lead(of: beatClass, frame.logits) - lead(of: beatClass, dominant.logits)
        case .overSteady: return logf(frame.interval / frame.steady)
        case .steadyOverMedian: return logf(frame.steady / frame.median)
        case .steadyDeviation: return memory.steadyDeviation
        case .overUsual(let number):
            guard dominant.usualCount > fewestUsual else { return 0 }
            let difference = value(of: usualTerms[number], frame) - dominant.usualMean[number]
            return min(max(difference / usualScale(dominant, number), -mostUsual), mostUsual)
        case .usualMean(let number): return dominant.usualMean[number]
        case .usualDeviation(let number): return dominant.usualVariance[number].squareRoot()
        case .correlation(let segment): return shape.correlation(with: other, segment)
        case .distance(let segment):
            return logf(relativeDistance(shape, other, segment) + leastDistance)
        case .distanceOverQRS(let segment):
            return logf(shape.distance(to: other, segment) / (other.energy(.qrs) + leastEnergy) + leastShare)
        case .energy(let segment):
            return logf((shape.energy(segment) + leastEnergy) / (other.energy(segment) + leastEnergy))
        case .slope: return logf((shape.slopeEnergy(.qrs) + leastSlope) / (other.slopeEnergy(.qrs) + leastSlope))
        case .spread(let segment): return logf(shape.spread(segment) / other.spread(segment))
        case .deflection:
            return frame.sign * (shape.deflection - other.deflection) / ((other.energy(.qrs)).squareRoot() + 1e-3)
        case .ownDeflection: return frame.sign * shape.deflection / (shape.energy(.whole) + leastEnergy).squareRoot()
        case .dominantDeflection:
            return frame.sign * other.deflection / (other.energy(.whole) + leastEnergy).squareRoot()
        case .similarity: return match.similarity
        case .kindShare: return logf(memory.share(memory.kind(match)))
        case .isDominant: return match.isDominant ? 1 : 0
        case .dominantShare: return logf(memory.share(dominant))
        default: return value(of: term, kind: memory.kind(match), dominant)
        }
    }

    /// From more beats than these on it is known what is usual; and nothing is further from it than so many deviations.
    private static let fewestUsual: Float = 3, mostUsual: Float = 8

    private static func usualScale(_ dominant: BeatMemory.Reference, _ number: Int) -> Float {
        max(dominant.usualVariance[number], 0).squareRoot() + 0.02
    }

    /// What does not depend on the beat itself but for its kind.
    private static func value(
        of term: Term, kind: BeatMemory.Reference, _ dominant: BeatMemory.Reference
    ) -> Float {
        switch term {
        case .kindPrematurity: return kind.prematurity
        case .kindPause: return kind.pause
        case .kindRepetition: return kind.repetition
        case .dominantPrematurity: return dominant.prematurity
        case .dominantPause: return dominant.pause
        case .kindWeight: return log1pf(kind.weight)
        case .dominantOverKindWeight: return logf((dominant.weight + 1) / (kind.weight + 1))
        case .kindCorrelation: return kind.shape.correlation(with: dominant.shape, .whole)
        case .kindSpread: return logf(kind.shape.spread(.wideQRS) / dominant.shape.spread(.wideQRS))
        case .kindDistance: return logf(relativeDistance(kind.shape, dominant.shape, .whole) + leastDistance)
        case .kindOwnSpread: return logf(kind.shape.spread(.wideQRS))
        case .dominantOwnSpread: return logf(dominant.shape.spread(.wideQRS))
        default: preconditionFailure("a term that tells of a kind of beats")
        }
    }

    /// How far the logit of a class leads over that of N.
    private static func lead(of beatClass: BeatClass, _ logits: SIMD4<Float>) -> Float {
        logits[Int(beatClass.rawValue)] - logits[Int(BeatClass.normal.rawValue)]
    }

    /// Below this share of the energy two shapes are as good as the same.
    static let leastDistance: Float = 0.01
    /// The same for parts of a beat, against the energy of its QRS.
    static let leastShare: Float = 1e-3

    static func relativeDistance(
        _ shape: borrowing BeatShape, _ other: borrowing BeatShape, _ segment: BeatShape.Segment
    ) -> Float {
        shape.distance(to: other, segment) / (other.energy(segment) + 1e-6)
    }

    // MARK: Gradient

    /// The gradient with respect to the features as one with respect to shape and logits.
    ///
    /// Which kind matches best is taken as given.
    static func pullBack(
        _ gradient: UnsafePointer<Float>, _ shape: BeatShape, logits: SIMD4<Float>, context: BeatContext
    ) -> (shape: BeatShape, logits: SIMD4<Float>) {
        let frame = Frame(shape, logits: logits, context: context)
        var shapeGradient = BeatShape()
        var logitGradient = SIMD4<Float>.zero
        for (place, term) in terms.enumerated() where gradient[place] != 0 {
            switch term {
            case .lead(let beatClass):
                logitGradient[Int(beatClass.rawValue)] += gradient[place]
                logitGradient[Int(BeatClass.normal.rawValue)] -= gradient[place]
            case .leadOverDominant(let beatClass):
                guard frame.dominant != nil else { continue }
                logitGradient[Int(beatClass.rawValue)] += gradient[place]
                logitGradient[Int(BeatClass.normal.rawValue)] -= gradient[place]
            default: addGradient(of: term, frame, times: gradient[place], into: &shapeGradient)
            }
        }
        return (shapeGradient, logitGradient)
    }

    private static func addGradient(
        of term: Term, _ frame: Frame, times factor: Float, into gradient: inout BeatShape
    ) {
        let shape = frame.shape
        switch term {
        case .ownSlope:
            shape.addSlopeEnergyGradient(.qrs, times: factor / (shape.slopeEnergy(.qrs) + leastSlope), into: &gradient)
            shape.addEnergyGradient(.qrs, times: -factor / (shape.energy(.qrs) + leastEnergy), into: &gradient)
        case .ownSpread(let segment):
            shape.addSpreadGradient(segment, times: factor / shape.spread(segment), into: &gradient)
        case .previousCorrelation(let segment):
            guard let previous = frame.context.memory.previous else { return }
            shape.addCorrelationGradient(with: previous, segment, times: factor, into: &gradient)
        case .previousDistance:
            guard let previous = frame.context.memory.previous else { return }
            addRelativeDistanceGradient(shape, previous, .whole, times: factor, into: &gradient)
        default:
            guard let dominant = frame.dominant, let match = frame.match else { return }
            addGradient(of: term, frame, dominant.shape, match, times: factor, into: &gradient)
        }
    }

    private static func addGradient(
        of term: Term, _ frame: Frame, _ other: BeatShape, _ match: BeatMemory.Match, times factor: Float,
        into gradient: inout BeatShape
    ) {
        let shape = frame.shape
        switch term {
        case .correlation(let segment):
            shape.addCorrelationGradient(with: other, segment, times: factor, into: &gradient)
        case .distance(let segment):
            addRelativeDistanceGradient(shape, other, segment, times: factor, into: &gradient)
        case .overUsual(let number):
            guard let dominant = frame.dominant, dominant.usualCount > fewestUsual,
                abs(value(of: .overUsual(number), frame)) < mostUsual
            else { return }
            addGradient(
                of: usualTerms[number], frame, times: factor / usualScale(dominant, number), into: &gradient)
        case .distanceOverQRS(let segment):
            let scale = other.energy(.qrs) + leastEnergy
            let outer = factor / (shape.distance(to: other, segment) / scale + leastShare)
            shape.addDistanceGradient(to: other, segment, times: outer / scale, into: &gradient)
        case .energy(let segment):
            shape.addEnergyGradient(segment, times: factor / (shape.energy(segment) + leastEnergy), into: &gradient)
        case .slope:
            shape.addSlopeEnergyGradient(.qrs, times: factor / (shape.slopeEnergy(.qrs) + leastSlope), into: &gradient)
        case .spread(let segment):
            shape.addSpreadGradient(segment, times: factor / shape.spread(segment), into: &gradient)
        case .deflection:
            shape.addDeflectionGradient(
                times: factor * frame.sign / (other.energy(.qrs).squareRoot() + 1e-3), into: &gradient)
        case .ownDeflection:
            let energy = shape.energy(.whole) + leastEnergy
            let outer = factor * frame.sign / energy.squareRoot()
            shape.addDeflectionGradient(times: outer, into: &gradient)
            shape.addEnergyGradient(.whole, times: -0.5 * outer * shape.deflection / energy, into: &gradient)
        case .similarity:
            let kind = frame.context.memory.kind(match)
            BeatMemory.addSimilarityGradient(shape, kind.shape, times: factor, into: &gradient)
        // The rest does not depend on the window.
        default: break
        }
    }

    static func addRelativeDistanceGradient(
        _ shape: BeatShape, _ other: BeatShape, _ segment: BeatShape.Segment, times factor: Float,
        into gradient: inout BeatShape
    ) {
        let scale = other.energy(segment) + 1e-6
        let outer = factor / (shape.distance(to: other, segment) / scale + leastDistance)
        shape.addDistanceGradient(to: other, segment, times: outer / scale, into: &gradient)
    }
}
