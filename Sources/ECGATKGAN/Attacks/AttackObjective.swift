#if canImport(Glibc)
    import Glibc
#endif

/// The objective that an attack maximizes for each window: a function of its four logits.
enum AttackObjective {
    /// Cross-entropy of the true class.
    case crossEntropy
    /// Margin of the best wrong class over the true one, up to `confidence` (Carlini & Wagner 2017).
    case margin(confidence: Float)
    /// The margin over the difference between the largest and the third-largest logit (Croce & Hein 2020, Eq. 5).
    case differenceOfLogitsRatio

    /// The objective of one window.
    ///
    /// - Parameters:
    ///   - logits: the window's four logits.
    ///   - gradient: overwritten with the ascent direction. For the cross-entropy it is divided by one minus the
    ///     probability of the true class: the direction is the same, but does not vanish when the softmax saturates.
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
            // log(1 + e^lead), written to avoid overflow.
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

    /// The class with the largest logit other than the true one.
    static func bestWrongClass(_ logits: UnsafePointer<Float>, label: Int) -> Int {
        var best = label == 0 ? 1 : 0
        for c in 0..<Discriminator.classCount where c != label && logits[c] > logits[best] { best = c }
        return best
    }

    /// Margin of the best wrong class; positive if the window is misclassified.
    static func margin(_ logits: UnsafePointer<Float>, label: Int) -> Float {
        logits[bestWrongClass(logits, label: label)] - logits[label]
    }

    private static func largestAndThird(_ logits: UnsafePointer<Float>) -> (largest: Int, third: Int) {
        var order = SIMD4<Int>(0, 1, 2, 3)
        // The first three of four steps of a selection sort.
        for place in 0..<3 {
            for other in (place + 1)..<4 where logits[order[other]] > logits[order[place]] {
                (order[place], order[other]) = (order[other], order[place])
            }
        }
        return (order[0], order[2])
    }
}
