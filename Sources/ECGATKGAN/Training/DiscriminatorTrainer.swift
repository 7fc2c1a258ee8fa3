import Dispatch
public import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// How the discriminator alone is trained: cross-entropy on the classes, and the attack head on windows that are
/// attacked afresh against the current weights in every step.
public struct DiscriminatorRecipe: Sendable, Equatable, Codable {
    public var epochs = 20
    /// Clean windows in a step; as many attacked ones are added.
    public var batch = 64
    /// Shards of a batch that run side by side. Each normalises by its own statistics, so the weights depend on the
    /// number.
    public var threads = 1
    /// N beats that an epoch draws anew; 0 means all.
    public var normalBeatsPerEpoch = 0
    /// Peak of the one-cycle schedule (linear rise over a tenth of the steps, cosine fall; Smith 2018).
    public var learningRate: Float = 3e-3
    public var beta1: Float = 0.9
    public var weightDecay: Float = 1e-2
    public var seed: UInt64 = 1
    /// Largest radius of a step's attacks (`TrainingAttack`).
    public var epsilon: Float = 0.012
    public var iterations = 5
    /// Weight of the attacked windows in the cross-entropy; clean ones have 1.
    public var attackedClassWeight: Float = 1
    /// Weight of the attack head's loss beside the cross-entropy.
    public var suspicionWeight: Float = 1
    /// Trains the attack head's own branch alone, on a network that withstands already. The windows then reach it as
    /// the stream would hand them on (`asTransmitted`), and the attacks take fewer or more iterations than
    /// `iterations`, the same on average.
    public var trainsAttackBranchAlone = false
    /// R is moved by up to this many samples either way, as a detector's position differs from the annotation's.
    public var jitter = 3
    /// Standard deviation, at most, of the white noise that a third of the windows get, clean or to be attacked: so
    /// that the attack head learns attacks, not noise.
    public var noise: Float = 0.004
    /// Amplitude, at most, of the baseline wander that a quarter of the windows get.
    public var wander: Float = 0.04
    /// Share of the windows that the generator makes anew, as their class, before they are attacked.
    public var generatedShare: Float = 0
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

    var named: [NamedLoss] { [NamedLoss("class", classification), NamedLoss("attack", suspicion)] }

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

/// Trains a `Discriminator` step by step. The same seed and data give the same weights, bit for bit, also after a
/// resume.
public final class DiscriminatorTrainer: NetworkTrainer {
    public let recipe: DiscriminatorRecipe
    public let network: Discriminator
    /// The running average of the weights: what is evaluated and saved.
    public let averaged: ParameterStore
    public private(set) var epoch = 0
    /// Steps done in this epoch.
    public private(set) var stepInEpoch = 0
    public private(set) var losses = TrainingLosses()

    private let data: BeatDataset
    private let normalIndices: [Int], otherIndices: [Int]
    private var optimizer: Adam
    private var generator: SeededGenerator
    private var order: [Int] = []
    private let gradients: FloatBuffer
    private let shards: [Shard]

    /// What one thread works on: its part of the batch, with a network of its own on the common weights.
    private final class Shard: @unchecked Sendable {
        let network: Discriminator
        /// First item of the batch, and how many.
        let first: Int, size: Int
        let gradients: FloatBuffer
        /// The clean windows, then the attacked ones.
        let windows: FloatBuffer
        let scratch = TrainingAttack.Scratch()
        let classGradient = FloatBuffer(), attackGradient = FloatBuffer()
        var generator = SeededGenerator(seed: 0)
        let generation: GeneratedWindows?
        var labels: [UInt8], classWeights: [Float], targets: [Float]
        var classification = 0.0, suspicion = 0.0

        init(
            _ network: Discriminator, windowGenerator: Generator?, first: Int, size: Int, attackedClassWeight: Float
        ) {
            self.network = network
            generation = windowGenerator.map(GeneratedWindows.init)
            self.first = first
            self.size = size
            gradients = FloatBuffer(count: network.store.count)
            windows = FloatBuffer(count: 2 * size * Discriminator.windowLength)
            labels = Array(repeating: 0, count: 2 * size)
            classWeights = Array(repeating: 1, count: size) + Array(repeating: attackedClassWeight, count: size)
            targets = Array(repeating: 0, count: size) + Array(repeating: 1, count: size)
        }
    }

