#if canImport(Glibc)
    import Glibc
#endif
public import NeuralNetwork

/// How the discriminator alone is trained: cross-entropy on the classes, and the attack head on windows that are attacked afresh
/// against the current weights in every step.
public struct DiscriminatorRecipe: Sendable, Equatable, Codable {
    public var epochs = 20
    /// Clean windows in a step; as many attacked ones are added.
    public var batch = 64
    /// Peak of the one-cycle schedule (linear rise over a tenth of the steps, cosine fall; Smith 2018).
    public var learningRate: Float = 2e-3
    public var beta1: Float = 0.9
    public var weightDecay: Float = 1e-2
    public var seed: UInt64 = 1
    /// Epsilon of each step's attacks is drawn uniformly from this range.
    public var smallestEpsilon: Float = 0.004
    public var largestEpsilon: Float = 0.014
    /// A third each of the attacked windows is made by FGSM, BIM and PGD, the latter two with this many iterations of a third of
    /// epsilon: an attack head that has not seen one of them misses it.
    public var iterations = 4
    /// Weight of the attacked windows in the cross-entropy; clean ones have 1.
    public var attackedClassWeight: Float = 1
    /// Weight of the attack head's loss beside the cross-entropy.
    public var suspicionWeight: Float = 1
    /// R is moved by up to this many samples either way, as a detector's position differs from the annotation's.
    public var jitter = 3
    /// Standard deviation, at most, of the white noise that a third of the windows get, clean or to be attacked: so that the attack
    /// head learns attacks, not noise.
    public var noise: Float = 0.004
    /// Decay of the running average of the weights, per step, which is what is saved.
    public var averagingDecay: Float = 0.999

    public init() {}
}

/// What one step or epoch of training cost, averaged.
public struct TrainingLosses: Sendable, Equatable {
    public var classification = 0.0
    public var suspicion = 0.0
    public var steps = 0

    public init() {}

    mutating func add(_ classification: Double, _ suspicion: Double) {
        self.classification += (classification - self.classification) / Double(steps + 1)
        self.suspicion += (suspicion - self.suspicion) / Double(steps + 1)
        steps += 1
    }
}

public enum TrainingError: Error, Equatable, CustomStringConvertible {
    case lossNotFinite(epoch: Int, step: Int)
    case checkpointOfOtherRecipe(path: String)
    case tooFewWindows(count: Int, batch: Int)
    case model(ModelError)

    public var description: String {
        switch self {
        case .lossNotFinite(let epoch, let step):
            "the loss is not finite in epoch \(epoch), step \(step); the last checkpoint is untouched; lower the learning rate"
        case .checkpointOfOtherRecipe(let path):
            "\(path): was made by other settings; resume with the same options, or train into another folder"
        case .tooFewWindows(let count, let batch):
            "\(count) windows are fewer than one batch of \(batch); more records are needed"
        case .model(let error): error.description
        }
    }
}

/// Trains a `Discriminator` step by step. The same seed and data give the same weights, bit for bit, also after a resume.
public final class DiscriminatorTrainer {
    public let recipe: DiscriminatorRecipe
    public let network: Discriminator
    /// The running average of the weights: what is evaluated and saved.
    public let averaged: ParameterStore
    public private(set) var epoch = 0
    /// Steps done in this epoch.
    public private(set) var stepInEpoch = 0
    public private(set) var losses = TrainingLosses()

    private let data: BeatDataset
    private var optimizer: Adam
    private var generator: SeededGenerator
    private var order: [Int] = []
    private let gradients: FloatBuffer
    private let scratch = AttackScratch()
    private let windows = FloatBuffer(), classGradient = FloatBuffer(), attackGradient = FloatBuffer()
    private var labels: [UInt8], classWeights: [Float], targets: [Float]

