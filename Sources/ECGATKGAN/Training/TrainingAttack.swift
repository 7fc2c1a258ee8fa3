internal import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// The attacks of one training step. Every window of a batch gets its own attack kind, radius and start, and all are
/// advanced together, so that a mixture costs no more than a single attack.
///
/// A network trained against only one attack withstands and detects only that one.
struct TrainingAttack {
    enum Kind: Int, CaseIterable {
        /// From a random point of the ball, maximizing cross-entropy (Madry et al. 2017).
        case pgd
        /// Starting from the window itself (Kurakin et al. 2016).
        case bim
        /// A single step (Goodfellow et al. 2014).
        case fgsm
        /// Maximizes the margin of the best wrong class (Carlini & Wagner 2017), which does not flatten out when the
        /// loss saturates.
        case margin
        /// Increases the cross-entropy and decreases the suspicion: an adaptive attacker that knows both heads.
        case joint
        /// A smooth perturbation (Han et al. 2020): a field that is convolved as in `SmoothAttack` and added to the
        /// window.
        case smooth
    }

    /// Attack kinds of twenty successive windows, for a network that learns robustness.
    static let towardsOtherClasses: [Kind] = [
        .pgd, .margin, .pgd, .pgd, .pgd, .margin, .pgd, .pgd, .smooth, .margin,
        .pgd, .margin, .pgd, .pgd, .pgd, .margin, .bim, .pgd, .smooth, .pgd,
    ]
    /// The same for a network whose attack head learns detection.
    static let ofEveryKind: [Kind] = [
        .pgd, .bim, .smooth, .margin, .pgd, .joint, .pgd, .smooth, .pgd, .bim,
        .smooth, .fgsm, .pgd, .margin, .pgd, .joint, .pgd, .bim, .smooth, .smooth,
    ]

    var epsilon: Float
    var iterations: Int
    /// Assigned to the windows of a batch in turn.
    var mixture: [Kind]
    /// Whether samples are moved before the window is scaled, as in `WindowAttack`.
    var throughScaling = false

    /// Buffers reused between steps; one per thread.
    final class Scratch {
        let classGradient = FloatBuffer(), attackGradient = FloatBuffer()
        /// Fields of the smooth perturbations, one per window of the batch, and one convolved gradient.
        let fields = FloatBuffer(), smoothed = FloatBuffer()
        var kinds: [Kind] = [], radii: [Float] = []
    }

    /// Creates adversarial examples of `windows` (B, 280) against the network's current weights, with frozen
    /// statistics.
    func perturb(
        _ windows: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, batch: Int, against network: Discriminator,
        using generator: inout SeededGenerator, scratch: Scratch, into attacked: UnsafeMutablePointer<Float>
    ) {
        let length = Discriminator.windowLength
        let classes = Discriminator.classCount
        let box = throughScaling ? AttackBatch.noBox : AttackBatch.unitBox
        let target: any BeatNetwork = throughScaling ? RescalingNetwork(network) : network
        let offset = Int(generator.next() % UInt64(mixture.count))
        scratch.kinds = (0..<batch).map { mixture[($0 + offset) % mixture.count] }
        // Mostly the full radius, sometimes less: small perturbations must be withstood and detected too.
        scratch.radii = (0..<batch).map { _ in
            generator.nextUniform() < 0.75 ? epsilon : epsilon * (0.25 + 0.75 * generator.nextUniform())
        }
        for b in 0..<batch {
            let from = windows + b * length
            let to = attacked + b * length
            let isRandom = scratch.kinds[b] == .pgd || scratch.kinds[b] == .joint
            for i in 0..<length {
                let start = isRandom ? scratch.radii[b] * (2 * generator.nextUniform() - 1) : 0
                to[i] = min(max(from[i] + start, box.lowerBound), box.upperBound)
            }
            if isRandom, throughScaling {
                AttackBatch.moveExtremesInwards(to, from, 1, by: scratch.radii[b], using: &generator)
            }
        }
        let classGradient = scratch.classGradient.reserve(batch * classes)
        let attackGradient = scratch.attackGradient.reserve(batch)
        let fields = scratch.fields.reserve(batch * length)
        let smoothed = scratch.smoothed.reserve(length)
        fields.update(repeating: 0, count: batch * length)
        let needsAttackHead = scratch.kinds.contains(.joint)
        network.computesAttackHead = needsAttackHead
        defer { network.computesAttackHead = true }
        for iteration in 0..<iterations {
            let output = target.forward(attacked, batch: batch, mode: .runningStatistics)
            _ = Loss.crossEntropy(
                logits: output.classLogits, labels: labels, batch: batch, classes: classes, gradient: classGradient)
            for b in 0..<batch {
                attackGradient[b] = 0
                switch scratch.kinds[b] {
                case .margin:
                    marginGradient(
                        output.classLogits + b * classes, label: Int(labels[b]), into: classGradient + b * classes)
                case .joint:
                    if let logits = output.attackLogits {
                        attackGradient[b] = -Activation.sigmoid(logits[b]) / Float(batch)
                    }
                default: break
                }
            }
            let slope = target.backward(
                batch: batch, classGradient: classGradient, attackGradient: needsAttackHead ? attackGradient : nil,
                realGradient: nil, gradients: nil, needsInputGradient: true)
            for b in 0..<batch {
                let kind = scratch.kinds[b]
                let radius = scratch.radii[b]
                if kind == .fgsm && iteration > 0 { continue }
                let step = kind == .fgsm ? radius : radius / Float(iterations) * 1.5
                let direction = slope + b * length
                let from = windows + b * length
                let to = attacked + b * length
                if kind == .smooth {
                    let field = fields + b * length
                    // With zero padding, the convolution is its own transpose.
                    SmoothAttack.convolve(direction, into: smoothed)
                    for i in 0..<length {
                        let sign: Float = smoothed[i] > 0 ? 1 : (smoothed[i] < 0 ? -1 : 0)
                        field[i] = min(max(field[i] + step * sign, -radius), radius)
                    }
                    SmoothAttack.convolve(field, into: smoothed)
                    for i in 0..<length { to[i] = min(max(from[i] + smoothed[i], box.lowerBound), box.upperBound) }
                    continue
                }
                for i in 0..<length {
                    let sign: Float = direction[i] > 0 ? 1 : (direction[i] < 0 ? -1 : 0)
                    let low = max(from[i] - radius, box.lowerBound)
                    let high = min(from[i] + radius, box.upperBound)
                    to[i] = min(max(to[i] + step * sign, low), high)
                }
            }
        }
        if throughScaling { for b in 0..<batch { _ = RescalingNetwork.scale(attacked + b * length) } }
    }

    private func marginGradient(_ logits: UnsafePointer<Float>, label: Int, into gradient: UnsafeMutablePointer<Float>)
    {
        var best = label == 0 ? 1 : 0
        for c in 0..<Discriminator.classCount where c != label && logits[c] > logits[best] { best = c }
        for c in 0..<Discriminator.classCount { gradient[c] = c == best ? 1 : (c == label ? -1 : 0) }
    }
}
