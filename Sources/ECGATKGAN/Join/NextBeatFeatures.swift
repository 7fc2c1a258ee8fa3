#if canImport(Glibc)
    import Glibc
#endif

/// What a beat that waits for the next one keeps until then: some hundreds of bytes in place of its whole context.
public struct HeldContext: Sendable, Codable {
    var shape: BeatShape
    /// The dominant beat as it was before this one; nil: there was none.
    var dominant: BeatShape?
    var scale: BeatRhythm.Scale

    public init(shape: BeatShape, context: BeatContext) {
        self.shape = shape
        dominant = context.memory.dominant?.shape
        scale = context.memory.scale(interval: context.interval)
    }
}

extension JoinFeatures {
    /// What a number about the next beat is.
    enum NextTerm: Sendable, Hashable {
        /// 1 where there is one in time, otherwise 0.
        case isKnown
        /// The interval to it over the local median, over the interval before this beat, over the long mean, over nine
        /// tenths of the last 64, over the steady interval; and both intervals together over twice the median and the
        /// steady interval. Logarithms; the longest that is waited for if there is none.
        case overMedian, overInterval, overLongMean, overNineTenths, pairOverMedian, overSteady, pairOverSteady
        /// 1 where the next beat is of the same kind, and of the dominant one.
        case isOfSameKind, isOfDominantKind
        /// The two beats against each other.
        case correlation(BeatShape.Segment)
        case distance
        /// The next beat against the dominant one.
        case dominantCorrelation(BeatShape.Segment)
        case dominantDistance(BeatShape.Segment)
        case dominantSpread, dominantEnergy
        case dominantSimilarity, dominantPWave
    }

    static let nextTerms: [NextTerm] = [
        .isKnown, .overMedian, .overInterval, .overLongMean, .overNineTenths, .pairOverMedian,
        .correlation(.whole), .correlation(.qrs), .distance,
        .dominantCorrelation(.whole), .dominantCorrelation(.qrs), .dominantCorrelation(.pWave),
        .dominantDistance(.whole), .dominantDistance(.qrs), .dominantSpread, .dominantEnergy, .dominantSimilarity,
        .dominantPWave,
        .overSteady, .pairOverSteady, .isOfSameKind, .isOfDominantKind,
    ]

    /// The features of the second stage: those of the first, then those of the next beat.
    public static var countWithNext: Int { count + nextTerms.count }

    /// Where the next beat's window would begin at the latest, in s: the shortest interval that is not known.
    private static let longestInterval = Float(JoinNetwork.longestWaitSeconds) - 0.389

    /// What the second stage takes besides.
    public static func nextValues(_ held: HeldContext, next: NextBeat?) -> [Float] {
        nextTerms.map { value(of: $0, held, next) }
    }

    private static func value(of term: NextTerm, _ held: HeldContext, _ next: NextBeat?) -> Float {
        let interval = next.map { BeatRhythm.clampedInterval($0.interval) } ?? longestInterval
        switch term {
        case .isKnown: return next == nil ? 0 : 1
        case .overMedian: return logf(interval / held.scale.median)
        case .overInterval: return logf(interval / held.scale.interval)
        case .overLongMean: return logf(interval / held.scale.longMean)
        case .overNineTenths: return logf(interval / held.scale.nineTenths)
        case .pairOverMedian: return logf((interval + held.scale.interval) / (2 * held.scale.median))
        case .overSteady: return logf(interval / held.scale.steady)
        case .pairOverSteady: return logf((interval + held.scale.interval) / (2 * held.scale.steady))
        case .isOfSameKind: return next?.isOfSameKind == true ? 1 : 0
        case .isOfDominantKind: return next?.isOfDominantKind == true ? 1 : 0
        default: break
        }
        guard let other = next?.shape else { return 0 }
        switch term {
        case .correlation(let segment): return held.shape.correlation(with: other, segment)
        case .distance: return logf(relativeDistance(held.shape, other, .whole) + leastDistance)
        default: break
        }
        guard let dominant = held.dominant else { return 0 }
        switch term {
        case .dominantCorrelation(let segment): return other.correlation(with: dominant, segment)
        case .dominantDistance(let segment): return logf(relativeDistance(other, dominant, segment) + leastDistance)
        case .dominantSpread: return logf(other.spread(.wideQRS) / dominant.spread(.wideQRS))
        case .dominantEnergy: return logf((other.energy(.qrs) + leastEnergy) / (dominant.energy(.qrs) + leastEnergy))
        case .dominantSimilarity: return BeatMemory.similarity(other, dominant)
        case .dominantPWave:
            return logf(other.distance(to: dominant, .pWave) / (dominant.energy(.qrs) + leastEnergy) + leastShare)
        default: return 0
        }
    }

    /// Adds the gradient with respect to the beat's own shape; the next beat is taken as given.
    static func addNextGradient(
        _ gradient: ArraySlice<Float>, _ held: HeldContext, next: NextBeat?, into shapeGradient: inout BeatShape
    ) {
        guard let other = next?.shape else { return }
        for (term, factor) in zip(nextTerms, gradient) where factor != 0 {
            switch term {
            case .correlation(let segment):
                held.shape.addCorrelationGradient(with: other, segment, times: factor, into: &shapeGradient)
            case .distance: addRelativeDistanceGradient(held.shape, other, .whole, times: factor, into: &shapeGradient)
            // The rest does not depend on the beat's own window.
            default: break
            }
        }
    }
}
