internal import NeuralNetwork

/// An adaptive attacker that knows both heads: it changes the class while keeping the suspicion below a threshold.
///
/// One gradient increases each window's class loss and decreases its suspicion. A term that has reached its goal is
/// dropped until the goal is lost again, so that steps go where they are needed. Several suspicion weights are tried,
/// each on the windows for which no earlier weight reached both goals.
struct JointAttack {
    var epsilon: Float
    /// The first step size; it decreases linearly to a tenth.
    var step: Float
    var iterations: Int
    /// The suspicion logit must stay below this.
    var suspicionThreshold: Float

    /// Weights of the suspicion logit relative to the class logits.
    static let weights: [Float] = [1, 0.25, 4]
    /// How far beyond its goal each head is pushed, in logits.
    static let reserve: Float = 0.5

    /// What a point achieves, from worst to best.
    struct Outcome: Comparable {
        enum Rank: Int, Comparable {
            case withstood, misclassified, misclassifiedUnsuspected
            static func < (one: Rank, other: Rank) -> Bool { one.rawValue < other.rawValue }
        }
        var rank: Rank
        /// Breaks ties; larger is better.
        var score: Float

        /// - Parameter suspicion: the suspicion logit minus the threshold.
        init(margin: Float, suspicion: Float) {
            if margin <= 0 {
                (rank, score) = (.withstood, margin)
            } else if suspicion >= 0 {
                (rank, score) = (.misclassified, -suspicion)
            } else {
                (rank, score) = (.misclassifiedUnsuspected, min(margin, -suspicion))
            }
        }

        static func < (one: Outcome, other: Outcome) -> Bool { (one.rank, one.score) < (other.rank, other.score) }
    }

    final class Scratch {
        let standing = CompactedWindows()
        var outcomes: [Outcome?] = []
    }

    func perturb(
        _ batch: AttackBatch, using generator: inout SeededGenerator, scratch: AttackScratch,
        into attacked: UnsafeMutablePointer<Float>
    ) {
        let own = scratch.joint
        own.outcomes = Array(repeating: nil, count: batch.count)
        for weight in Self.weights {
            let open = own.outcomes.indices.filter { own.outcomes[$0]?.rank != .misclassifiedUnsuspected }
            if open.isEmpty { return }
            iterate(
                own.standing.gather(open, of: batch), weight: weight, using: &generator, scratch: scratch,
                into: attacked)
        }
    }

    private func iterate(
        _ part: AttackBatch, weight: Float, using generator: inout SeededGenerator, scratch: AttackScratch,
        into attacked: UnsafeMutablePointer<Float>
    ) {
        let length = AttackBatch.length
        let classes = Discriminator.classCount
        let own = scratch.joint
        let current = own.standing.attacked.pointer
        let classGradient = scratch.classGradient.reserve(part.count * classes)
        let attackGradient = scratch.attackGradient.reserve(part.count)
        part.startAtRandom(current, within: epsilon, using: &generator)
        for iteration in 0...iterations {
            let output = part.network.forward(current, batch: part.count, mode: .runningStatistics)
            for row in 0..<part.count {
                let logits = output.classLogits + row * classes
                let label = Int(part.labels[row])
                _ = AttackObjective.crossEntropy.evaluate(
                    logits, label: label, gradient: classGradient + row * classes)
                let margin = AttackObjective.margin(logits, label: label)
                // Without an attack head there is no suspicion.
                let suspicion = output.attackLogits.map { $0[row] - suspicionThreshold } ?? -.infinity
                let outcome = Outcome(margin: margin, suspicion: suspicion)
                let b = own.standing.indices[row]
                if own.outcomes[b].map({ outcome > $0 }) ?? true {
                    own.outcomes[b] = outcome
                    (attacked + b * length).update(from: current + row * length, count: length)
                }
                if margin > Self.reserve {
                    for c in 0..<classes { classGradient[row * classes + c] = 0 }
                }
                attackGradient[row] = suspicion > -Self.reserve ? -weight : 0
            }
            if iteration == iterations { return }
            let slope = part.network.backward(
                batch: part.count, classGradient: classGradient,
                attackGradient: output.attackLogits == nil ? nil : attackGradient, realGradient: nil, gradients: nil,
                needsInputGradient: true)
            let stepLength = step * (1 - 0.9 * Float(iteration) / Float(iterations))
            part.move(current, alongSignsOf: slope, by: stepLength, within: epsilon)
        }
    }
}
