public import ECGATKGAN
import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// Training beats for the contextual classifier: their features, classes and source records.
public struct ContextualSamples: Sendable {
    /// (count, `ContextualFeatures.countWithNext`).
    private(set) var features: [Float] = []
    public private(set) var labels: [UInt8] = []
    /// Record number of each beat.
    private(set) var records: [Int] = []

    public init() {}

    public var count: Int { labels.count }

    public func count(of beatClass: BeatClass) -> Int { labels.count { $0 == beatClass.rawValue } }

    /// - Parameters:
    ///   - window: 280 values in [0,1].
    ///   - logits: the discriminator's logits for the window.
    ///   - label: the annotated class; N for a false detection.
    ///   - record: any number that identifies the record.
    ///   - minimumSimilarity: a beat that resembles the patient's best-matching template less is left out; the first
    ///     beat is kept.
    public mutating func append(
        window: [Float], logits: SIMD4<Float>, context: BeatContext, label: BeatClass, record: Int,
        minimumSimilarity: Float = -.infinity
    ) {
        precondition(window.count == Discriminator.windowLength)
        let morphology = window.withUnsafeBufferPointer {
            BeatMorphology(window: $0.baseAddress!, range: context.windowRange)
        }
        if let match = context.templates.match(morphology), match.similarity < minimumSimilarity { return }
        features += ContextualFeatures.values(morphology, logits: logits, context: context)
        features += ContextualFeatures.nextValues(
            PendingContext(morphology: morphology, context: context), next: context.next)
        labels.append(label.rawValue)
        records.append(record)
    }

    public mutating func append(contentsOf other: ContextualSamples) {
        features += other.features
        labels += other.labels
        records += other.records
    }

    /// Loss weight of each beat; the mean is 1.
    ///
    /// Within a class, a record is weighted by the square root of its beat count, so that a few records with
    /// thousands of ectopic beats do not dominate what the network learns about ectopic beats.
    func weights(of classes: [Float]) -> [Float] {
        var counts: [[Int: Int]] = Array(repeating: [:], count: Discriminator.classCount)
        for i in labels.indices { counts[Int(labels[i])][records[i], default: 0] += 1 }
        var weights = labels.indices.map { 1 / Float(counts[Int(labels[$0])][records[$0]] ?? 1).squareRoot() }
        for beatClass in counts.indices {
            let own = labels.indices.filter { labels[$0] == beatClass }
            let sum = own.reduce(Float(0)) { $0 + weights[$1] }
            guard sum > 0 else { continue }
            for i in own { weights[i] *= classes[beatClass] * Float(own.count) / sum }
        }
        let mean = weights.reduce(0, +) / Float(max(weights.count, 1))
        return mean > 0 ? weights.map { $0 / mean } : weights
    }

    /// Means of the features, and the reciprocals of their standard deviations.
    func statistics() -> (mean: [Float], factor: [Float]) {
        let width = ContextualFeatures.countWithNext
        var sums = [Double](repeating: 0, count: width)
        var squares = sums
        for i in 0..<count {
            for f in 0..<width {
                let value = Double(features[i * width + f])
                sums[f] += value
                squares[f] += value * value
            }
        }
        let total = Double(max(count, 1))
        let mean = sums.map { $0 / total }
        let factor = (0..<width).map { f in
            1 / (max(squares[f] / total - mean[f] * mean[f], 0).squareRoot() + 1e-3)
        }
        return (mean.map { Float($0) }, factor.map { Float($0) })
    }
}

/// How a contextual classifier is trained.
public struct ContextualRecipe: Sendable, Equatable {
    /// Number of networks whose logits are averaged.
    public var members = 4
    public var hidden = [160, 64]
    public var epochs = 12
    /// Fraction of N beats used in an epoch, redrawn each time; their loss is scaled up accordingly. Most N beats are
    /// alike.
    public var normalShare: Float = 0.25
    /// Dropout rate of each hidden layer, redrawn for each beat in each step (Srivastava et al. 2014).
    public var dropout: Float = 0.5
    public var batch = 512
    /// Peak of the single cycle: a linear rise over the first three tenths, then a cosine decay to zero.
    public var learningRate: Float = 3e-3
    public var weightDecay: Float = 1e-3
    /// Loss weight of each class, in the order N, S, V, F.
    public var classWeights: [Float] = [1, 3.8, 2, 1]
    /// Number of members, from the first, that see the discriminator's logits; the others do not.
    ///
    /// On patients that the discriminator was trained on, its logits are overconfident, and a member that sees them
    /// relies on them too much. A member that does not see them judges by rhythm and morphology alone, which
    /// generalizes better to another database.
    public var membersWithDiscriminator = 2
    /// Whether every second member sees intervals compared with the mean of all so far, but not with those just before
    /// them.
    ///
    /// In a rhythm of premature beats and pauses, nothing is unusual beside the latest intervals. Members that see
    /// these rely on them.
    public var alternatesRhythm = true
    public var seed: UInt64 = 1