    public init(_ data: BeatDataset, recipe: DiscriminatorRecipe) throws(TrainingError) {
        guard data.count >= recipe.batch else { throw .tooFewWindows(count: data.count, batch: recipe.batch) }
        precondition(data.margin >= recipe.jitter, "the windows have no room for the jitter")
        self.data = data
        self.recipe = recipe
        network = Discriminator(seed: recipe.seed)
        averaged = Discriminator(seed: recipe.seed).store
        optimizer = Adam(store: network.store, learningRate: 0, beta1: recipe.beta1, weightDecay: recipe.weightDecay)
        gradients = FloatBuffer(count: network.store.count)
        generator = SeededGenerator(seed: recipe.seed)
        labels = Array(repeating: 0, count: 2 * recipe.batch)
        classWeights =
            Array(repeating: 1, count: recipe.batch)
            + Array(repeating: recipe.attackedClassWeight, count: recipe.batch)
        targets = Array(repeating: 0, count: recipe.batch) + Array(repeating: 1, count: recipe.batch)
        startEpoch()
    }

    public var stepsPerEpoch: Int { data.count / recipe.batch }
    public var totalSteps: Int { stepsPerEpoch * recipe.epochs }
    public var isFinished: Bool { epoch >= recipe.epochs }

    /// Order and random numbers of an epoch depend on the seed and its number alone.
    private func startEpoch() {
        generator = SeededGenerator(seed: recipe.seed).split(UInt64(epoch) + 1)
        order = Array(0..<data.count).shuffled(using: &generator)
        stepInEpoch = 0
        losses = TrainingLosses()
    }

    private var learningRate: Float {
        let progress = Float(epoch * stepsPerEpoch + stepInEpoch) / Float(max(totalSteps, 1))
        if progress < 0.1 { return recipe.learningRate * (0.04 + 0.96 * progress / 0.1) }
        return recipe.learningRate * max(0.5 * (1 + cosf(.pi * (progress - 0.1) / 0.9)), 1e-3)
    }

