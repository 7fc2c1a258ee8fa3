public import NeuralNetwork

/// Attacks on windows in [0,1] within an L-infinity ball: those of the paper (section 2.1) and stronger ones.
///
/// All are untargeted and maximize a loss of the given network itself (Eq. 4 and 5 of the paper descend along the
/// gradient of a loss; the sign is assumed to be a typo). Batch normalization is frozen as in the deployed form.
/// Gradient attacks use logits: none sees a softmax, whose saturation would hide the gradient.
public struct WindowAttack: Sendable, Equatable {
    public enum Method: String, Sendable, CaseIterable, Codable {
        /// A single step of epsilon along the sign of the gradient (Eq. 2; Goodfellow et al. 2014).
        case fgsm
        /// Small steps starting from the window itself (Eq. 3; Kurakin et al. 2016).
        case bim
        /// Small steps starting from a random point of the ball, with restarts (Eq. 4; Madry et al. 2017).
        case pgd
        /// Small steps that increase the margin of the best wrong class until it reaches a confidence (Eq. 5-6;
        /// Carlini & Wagner 2017).
        case cw
        /// Momentum steps whose size adapts to each window's progress, maximizing cross-entropy (Croce & Hein 2020).
        case apgdCE = "apgd-ce"
        /// The same, maximizing the difference of logits ratio, which is invariant to scaling of the logits (Croce &
        /// Hein 2020).
        case apgdDLR = "apgd-dlr"
        /// Random intervals, kept if they increase the margin; uses only outputs, no gradient (Andriushchenko et al.
        /// 2020).
        case square
        /// A physiologically smooth perturbation: a Gaussian-smoothed field is optimized (Han et al. 2020).
        case sap
        /// Changes the class and keeps the suspicion below a threshold: an adaptive attacker that knows both heads.
        case joint

        /// Name in tables and figures.
        public var displayName: String {
            switch self {
            case .fgsm: "FGSM"
            case .bim: "BIM"
            case .pgd: "PGD"
            case .cw: "CW"
            case .apgdCE: "APGD-CE"
            case .apgdDLR: "APGD-DLR"
            case .square: "Square"
            case .sap: "SAP"
            case .joint: "joint"
            }
        }

        /// Whether it needs the network's gradient, and therefore its weights.
        public var isGradientBased: Bool { self != .square }

        var defaultIterations: Int {
            switch self {
            case .fgsm: 1
            case .bim, .pgd, .cw: 20
            case .apgdCE, .apgdDLR: 100
            case .square: 5000
            case .sap, .joint: 40
            }
        }

        /// In units of epsilon.
        var defaultStep: Float {
            switch self {
            case .fgsm: 1
            case .bim, .pgd, .cw, .joint: 0.25
            // The initial value of APGD's adaptive step.
            case .apgdCE, .apgdDLR: 2
            case .sap: 0.1
            // Square moves samples to the boundary of the ball.
            case .square: 1
            }
        }
    }

    public var method: Method
    /// Radius of the ball, in units of the [0,1] window.
    public var epsilon: Float
    /// Step size; for APGD and the joint attack, whose steps shrink, the first one. Square does not use it.
    public var step: Float
    /// Steps from each start; for Square, queries.
    public var iterations: Int
    /// Random starts of PGD and APGD; for each window, the one with the largest margin is kept.
    public var restarts: Int
    /// Whether later starts run only on windows not misclassified yet: the same accuracy at less cost, but weaker if
    /// the adversarial examples are transferred to another network.
    public var sparesFallen = false
    /// k of CW (Eq. 6), in logits: the target margin of the best wrong class. The paper does not state it.
    public var confidence: Float = 5
    /// Whether samples are moved before the monitor scales the window, by at most epsilon of the window's range and
    /// without a box: extremes then move, too, and the scaling with them (`RescalingNetwork`).
    public var throughScaling = false
    /// With `throughScaling`: whether the result is left as it is before the scaling, to be written into a signal.
    public var leavesUnscaled = false
    /// The class to which the attack leads; nil: away from the true class. Not for CW and the joint attack.
    public var aim: BeatClass?
    /// The joint attack keeps the suspicion logit below this; 0 is a suspicion of one half.
    public var suspicionThreshold: Float = 0

