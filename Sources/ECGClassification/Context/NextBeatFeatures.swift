internal import ECGATKGAN

#if canImport(Glibc)
    import Glibc
#endif

/// What is kept of a pending beat until the next one: a few hundred bytes instead of its whole context.
public struct PendingContext: Sendable, Codable {
    var morphology: BeatMorphology
    /// The dominant template before this beat; nil if there was none.
    var dominant: BeatMorphology?
    var scale: RRHistory.Scale

    public init(morphology: BeatMorphology, context: BeatContext) {
        self.morphology = morphology
        dominant = context.templates.dominant?.morphology
        scale = context.templates.scale(interval: context.interval)
    }
}

extension ContextualFeatures {
    /// Meaning of a feature of the next beat.
    enum NextTerm: Sendable, Hashable {
        /// 1 if it came in time, otherwise 0.
        case isKnown
        /// The interval to the next beat over the local median, the interval before this beat, the long-term mean,
        /// the 90th percentile of the last 64, the steady interval and the mean of all so far; and the sum of both
        /// intervals over twice the median and over twice the steady interval. All are logarithms; without a next
        /// beat, `maximumInterval` is used.
        case overMedian, overInterval, overLongMean, overNineTenths, pairOverMedian, overSteady, pairOverSteady,
            overWholeMean
        /// 1 if the next beat belongs to the same template, and to the dominant template.
        case isOfSameTemplate, isOfDominantTemplate
        /// The two beats compared with each other.
        case correlation(BeatMorphology.Segment)
        case distance
        /// The next beat compared with the dominant template.
        case dominantCorrelation(BeatMorphology.Segment)
        case dominantDistance(BeatMorphology.Segment)
        case dominantSpread, dominantEnergy
        case dominantSimilarity, dominantPWave
    }

    static let nextTerms: [NextTerm] = [
        .isKnown, .overMedian, .overInterval, .overLongMean, .overNineTenths, .pairOverMedian,
        .correlation(.whole), .correlation(.qrs), .distance,
        .dominantCorrelation(.whole), .dominantCorrelation(.qrs), .dominantCorrelation(.pWave),
        .dominantDistance(.whole), .dominantDistance(.qrs), .dominantSpread, .dominantEnergy, .dominantSimilarity,
        .dominantPWave,
        .overSteady, .pairOverSteady, .isOfSameTemplate, .isOfDominantTemplate, .overWholeMean,
    ]

    /// Index of a feature among those of the next beat.
    static func placeOfNext(_ term: NextTerm) -> Int {
        guard let place = nextTerms.firstIndex(of: term) else { preconditionFailure("what is looked up is a feature") }
        return place
    }

    /// Number of second-stage features: those of the first stage, then those of the next beat.
    public static var countWithNext: Int { count + nextTerms.count }

    /// Maximum interval, in s, to a next beat whose window is complete before the wait ends: the shortest interval
    /// that is not known.
    private static let maximumInterval = Float(ContextualClassifier.maximumWaitSeconds) - 0.389

    /// The additional inputs of the second stage.
    public static func nextValues(_ pending: PendingContext, next: NextBeat?) -> [Float] {
        nextTerms.map { value(of: $0, pending, next) }
    }

    private static func value(of term: NextTerm, _ pending: PendingContext, _ next: NextBeat?) -> Float {
        let interval = next.map { RRHistory.clampedInterval($0.interval) } ?? maximumInterval
        switch term {
        case .isKnown: return next == nil ? 0 : 1
        case .overMedian: return logf(interval / pending.scale.median)
        case .overInterval: return logf(interval / pending.scale.interval)
        case .overLongMean: return logf(interval / pending.scale.longMean)
        case .overWholeMean: return logf(interval / pending.scale.wholeMean)
        case .overNineTenths: return logf(interval / pending.scale.nineTenths)
        case .pairOverMedian: return logf((interval + pending.scale.interval) / (2 * pending.scale.median))
        case .overSteady: return logf(interval / pending.scale.steady)
        case .pairOverSteady: return logf((interval + pending.scale.interval) / (2 * pending.scale.steady))
        case .isOfSameTemplate: return next?.isOfSameTemplate == true ? 1 : 0
        case .isOfDominantTemplate: return next?.isOfDominantTemplate == true ? 1 : 0
        default: break
        }
        guard let other = next?.morphology else { return 0 }
        switch term {
        case .correlation(let segment): return pending.morphology.correlation(with: other, segment)
        case .distance: return logf(relativeDistance(pending.morphology, other, .whole) + minimumDistance)
        default: break
        }
        guard let dominant = pending.dominant else { return 0 }
        switch term {
        case .dominantCorrelation(let segment): return other.correlation(with: dominant, segment)
        case .dominantDistance(let segment): return logf(relativeDistance(other, dominant, segment) + minimumDistance)
        case .dominantSpread: return logf(other.spread(.wideQRS) / dominant.spread(.wideQRS))
        case .dominantEnergy:
            return logf((other.energy(.qrs) + minimumEnergy) / (dominant.energy(.qrs) + minimumEnergy))
        case .dominantSimilarity: return BeatTemplates.similarity(other, dominant)
        case .dominantPWave:
            return logf(other.distance(to: dominant, .pWave) / (dominant.energy(.qrs) + minimumEnergy) + minimumShare)
        default: return 0
        }
    }

    /// Adds the gradient with respect to the beat's own morphology; the next beat is treated as constant.
    static func addNextGradient(
        _ gradient: ArraySlice<Float>, _ pending: PendingContext, next: NextBeat?,
        into shapeGradient: inout BeatMorphology
    ) {
        guard let other = next?.morphology else { return }
        for (term, factor) in zip(nextTerms, gradient) where factor != 0 {
            switch term {
            case .correlation(let segment):
                pending.morphology.addCorrelationGradient(with: other, segment, times: factor, into: &shapeGradient)
            case .distance:
                addRelativeDistanceGradient(pending.morphology, other, .whole, times: factor, into: &shapeGradient)
            // The remaining terms do not depend on the beat's own window.
            default: break
            }
        }
    }
}