    /// One step: a batch of clean windows, the same attacked, one update. Ends an epoch when its last batch was used.
    public func step() throws(TrainingError) {
        let batch = recipe.batch, length = Discriminator.windowLength
        let windows = self.windows.reserve(2 * batch * length)
        for item in 0..<batch {
            let index = order[stepInEpoch * batch + item]
            labels[item] = data.labels[index]
            labels[batch + item] = data.labels[index]
            augment(index, into: UnsafeMutableBufferPointer(start: windows + item * length, count: length))
        }
        attack(windows, attacked: windows + batch * length)
        let output = network.forward(windows, batch: 2 * batch, mode: .batchStatistics)
        let classGradient = self.classGradient.reserve(2 * batch * Discriminator.classCount)
        let attackGradient = self.attackGradient.reserve(2 * batch)
        let classification = Loss.crossEntropy(
            logits: output.classLogits, labels: labels, batch: 2 * batch, classes: Discriminator.classCount,
            weight: classWeights, gradient: classGradient)
        let suspicion = Loss.binaryCrossEntropy(
            logits: output.attackLogits, targets: targets, batch: 2 * batch, factor: recipe.suspicionWeight,
            gradient: attackGradient)
        guard classification.isFinite, suspicion.isFinite else {
            throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1)
        }
        gradients.zero()
        network.backward(
            batch: 2 * batch, classGradient: classGradient, attackGradient: attackGradient,
            gradients: gradients.pointer, needsInputGradient: false)
        optimizer.learningRate = learningRate
        optimizer.update(network.store, gradients: gradients.pointer)
        network.weightsChanged()
        average()
        losses.add(classification, suspicion)
        stepInEpoch += 1
        if stepInEpoch == stepsPerEpoch {
            epoch += 1
            if !isFinished {
                let finished = losses
                startEpoch()
                lastEpochLosses = finished
            } else {
                lastEpochLosses = losses
            }
        }
    }

    /// The losses of the epoch that ended last.
    public private(set) var lastEpochLosses = TrainingLosses()

    /// A window with R moved, noise added, scaled again to [0,1].
    private func augment(_ index: Int, into window: UnsafeMutableBufferPointer<Float>) {
        let shift = recipe.jitter == 0 ? 0 : Int.random(in: -recipe.jitter...recipe.jitter, using: &generator)
        let start = index * data.length + data.margin + shift
        for i in window.indices { window[i] = data.values[start + i] }
        if recipe.noise > 0, generator.nextUniform() < 1 / 3 {
            let deviation = recipe.noise * generator.nextUniform()
            for i in window.indices { window[i] += deviation * generator.nextNormal() }
        }
        BeatDataset.scaleToUnitInterval(window)
    }

    private func attack(_ windows: UnsafeMutablePointer<Float>, attacked: UnsafeMutablePointer<Float>) {
        let length = Discriminator.windowLength
        let range = recipe.largestEpsilon - recipe.smallestEpsilon
        let epsilon = recipe.smallestEpsilon + range * generator.nextUniform()
        let methods = WindowAttack.Method.allCases
        labels.withUnsafeBufferPointer { labels in
            for (part, method) in methods.enumerated() {
                let first = recipe.batch * part / methods.count
                let end = recipe.batch * (part + 1) / methods.count
                guard end > first else { continue }
                var attack = WindowAttack(method, epsilon: epsilon, restarts: 1)
                if method != .fgsm {
                    attack.step = epsilon / 3
                    attack.iterations = recipe.iterations
                }
                attack.perturb(
                    windows + first * length, labels: labels.baseAddress! + first, batch: end - first, against: network,
                    using: &generator, scratch: scratch, into: attacked + first * length)
            }
        }
    }

    private func average() {
        // The first steps must not weigh for ever: the decay grows to its value.
        let done = Float(optimizer.step)
        let decay = min(recipe.averagingDecay, (1 + done) / (10 + done))
        let current = network.store.values.pointer, target = averaged.values.pointer
        for i in 0..<network.store.count { target[i] += (1 - decay) * (current[i] - target[i]) }
    }

    // MARK: Checkpoints

    /// Everything that the next step depends on.
    public func checkpoint() -> SafeTensors {
        var file = SafeTensors(metadata: [
            "architecture": Discriminator.architecture, "kind": "checkpoint", "epoch": "\(epoch)",
            "step_in_epoch": "\(stepInEpoch)", "optimizer_step": "\(optimizer.step)",
            "generator": "\(generator.state)", "recipe": "\(recipe)", "windows": "\(data.count)",
            "loss_classification": "\(losses.classification)", "loss_suspicion": "\(losses.suspicion)",
        ])
        for tensor in network.store.tensors {
            func add(_ prefix: String, _ source: FloatBuffer) {
                let values = UnsafeBufferPointer(start: source.pointer + tensor.offset, count: tensor.count)
                file.tensors[prefix + tensor.name] = .init(shape: tensor.shape, values: Array(values))
            }
            add("current.", network.store.values)
            add("averaged.", averaged.values)
            add("adam.first.", optimizer.firstMoment)
            add("adam.second.", optimizer.secondMoment)
        }
        return file
    }

    /// Goes on where a checkpoint was made; `path` is for the error's text.
    public func restore(_ file: SafeTensors, path: String) throws(TrainingError) {
        let metadata = file.metadata
        guard metadata["architecture"] == Discriminator.architecture else {
            throw .model(
                .otherArchitecture(
                    path: path, found: metadata["architecture"] ?? "none named", expected: Discriminator.architecture))
        }
        guard metadata["recipe"] == "\(recipe)", metadata["windows"] == "\(data.count)",
            let epoch = metadata["epoch"].flatMap({ Int($0) }), (0...recipe.epochs).contains(epoch),
            let step = metadata["step_in_epoch"].flatMap({ Int($0) }), (0...stepsPerEpoch).contains(step),
            let optimizerStep = metadata["optimizer_step"].flatMap({ Int($0) }),
            let state = metadata["generator"].flatMap({ UInt64($0) })
        else { throw .checkpointOfOtherRecipe(path: path) }
        for tensor in network.store.tensors {
            for (prefix, target) in [
                ("current.", network.store.values), ("averaged.", averaged.values),
                ("adam.first.", optimizer.firstMoment), ("adam.second.", optimizer.secondMoment),
            ] {
                guard let read = file.tensors[prefix + tensor.name], read.shape == tensor.shape else {
                    throw .model(.tensorMissing(path: path, tensor: prefix + tensor.name))
                }
                for i in 0..<tensor.count { target.pointer[tensor.offset + i] = read.values[i] }
            }
        }
        self.epoch = epoch
        startEpoch()
        stepInEpoch = step
        losses.classification = metadata["loss_classification"].flatMap { Double($0) } ?? 0
        losses.suspicion = metadata["loss_suspicion"].flatMap { Double($0) } ?? 0
        losses.steps = step
        generator = SeededGenerator(seed: state)
        optimizer.step = optimizerStep
        network.weightsChanged()
    }
}