    /// - Parameters:
    ///   - weights: to go on from; tensors that it lacks are new.
    ///   - windowGenerator: makes `generatedShare` of the windows; its weights stay as they are.
    public init(
        _ data: BeatDataset, recipe: DiscriminatorRecipe, architecture: DiscriminatorArchitecture = .paper,
        startingFrom weights: ParameterStore? = nil, windowGenerator: Generator? = nil
    ) throws(TrainingError) {
        precondition(recipe.generatedShare == 0 || windowGenerator != nil, "windows to be made want a generator")
        precondition(recipe.threads >= 1 && recipe.batch >= 2 * recipe.threads)
        guard data.count >= recipe.batch else { throw .tooFewWindows(count: data.count, batch: recipe.batch) }
        precondition(data.margin >= recipe.jitter, "the windows have no room for the jitter")
        self.data = data
        self.recipe = recipe
        network = Discriminator(architecture, seed: recipe.seed)
        averaged = Discriminator(architecture, seed: recipe.seed).store
        optimizer = Adam(store: network.store, learningRate: 0, beta1: recipe.beta1, weightDecay: recipe.weightDecay)
        gradients = FloatBuffer(count: network.store.count)
        generator = SeededGenerator(seed: recipe.seed)
        network.trainsAttackBranchAlone = recipe.trainsAttackBranchAlone
        if let weights {
            network.store.copyTensors(from: weights)
            averaged.copyTensors(from: weights)
            network.weightsChanged()
        }
        normalIndices = data.indices(of: .normal)
        otherIndices = data.labels.indices.filter { data.labels[$0] != BeatClass.normal.rawValue }
        let network = self.network
        shards = (0..<recipe.threads).map { number in
            let first = recipe.batch * number / recipe.threads
            let own = number == 0 ? network : network.replica()
            own.trainsAttackBranchAlone = recipe.trainsAttackBranchAlone
            return Shard(
                own, windowGenerator: windowGenerator?.replica(), first: first,
                size: recipe.batch * (number + 1) / recipe.threads - first,
                attackedClassWeight: recipe.attackedClassWeight)
        }
        startEpoch()
    }

    private var windowsPerEpoch: Int {
        let normals =
            recipe.normalBeatsPerEpoch == 0 ? normalIndices.count : min(recipe.normalBeatsPerEpoch, normalIndices.count)
        return max(normals + otherIndices.count, recipe.batch)
    }
    public var stepsPerEpoch: Int { windowsPerEpoch / recipe.batch }
    public var epochs: Int { recipe.epochs }
    public var namedLosses: [NamedLoss] { losses.named }
    public var lastEpochNamedLosses: [NamedLoss] { lastEpochLosses.named }

    /// Order and random numbers of an epoch depend on the seed and its number alone.
    private func startEpoch() {
        generator = SeededGenerator(seed: recipe.seed).split(UInt64(epoch) + 1)
        let normals = normalIndices.shuffled(using: &generator).prefix(windowsPerEpoch - otherIndices.count)
        order = (otherIndices + normals).shuffled(using: &generator)
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
        let length = Discriminator.windowLength
        for (number, shard) in shards.enumerated() {
            for item in 0..<shard.size {
                let index = order[stepInEpoch * recipe.batch + shard.first + item]
                shard.labels[item] = data.labels[index]
                shard.labels[shard.size + item] = data.labels[index]
                augment(
                    index,
                    into: UnsafeMutableBufferPointer(start: shard.windows.pointer + item * length, count: length))
            }
            shard.generator = generator.split(UInt64(number) + 1)
        }
        _ = generator.next()
        if shards.count == 1 {
            work(shards[0])
        } else {
            // Each thread writes its own shard only; the weights are read by all.
            let shards = self.shards
            nonisolated(unsafe) let trainer = self
            DispatchQueue.concurrentPerform(iterations: shards.count) { trainer.work(shards[$0]) }
        }
        // In the shards' order, whoever finished first: the sums are the same in every run.
        gradients.zero()
        var classification = 0.0
        var suspicion = 0.0
        for shard in shards {
            let share = Float(shard.size) / Float(recipe.batch)
            classification += Double(share) * shard.classification
            suspicion += Double(share) * shard.suspicion
            let source = shard.gradients.pointer
            let target = gradients.pointer
            for i in 0..<network.store.count { target[i] += share * source[i] }
        }
        guard classification.isFinite, suspicion.isFinite else {
            throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1)
        }
        for shard in shards { shard.network.updateRunningStatistics() }
        optimizer.learningRate = learningRate
        optimizer.update(network.store, gradients: gradients.pointer, where: network.isTrained)
        for shard in shards { shard.network.weightsChanged() }
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
        if recipe.wander > 0, generator.nextUniform() < 0.25 {
            // Breathing and motion, 0.1 to 1 Hz: less than a period in a window of 0.78 s.
            let amplitude = recipe.wander * generator.nextUniform()
            let turn = 2 * Float.pi * (0.1 + 0.9 * generator.nextUniform()) / 360
            let phase = 2 * Float.pi * generator.nextUniform()
            for i in window.indices { window[i] += amplitude * sinf(turn * Float(i) + phase) }
        }
        BeatDataset.scaleToUnitInterval(window)
    }