    public init() {}
}

/// Trains a `ContextualClassifier`. The same samples and recipe give bit-identical weights.
public enum ContextualClassifierTrainer {
    /// Trains all members.
    ///
    /// - Parameter note: called after each member with the mean loss of its last epoch.
    /// - Throws: `TrainingError` if there are too few beats or the loss is NaN or infinite.
    public static func train(
        _ samples: ContextualSamples, recipe: ContextualRecipe, note: (String) -> Void
    ) throws(TrainingError) -> ContextualClassifier {
        guard samples.count >= recipe.batch else {
            throw .tooFewWindows(count: samples.count, batch: recipe.batch)
        }
        let (mean, factor) = samples.statistics()
        var normalized = samples.features
        let width = ContextualFeatures.countWithNext
        for i in normalized.indices {
            let value = (normalized[i] - mean[i % width]) * factor[i % width]
            normalized[i] = min(max(value, -ContextualStage.largestFeature), ContextualStage.largestFeature)
        }
        let weights = samples.weights(of: recipe.classWeights)
        func stage(_ name: String, features: Int, seed: UInt64) throws(TrainingError) -> ContextualStage {
            var members: [[ContextualStage.Layer]] = []
            for number in 0..<recipe.members {
                var hidden = number < recipe.membersWithDiscriminator ? [] : ContextualFeatures.discriminatorPlaces
                if recipe.alternatesRhythm, number % 2 == 1 {
                    hidden += ContextualFeatures.localRhythmPlaces.filter { $0 < features }
                }
                let member = Member(
                    recipe, features: features, hiddenFeatures: hidden,
                    seed: SeededGenerator(seed: recipe.seed).split(seed + UInt64(number)).state)
                let loss = try member.train(normalized, width: width, samples.labels, weights)
                note("\(name) stage, member \(number + 1) of \(recipe.members): loss \(loss)")
                members.append(member.layers)
            }
            return ContextualStage(mean: Array(mean[..<features]), factor: Array(factor[..<features]), members: members)
        }
        return ContextualClassifier(
            first: try stage("first", features: ContextualFeatures.count, seed: 0),
            second: try stage("second", features: width, seed: 100), rhythm: RhythmEvidence(samples))
    }

    /// The same networks, with the evidence of the rhythm fitted anew.
    ///
    /// - Throws: `TrainingError` if the samples do not hold both N and S beats.
    public static func fitRhythm(
        of classifier: ContextualClassifier, to samples: ContextualSamples
    ) throws(TrainingError) -> ContextualClassifier {
        guard let rhythm = RhythmEvidence(samples) else { throw .tooFewWindows(count: samples.count, batch: 2) }
        return ContextualClassifier(first: classifier.first, second: classifier.second, rhythm: rhythm)
    }

    /// One member during training.
    private final class Member {
        private let recipe: ContextualRecipe
        /// Features that this member does not see.
        private let hiddenFeatures: [Int]
        private let store = ParameterStore()
        private let dense: [Dense]
        private let leakyReLUs: [LeakyReLU]
        private var random: SeededGenerator

        init(_ recipe: ContextualRecipe, features: Int, hiddenFeatures: [Int], seed: UInt64) {
            self.recipe = recipe
            self.hiddenFeatures = hiddenFeatures
            random = SeededGenerator(seed: seed)
            var dense: [Dense] = []
            var inputs = features
            for (number, outputs) in (recipe.hidden + [Discriminator.classCount]).enumerated() {
                dense.append(Dense("layer\(number)", in: store, inputs: inputs, outputs: outputs))
                inputs = outputs
            }
            self.dense = dense
            leakyReLUs = recipe.hidden.map { _ in LeakyReLU(slope: ContextualStage.leakySlope) }
            store.seal()
            for layer in dense { layer.initialize(using: &random) }
            hideFeatures()
        }

        /// Hides features by zeroing their weights.
        private func hideFeatures() {
            let outputs = dense[0].outputs
            let weight = store.pointer(to: dense[0].weight)
            for feature in hiddenFeatures { (weight + feature * outputs).update(repeating: 0, count: outputs) }
        }