    /// The defaults are those of the evaluation: epsilon 0.01, 20 iterations of epsilon / 4, PGD with 5 restarts;
    /// APGD with 100 iterations; Square with 5,000 queries; SAP and joint with 40 iterations.
    public init(
        _ method: Method, epsilon: Float = 0.01, step: Float? = nil, iterations: Int? = nil, restarts: Int? = nil
    ) {
        precondition(epsilon >= 0)
        self.method = method
        self.epsilon = epsilon
        self.step = step ?? epsilon * method.defaultStep
        self.iterations = iterations ?? method.defaultIterations
        self.restarts = restarts ?? (method == .pgd ? 5 : 1)
        precondition(self.iterations >= 1 && self.restarts >= 1)
    }

    /// Creates adversarial examples of `windows` (B, 280), each in [0,1] and in the epsilon ball around its window;
    /// with `throughScaling`, in the ball before it is scaled.
    ///
    /// - Parameters:
    ///   - labels: the true classes, which the attack leads away from.
    ///   - generator: source of the random starts and of Square's intervals.
    ///   - attacked: (B, 280), overwritten; must not be `windows`.
    public func perturb(
        _ windows: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, batch: Int, against network: any BeatNetwork,
        using generator: inout SeededGenerator, scratch: AttackScratch, into attacked: UnsafeMutablePointer<Float>
    ) {
        precondition(aim == nil || (method != .cw && method != .joint), "\(method) has no aim")
        guard batch > 0 else { return }
        // An attack head with its own convolutions costs as much as the rest of the network.
        let computedAttackHead = network.computesAttackHead
        network.computesAttackHead = method == .joint
        defer { network.computesAttackHead = computedAttackHead }
        let target = AttackBatch(
            windows: windows, labels: labels, count: batch,
            network: throughScaling ? RescalingNetwork(network) : network,
            box: throughScaling ? AttackBatch.noBox : AttackBatch.unitBox, aim: aim?.rawValue)
        defer {
            if throughScaling, !leavesUnscaled {
                for b in 0..<batch { _ = RescalingNetwork.scale(attacked + b * AttackBatch.length) }
            }
        }
        switch method {
        case .fgsm, .bim: iterateFromWindow(target, .crossEntropy, scratch: scratch, into: attacked)
        case .cw: iterateFromWindow(target, .margin(confidence: confidence), scratch: scratch, into: attacked)
        case .pgd:
            withRestarts(target, using: &generator, scratch: scratch, into: attacked) { part, generator, attacked in
                iterateFromRandomStart(part, .crossEntropy, using: &generator, scratch: scratch, into: attacked)
            }
        case .apgdCE, .apgdDLR:
            let objective = method == .apgdCE ? AttackObjective.crossEntropy : .differenceOfLogitsRatio
            let ascent = APGD(
                epsilon: epsilon, firstStep: step, iterations: iterations, objective: objective)
            withRestarts(target, using: &generator, scratch: scratch, into: attacked) { part, generator, attacked in
                ascent.perturb(part, using: &generator, scratch: scratch, into: attacked)
            }
        case .square:
            SquareAttack(epsilon: epsilon, queries: iterations).perturb(
                target, using: &generator, scratch: scratch, into: attacked)
        case .sap:
            WindowAttack(.pgd, epsilon: epsilon, restarts: 1).iterateFromRandomStart(
                target, .crossEntropy, using: &generator, scratch: scratch, into: attacked)
            SmoothAttack(epsilon: epsilon, step: step, iterations: iterations).perturb(
                target, startingAt: attacked, scratch: scratch, into: attacked)
        case .joint:
            JointAttack(
                epsilon: epsilon, step: step, iterations: iterations, suspicionThreshold: suspicionThreshold
            ).perturb(target, using: &generator, scratch: scratch, into: attacked)
        }
    }
}

/// Buffers of an attack, reused between calls; one per thread.
public final class AttackScratch {
    let classGradient = FloatBuffer(), attackGradient = FloatBuffer()
    let values = FloatBuffer(), margins = FloatBuffer(), candidateMargins = FloatBuffer()
    /// The windows that a restart still works on.
    let standing = CompactedWindows()
    let adaptive = APGD.Scratch()
    let square = SquareAttack.Scratch()
    let smooth = SmoothAttack.Scratch()
    let joint = JointAttack.Scratch()

    public init() {}
}

extension WindowAttack {
    /// Creates adversarial examples of a few windows, each 280 values in [0,1]: a convenience form.
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