    /// Clean and attacked windows as a monitor gets them: in steps of a converter, and scaled again.
    ///
    /// An attack leaves a recording's lattice and the ends of [0,1]. An attack head that looks at such would notice
    /// nothing in a stream, where the attacked signal was quantised and scaled like any other.
    private func asTransmitted(_ shard: Shard) {
        let length = Discriminator.windowLength
        for item in 0..<shard.size {
            // 5 uV, the step of mitdb, is 0.001 to 0.01 of a beat of 5 to 0.5 mV.
            let quantum = shard.generator.nextUniform() < 0.5 ? 0.0005 + 0.0055 * shard.generator.nextUniform() : 0
            let isScaledAgain = shard.generator.nextUniform() < 0.75
            for row in [item, shard.size + item] {
                let window = UnsafeMutableBufferPointer(start: shard.windows.pointer + row * length, count: length)
                if quantum > 0 {
                    for i in window.indices { window[i] = (window[i] / quantum).rounded() * quantum }
                }
                if isScaledAgain { BeatDataset.scaleToUnitInterval(window) }
            }
        }
    }

    /// Attacks a shard's windows and works out the gradients of its loss.
    private func work(_ shard: Shard) {
        let length = Discriminator.windowLength
        let classes = Discriminator.classCount
        let network = shard.network
        let batch = 2 * shard.size
        let windows = shard.windows.pointer
        let mixture = recipe.suspicionWeight > 0 ? TrainingAttack.ofEveryKind : TrainingAttack.towardsOtherClasses
        var attack = TrainingAttack(epsilon: recipe.epsilon, iterations: recipe.iterations, mixture: mixture)
        if recipe.trainsAttackBranchAlone, recipe.iterations > 2 {
            attack.iterations = Int.random(in: 2...(2 * recipe.iterations - 2), using: &shard.generator)
        }
        shard.generation?.replace(
            share: recipe.generatedShare, of: windows, labels: shard.labels, batch: shard.size, using: &shard.generator)
        attack.perturb(
            windows, labels: shard.labels, batch: shard.size, against: network, using: &shard.generator,
            scratch: shard.scratch, into: windows + shard.size * length)
        if recipe.trainsAttackBranchAlone { asTransmitted(shard) }
        let output = network.forward(windows, batch: batch, mode: .batchStatistics)
        let classGradient = shard.classGradient.reserve(batch * classes)
        let attackGradient = shard.attackGradient.reserve(batch)
        shard.classification = Loss.crossEntropy(
            logits: output.classLogits, labels: shard.labels, batch: batch, classes: classes,
            weight: shard.classWeights, gradient: classGradient)
        guard let attackLogits = output.attackLogits else { preconditionFailure("a discriminator has an attack head") }
        shard.suspicion = Loss.binaryCrossEntropy(
            logits: attackLogits, targets: shard.targets, batch: batch, factor: recipe.suspicionWeight,
            gradient: attackGradient)
        shard.gradients.zero()
        network.backward(
            batch: batch, classGradient: classGradient, attackGradient: attackGradient,
            gradients: shard.gradients.pointer, needsInputGradient: false)
    }

    private func average() {
        // The first steps must not weigh for ever: the decay grows to its value.
        let done = Float(optimizer.step)
        let decay = min(recipe.averagingDecay, (1 + done) / (10 + done))
        let current = network.store.values.pointer
        let target = averaged.values.pointer
        for i in 0..<network.store.count { target[i] += (1 - decay) * (current[i] - target[i]) }
    }

    // MARK: Checkpoints

    /// Everything that the next step depends on.
    public func checkpoint() -> SafeTensors {
        var file = SafeTensors(metadata: [
            "architecture": network.architectureIdentifier, "kind": "checkpoint", "epoch": "\(epoch)",
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
        guard metadata["architecture"] == network.architectureIdentifier else {
            throw .model(
                .otherArchitecture(
                    path: path, found: metadata["architecture"] ?? "none named",
                    expected: network.architectureIdentifier))
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
        for shard in shards { shard.network.weightsChanged() }
    }
}
