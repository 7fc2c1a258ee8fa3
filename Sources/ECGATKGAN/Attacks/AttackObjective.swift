#if canImport(Glibc)
    import Glibc
#endif

/// What an attack raises, for each window by itself: a function of its four logits.
enum AttackObjective {
    /// The cross-entropy of the true class.
    case crossEntropy
    /// The lead of the best wrong class over the true one, up to `confidence` (Carlini & Wagner 2017).
    case margin(confidence: Float)
    /// The margin over the distance of the largest logit from the third largest (Croce & Hein 2020, Eq. 5).
    case differenceOfLogitsRatio

    /// The value of one window.
    ///
    /// - Parameters:
    ///   - logits: the window's four.
    ///   - gradient: overwritten with the direction in which the value rises. That of the cross-entropy is divided by
    ///     one less the probability of the true class: the same direction, which does not vanish where the softmax
    ///     saturates.
    func evaluate(_ logits: UnsafePointer<Float>, label: Int, gradient: UnsafeMutablePointer<Float>) -> Float {
        let classes = Discriminator.classCount
        let best = Self.bestWrongClass(logits, label: label)
        let margin = logits[best] - logits[label]
        switch self {
        case .crossEntropy:
            var sum: Float = 0
            for c in 0..<classes where c != label {
                gradient[c] = expf(logits[c] - logits[best])
                sum += gradient[c]
            }
            for c in 0..<classes where c != label { gradient[c] /= sum }
            gradient[label] = -1
            // log(1 + e^lead), written so that it does not overflow.
            let lead = logf(sum) + margin
            return max(lead, 0) + log1pf(expf(-abs(lead)))
        case .margin(let confidence):
            let slope: Float = margin < confidence ? 1 : 0
            for c in 0..<classes { gradient[c] = c == best ? slope : (c == label ? -slope : 0) }
            return min(margin, confidence)
        case .differenceOfLogitsRatio:
            let (largest, third) = Self.largestAndThird(logits)
            let spread = logits[largest] - logits[third] + 1e-12
            for c in 0..<classes { gradient[c] = 0 }
            gradient[best] += 1 / spread
            gradient[label] -= 1 / spread
            gradient[largest] -= margin / (spread * spread)
            gradient[third] += margin / (spread * spread)
            return margin / spread
        }
    }

    /// The class with the largest logit but for the true one.
    static func bestWrongClass(_ logits: UnsafePointer<Float>, label: Int) -> Int {
        var best = label == 0 ? 1 : 0
        for c in 0..<Discriminator.classCount where c != label && logits[c] > logits[best] { best = c }
        return best
    }

    /// How far the best wrong class leads; positive where the window is misclassified.
    static func margin(_ logits: UnsafePointer<Float>, label: Int) -> Float {
        logits[bestWrongClass(logits, label: label)] - logits[label]
    }

    private static func largestAndThird(_ logits: UnsafePointer<Float>) -> (largest: Int, third: Int) {
        var order = SIMD4<Int>(0, 1, 2, 3)
        // Three of four places of a selection sort.
        for place in 0..<3 {
            for other in (place + 1)..<4 where logits[order[other]] > logits[order[place]] {
                (order[place], order[other]) = (order[other], order[place])
            }
        }
        return (order[0], order[2])
    }
}
