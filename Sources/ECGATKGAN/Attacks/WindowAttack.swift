public import NeuralNetwork

/// The gradient attacks of the paper (section 2.1) on windows in [0,1], within an L-infinity ball.
///
/// All of them ascend the classification loss of the very network they are given (Eq. 4 of the paper descends; that is taken as
/// a slip), whose batch normalisation is frozen as in the deployed form.
public struct WindowAttack: Sendable, Equatable {
    public enum Method: String, Sendable, CaseIterable {
        /// One step of epsilon along the sign of the gradient (Eq. 2; Goodfellow et al. 2014).
        case fgsm
        /// Small steps from the window itself (Eq. 3; Kurakin et al. 2016).
        case bim
        /// Small steps from a random point of the ball, with restarts (Eq. 4; Madry et al. 2017).
        case pgd
    }

    public var method: Method
    /// Radius of the ball in units of the [0,1] window.
    public var epsilon: Float
    /// Length of one step of BIM and PGD.
    public var step: Float
    public var iterations: Int
    /// Random starts of PGD; the one with the greatest loss is kept for each window.
    public var restarts: Int

    /// The defaults are those of the evaluation: epsilon 0.01, 20 iterations of epsilon / 4; PGD with 5 restarts.
    public init(
        _ method: Method, epsilon: Float = 0.01, step: Float? = nil, iterations: Int? = nil, restarts: Int? = nil
    ) {
        precondition(epsilon >= 0)
        self.method = method
        self.epsilon = epsilon
        self.step = step ?? (method == .fgsm ? epsilon : epsilon / 4)
        self.iterations = iterations ?? (method == .fgsm ? 1 : 20)
        self.restarts = restarts ?? (method == .pgd ? 5 : 1)
    }

    /// Attacked copies of `windows` (B, 280), each in the epsilon ball around its window and in [0,1].
    ///
    /// - Parameters:
    ///   - labels: the classes that the attack leads away from.
    ///   - attacked: (B, 280), overwritten.
    public func perturb(
        _ windows: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, batch: Int, against network: any BeatNetwork,
        using generator: inout SeededGenerator, scratch: AttackScratch, into attacked: UnsafeMutablePointer<Float>
    ) {
        let length = Discriminator.windowLength, classes = Discriminator.classCount
        let count = batch * length
        let gradient = scratch.gradient.reserve(batch * classes)
        if method != .pgd || restarts <= 1 {
            start(windows, attacked, count, &generator)
            ascend(windows, labels, batch, network, gradient, attacked)
            return
        }
        let candidate = scratch.candidate.reserve(count), loss = scratch.loss.reserve(batch)
        for restart in 0..<restarts {
            start(windows, candidate, count, &generator)
            ascend(windows, labels, batch, network, gradient, candidate)
            let logits = network.forward(candidate, batch: batch, mode: .runningStatistics).classLogits
            for b in 0..<batch {
                let own = logits[b * classes + Int(labels[b])]
                var other = -Float.infinity
                for c in 0..<classes where c != Int(labels[b]) { other = max(other, logits[b * classes + c]) }
                // The margin orders the restarts as the loss does, without its saturation.
                if restart == 0 || other - own > loss[b] {
                    loss[b] = other - own
                    (attacked + b * length).update(from: candidate + b * length, count: length)
                }
            }
        }
    }

    private func start(
        _ windows: UnsafePointer<Float>, _ attacked: UnsafeMutablePointer<Float>, _ count: Int,
        _ generator: inout SeededGenerator
    ) {
        attacked.update(from: windows, count: count)
        guard method == .pgd else { return }
        for i in 0..<count {
            attacked[i] = min(max(windows[i] + epsilon * (2 * generator.nextUniform() - 1), 0), 1)
        }
    }

    private func ascend(
        _ windows: UnsafePointer<Float>, _ labels: UnsafePointer<UInt8>, _ batch: Int, _ network: any BeatNetwork,
        _ classGradient: UnsafeMutablePointer<Float>, _ attacked: UnsafeMutablePointer<Float>
    ) {
        let count = batch * Discriminator.windowLength
        for _ in 0..<iterations {
            let output = network.forward(attacked, batch: batch, mode: .runningStatistics)
            _ = Loss.crossEntropy(
                logits: output.classLogits, labels: labels, batch: batch, classes: Discriminator.classCount,
                gradient: classGradient)
            let slope = network.inputGradient(batch: batch, classGradient: classGradient)
            for i in 0..<count {
                let sign: Float = slope[i] > 0 ? 1 : (slope[i] < 0 ? -1 : 0)
                let low = max(windows[i] - epsilon, 0), high = min(windows[i] + epsilon, 1)
                attacked[i] = min(max(attacked[i] + step * sign, low), high)
            }
        }
    }
}

/// Memory of an attack, kept between calls; one for each thread.
public final class AttackScratch {
    let gradient = FloatBuffer(), candidate = FloatBuffer(), loss = FloatBuffer()

    public init() {}
}

extension WindowAttack {
    /// Attacked copies of a few windows, each 280 values in [0,1]: the convenient form.
    public func perturb(
        _ windows: [[Float]], labels: [BeatClass], against network: any BeatNetwork, seed: UInt64
    ) -> [[Float]] {
        precondition(windows.count == labels.count && windows.allSatisfy { $0.count == Discriminator.windowLength })
        guard !windows.isEmpty else { return [] }
        var generator = SeededGenerator(seed: seed)
        let flat = windows.flatMap { $0 }
        var attacked = flat
        attacked.withUnsafeMutableBufferPointer { attacked in
            flat.withUnsafeBufferPointer { flat in
                perturb(
                    flat.baseAddress!, labels: labels.map(\.rawValue), batch: windows.count, against: network,
                    using: &generator, scratch: AttackScratch(), into: attacked.baseAddress!)
            }
        }
        return stride(from: 0, to: attacked.count, by: Discriminator.windowLength).map {
            Array(attacked[$0..<($0 + Discriminator.windowLength)])
        }
    }
}
