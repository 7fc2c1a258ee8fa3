public import EC57

#if canImport(Glibc)
    import Glibc
#endif

/// The four heartbeat classes of the paper (section 3.1): the AAMI EC57 classes without Q.
///
/// The raw value is the class index in every probability vector, label and softmax head.
public enum BeatClass: UInt8, Sendable, CaseIterable, Codable {
    /// Normal and bundle branch block beats, atrial and nodal escape beats.
    case normal = 0
    /// Supraventricular ectopic beats.
    case supraventricular = 1
    /// Ventricular ectopic beats.
    case ventricular = 2
    /// Fusion of a ventricular and a normal beat.
    case fusion = 3

    /// The class's letter in the paper, in EC57 and in MIT annotation files: N, S, V or F.
    public var letter: Character {
        switch self {
        case .normal: "N"
        case .supraventricular: "S"
        case .ventricular: "V"
        case .fusion: "F"
        }
    }

    /// The class of a beat annotation of the MIT-BIH databases, by the table of `EC57Class`; `nil` for paced and
    /// unclassifiable beats (/ f Q) and for annotations that are not beats.
    public init?(annotationSymbol symbol: Character) {
        guard let beatClass = EC57Class(annotationSymbol: symbol) else { return nil }
        self.init(beatClass)
    }

    /// `nil` for Q, which the paper omits.
    public init?(_ beatClass: EC57Class) {
        switch beatClass {
        case .normal: self = .normal
        case .supraventricular: self = .supraventricular
        case .ventricular: self = .ventricular
        case .fusion: self = .fusion
        case .unclassifiable: return nil
        }
    }
}

/// The discriminator's result for one beat window.
public struct BeatClassification: Sendable, Equatable {
    /// Softmax over N, S, V, F; sums to 1.
    public var probabilities: SIMD4<Float>
    /// 0 (clean) ... 1 (attacked): the sigmoid of the attack-identification head.
    public var attackSuspicion: Float
    /// The logits of `probabilities`. They still distinguish values that the softmax rounds to 0 or 1.
    public var logits: SIMD4<Float>

    /// - Parameter logits: if nil, the logarithms of the probabilities, clamped below at 1e-12.
    public init(probabilities: SIMD4<Float>, attackSuspicion: Float, logits: SIMD4<Float>? = nil) {
        self.probabilities = probabilities
        self.attackSuspicion = attackSuspicion
        if let logits {
            self.logits = logits
        } else {
            self.logits = .zero
            for i in 0..<4 { self.logits[i] = logf(max(probabilities[i], 1e-12)) }
        }
    }

    /// The most probable class; on a tie, the first in the order N, S, V, F.
    public var beatClass: BeatClass {
        var best = BeatClass.normal
        for candidate in BeatClass.allCases
        where probabilities[Int(candidate.rawValue)] > probabilities[Int(best.rawValue)] {
            best = candidate
        }
        return best
    }
}
