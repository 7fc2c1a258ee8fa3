public import NeuralNetwork

/// One attack, or several, of which the worst result for each window counts.
public struct AttackSequence: Sendable, Equatable {
    public let attacks: [WindowAttack]
    /// Whether the first attack runs on every window; the others run only on windows still classified correctly.
    let beginsWithAll: Bool

    /// No attack.
    public static let none = AttackSequence(attacks: [], beginsWithAll: false)

    private init(attacks: [WindowAttack], beginsWithAll: Bool) {
        self.attacks = attacks
        self.beginsWithAll = beginsWithAll
    }

    /// One attack on every window.
    public init(_ attack: WindowAttack) {
        self.init(attacks: [attack], beginsWithAll: true)
    }

    /// The worst case of several attacks; each runs only on windows still classified correctly.
    public init(worstOf attacks: [WindowAttack]) {
        self.init(attacks: attacks, beginsWithAll: false)
    }

    /// Includes every parameter, so that results with different parameters are told apart.
    public var identifier: String {
        guard !attacks.isEmpty else { return "none" }
        return (beginsWithAll ? "on all: " : "on standing: ")
            + attacks.map { String(describing: $0) }.joined(separator: "; ")
    }
}

/// Runs attack sequences against one network; one per thread.
public final class SequenceAttacker {
    private let network: any BeatNetwork
    private let scratch = AttackScratch()
    private let packed = FloatBuffer(), candidate = FloatBuffer(), margins = FloatBuffer()

    /// - Parameter network: the caller's own replica.
    public init(_ network: any BeatNetwork) {
        self.network = network
    }

    /// Creates adversarial examples of `windows` (B, 280) against the network.
    ///
    /// - Parameters:
    ///   - labels: the true classes, which the attacks lead away from.
    ///   - attacked: (B, 280), overwritten.
    public func craft(
        _ sequence: AttackSequence, on windows: UnsafePointer<Float>, labels: [UInt8],
        using generator: inout SeededGenerator, into attacked: UnsafeMutablePointer<Float>
    ) {
        let length = Discriminator.windowLength
        let batch = labels.count
        attacked.update(from: windows, count: batch * length)
        var rest = sequence.attacks[...]
        if sequence.beginsWithAll, let first = rest.popFirst() {
            first.perturb(
                windows, labels: labels, batch: batch, against: network, using: &generator, scratch: scratch,
                into: attacked)
        }
        guard !rest.isEmpty else { return }
        let best = margins.reserve(batch)
        measureMargins(attacked, labels: labels, into: best)
        for attack in rest {
            let standing = labels.indices.filter { best[$0] <= 0 }
            guard !standing.isEmpty else { return }
            let source = packed.reserve(standing.count * length)
            let target = candidate.reserve(standing.count * length)
            for (place, index) in standing.enumerated() {
                (source + place * length).update(from: windows + index * length, count: length)
            }
            let ownLabels = standing.map { labels[$0] }
            attack.perturb(
                source, labels: ownLabels, batch: standing.count, against: network, using: &generator,
                scratch: scratch, into: target)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: standing.count) { found in
                guard let base = found.baseAddress else { return }
                measureMargins(target, labels: ownLabels, into: base)
                for (place, index) in standing.enumerated() where base[place] > best[index] {
                    best[index] = base[place]
                    (attacked + index * length).update(from: target + place * length, count: length)
                }
            }
        }
    }

    /// The largest logit of any other class minus that of the true class; positive if misclassified.
    private func measureMargins(
        _ windows: UnsafePointer<Float>, labels: [UInt8], into margins: UnsafeMutablePointer<Float>
    ) {
        let classes = Discriminator.classCount
        let logits = network.forward(windows, batch: labels.count, mode: .runningStatistics).classLogits
        for (item, label) in labels.enumerated() {
            var other = -Float.infinity
            for c in 0..<classes where c != Int(label) { other = max(other, logits[item * classes + c]) }
            margins[item] = other - logits[item * classes + Int(label)]
        }
    }
}

extension WindowAnswers {
    /// The outputs of `network` for a batch of windows (B, 280).
    public init(of network: any BeatNetwork, to windows: UnsafePointer<Float>, batch: Int) {
        self.init(count: batch)
        let output = network.forward(windows, batch: batch, mode: .runningStatistics)
        for item in 0..<batch {
            set(
                item, classLogits: output.classLogits + item * Discriminator.classCount,
                attackLogit: output.attackLogits?[item])
        }
    }
}