        var layers: [ContextualStage.Layer] {
            dense.map {
                ContextualStage.Layer(
                    inputs: $0.inputs, outputs: $0.outputs, weight: store.array(of: $0.weight),
                    bias: store.array(of: $0.bias))
            }
        }

        /// - Returns: the mean loss of the last epoch.
        /// - Parameter width: number of values per beat in `features`; the member uses the first of them.
        func train(
            _ features: [Float], width: Int, _ labels: [UInt8], _ weights: [Float]
        ) throws(TrainingError) -> Double {
            let inputs = dense[0].inputs
            let batch = recipe.batch
            let classes = Discriminator.classCount
            let normal = labels.indices.filter { labels[$0] == BeatClass.normal.rawValue }
            let ectopic = labels.indices.filter { labels[$0] != BeatClass.normal.rawValue }
            let drawn = Int((Float(normal.count) * recipe.normalShare).rounded(.up))
            let normalFactor = Float(normal.count) / Float(max(drawn, 1))
            let steps = (ectopic.count + drawn) / batch
            guard steps > 0 else { throw .tooFewWindows(count: ectopic.count + drawn, batch: batch) }
            var optimizer = Adam(store: store, beta1: 0.9, weightDecay: recipe.weightDecay)
            let gradients = FloatBuffer(count: store.count)
            let input = FloatBuffer(count: batch * inputs)
            let weight = FloatBuffer(count: batch)
            let classGradient = FloatBuffer(count: batch * classes)
            let kept = recipe.hidden.map { FloatBuffer(count: batch * $0) }
            let below = recipe.hidden.map { FloatBuffer(count: batch * $0) }
            var batchLabels = [UInt8](repeating: 0, count: batch)
            var mean = 0.0
            for epoch in 0..<recipe.epochs {
                let order = (ectopic + normal.shuffled(using: &random).prefix(drawn)).shuffled(using: &random)
                mean = 0
                for step in 0..<steps {
                    for item in 0..<batch {
                        let index = order[step * batch + item]
                        features.withUnsafeBufferPointer {
                            (input.pointer + item * inputs).update(from: $0.baseAddress! + index * width, count: inputs)
                        }
                        weight.pointer[item] =
                            weights[index] * (labels[index] == BeatClass.normal.rawValue ? normalFactor : 1)
                        batchLabels[item] = labels[index]
                    }
                    var current = input.pointer
                    for (number, layer) in dense.enumerated() {
                        current = layer.forward(current, batch: batch)
                        if number < leakyReLUs.count {
                            current = leakyReLUs[number].forward(current, count: batch * layer.outputs)
                            drawMask(kept[number].pointer, count: batch * layer.outputs)
                            for i in 0..<(batch * layer.outputs) { current[i] *= kept[number].pointer[i] }
                        }
                    }
                    let loss = Loss.crossEntropy(
                        logits: current, labels: batchLabels, batch: batch, classes: classes, weight: weight.pointer,
                        gradient: classGradient.pointer)
                    guard loss.isFinite else { throw .lossNotFinite(epoch: epoch + 1, step: step + 1) }
                    mean += loss / Double(steps)
                    gradients.zero()
                    var gradient = classGradient.pointer
                    for number in dense.indices.reversed() {
                        let next = number > 0 ? below[number - 1].pointer : nil
                        next?.update(repeating: 0, count: batch * dense[number].inputs)
                        dense[number].backward(
                            gradient, batch: batch, inputGradient: next, gradients: gradients.pointer)
                        if let next {
                            let count = batch * dense[number].inputs
                            let mask = kept[number - 1].pointer
                            for i in 0..<count { next[i] *= mask[i] }
                            leakyReLUs[number - 1].backward(next, count: count)
                            gradient = next
                        }
                    }
                    optimizer.learningRate = learningRate(at: epoch * steps + step, of: recipe.epochs * steps)
                    optimizer.update(store, gradients: gradients.pointer)
                    hideFeatures()
                }
            }
            return mean
        }

        /// 0 for dropped outputs; for the others, the factor that preserves the mean.
        private func drawMask(_ mask: UnsafeMutablePointer<Float>, count: Int) {
            let scale = 1 / (1 - recipe.dropout)
            for i in 0..<count { mask[i] = random.nextUniform() < recipe.dropout ? 0 : scale }
        }

        private func learningRate(at step: Int, of total: Int) -> Float {
            let progress = Float(step) / Float(max(total, 1))
            let rise: Float = 0.3
            if progress < rise { return recipe.learningRate * max(progress / rise, 0.04) }
            return recipe.learningRate * 0.5 * (1 + cosf(.pi * (progress - rise) / (1 - rise)))
        }
    }
}
