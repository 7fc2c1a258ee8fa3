public import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// Randomised smoothing (Cohen, Rosenfeld & Kolter 2019, "Certified adversarial robustness via randomized smoothing"):
/// the class that a network most often gives to a window with Gaussian noise cannot be changed by any perturbation
/// below a radius in L2 that follows from how often it gives it.
///
/// The certificate is of this smoothed classifier, not of the network's own answer without noise.
public struct RandomizedSmoothing: Sendable, Equatable {
    /// Standard deviation of the noise, in units of the window's range, above 0.
    public var deviation: Float
    /// Draws that choose the class, and those that certify it.
    public var selectionDraws: Int
    public var draws: Int
    /// Chance that a certificate is wrong.
    public var alpha: Double
    /// Whether noise and perturbation come before the monitor's scaling to [0,1] (`RescalingNetwork`).
    public var throughScaling: Bool

    /// Windows of one network pass.
    static let batch = 100

    public init(
        deviation: Float = 0.06, selectionDraws: Int = 100, draws: Int = 3_500, alpha: Double = 0.001,
        throughScaling: Bool = false
    ) {
        precondition(deviation > 0 && selectionDraws >= 1 && draws >= 1 && alpha > 0 && alpha < 1)
        self.deviation = deviation
        self.selectionDraws = selectionDraws
        self.draws = draws
        self.alpha = alpha
        self.throughScaling = throughScaling
    }

    /// What is known of one window.
    public struct Certificate: Sendable, Equatable, Codable {
        /// The class chosen, as `BeatClass` counts them.
        public var label: UInt8
        /// No perturbation with an L2 norm below this changes the class; nil: the smoothed classifier abstains.
        public var radius: Double?

        public init(label: UInt8, radius: Double?) {
            self.label = label
            self.radius = radius
        }

        /// Whether the class is certified to be `label` under every perturbation of this L2 norm.
        public func holds(_ label: UInt8, at norm: Double) -> Bool {
            self.label == label && (radius.map { $0 > norm || (norm == 0 && $0 >= 0) } ?? false)
        }
    }

    /// Certifies one window (280) in [0,1].
    ///
    /// - Parameters:
    ///   - network: used by the calling thread only.
    ///   - generator: source of the noise.
    public func certify(
        _ window: UnsafePointer<Float>, against network: any BeatNetwork, using generator: inout SeededGenerator,
        scratch: FloatBuffer
    ) -> Certificate {
        let computedAttackHead = network.computesAttackHead
        network.computesAttackHead = false
        defer { network.computesAttackHead = computedAttackHead }
        let base = throughScaling ? RescalingNetwork(network) : network
        let selection = counts(window, base, selectionDraws, &generator, scratch)
        let label = selection.indices.max { selection[$0] < selection[$1] } ?? 0
        let answers = counts(window, base, draws, &generator, scratch)
        let least = BinomialBound.lower(successes: answers[label], of: draws, alpha: alpha)
        return Certificate(
            label: UInt8(label), radius: least > 0.5 ? Double(deviation) * BinomialBound.normalQuantile(least) : nil)
    }

    /// How often the network gives each class under noise.
    private func counts(
        _ window: UnsafePointer<Float>, _ network: any BeatNetwork, _ draws: Int, _ generator: inout SeededGenerator,
        _ scratch: FloatBuffer
    ) -> [Int] {
        let length = Discriminator.windowLength
        let classes = Discriminator.classCount
        let noisy = scratch.reserve(Self.batch * length)
        var counts = [Int](repeating: 0, count: classes)
        var left = draws
        while left > 0 {
            let size = min(left, Self.batch)
            for b in 0..<size {
                let row = noisy + b * length
                // Box & Muller give two at a time.
                for i in stride(from: 0, to: length - 1, by: 2) {
                    let reach = deviation * (-2 * logf(1 - generator.nextUniform())).squareRoot()
                    let angle = 2 * Float.pi * generator.nextUniform()
                    row[i] = window[i] + reach * cosf(angle)
                    row[i + 1] = window[i + 1] + reach * sinf(angle)
                }
            }
            let logits = network.forward(noisy, batch: size, mode: .runningStatistics).classLogits
            for b in 0..<size {
                var best = 0
                for c in 1..<classes where logits[b * classes + c] > logits[b * classes + best] { best = c }
                counts[best] += 1
            }
            left -= size
        }
        return counts
    }
}
