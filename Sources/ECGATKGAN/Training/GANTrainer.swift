import Dispatch
public import NeuralNetwork

/// The paper's alternating training (sections 2.3 and 3.2). The same seed, data and number of threads give the same
/// weights, bit for bit, also after a resume.
///
/// A step has three updates: the discriminator on real windows, attacked or not (adversarial target 1), then on what
/// the generator makes of them (target 0), both with the cross-entropy of the class and the mean absolute error of
/// "attacked"; then the generator against the frozen discriminator (target 1), with the class and the reconstruction's
/// mean squared error. The windows that the generator made for the second update serve the third too.
public final class GANTrainer: NetworkTrainer {
    public let recipe: GANRecipe
    public let discriminator: Discriminator
    public let generator: Generator
    public private(set) var epoch = 0
    /// Steps done in this epoch.
    public private(set) var stepInEpoch = 0
    public private(set) var losses = GANLosses()
    /// The losses of the epoch that ended last.
    public private(set) var lastEpochLosses = GANLosses()

    private let data: AdversarialPairs
    private let dataChecksum: String
    private var discriminatorOptimizer: Adam, generatorOptimizer: Adam
    private let discriminatorGradients: FloatBuffer, generatorGradients: FloatBuffer
    private var random: SeededGenerator
    private var order: [Int] = []
    private let shards: [GANShard]

    /// - Throws: `TrainingError.tooFewWindows`.
    public init(
        _ data: AdversarialPairs, recipe: GANRecipe, architecture: DiscriminatorArchitecture = .paper
    ) throws(TrainingError) {
        precondition(recipe.threads >= 1 && recipe.batch >= 2 * recipe.threads)
        guard data.count >= recipe.batch else { throw .tooFewWindows(count: data.count, batch: recipe.batch) }
        self.data = data
        self.recipe = recipe
        dataChecksum = data.checksum
        random = SeededGenerator(seed: recipe.seed)
        let discriminator = Discriminator(architecture, seed: random.split(1).state)
        let generator = Generator(seed: random.split(2).state)
        self.discriminator = discriminator
        self.generator = generator
        func optimizer(_ store: ParameterStore) -> Adam {
            Adam(store: store, learningRate: recipe.learningRate, beta1: recipe.beta1, beta2: recipe.beta2)
        }
        discriminatorOptimizer = optimizer(discriminator.store)
        generatorOptimizer = optimizer(generator.store)
        discriminatorGradients = FloatBuffer(count: discriminator.store.count)
        generatorGradients = FloatBuffer(count: generator.store.count)
        shards = (0..<recipe.threads).map { number in
            let first = recipe.batch * number / recipe.threads
            return GANShard(
                number == 0 ? discriminator : discriminator.replica(), number == 0 ? generator : generator.replica(),
                first: first, size: recipe.batch * (number + 1) / recipe.threads - first, recipe: recipe)
        }
        startEpoch()
    }

    public var epochs: Int { recipe.epochs }
    public var stepsPerEpoch: Int { data.count / recipe.batch }
    public var namedLosses: [NamedLoss] { losses.named }
    public var lastEpochNamedLosses: [NamedLoss] { lastEpochLosses.named }

    /// Order and random numbers of an epoch depend on the seed and its number alone.
    private func startEpoch() {
        random = SeededGenerator(seed: recipe.seed).split(UInt64(epoch) + 3)
        order = Array(0..<data.count).shuffled(using: &random)
        stepInEpoch = 0
        losses = GANLosses()
    }

    /// One step of three updates. Ends an epoch when its last batch was used.
    public func step() throws(TrainingError) {
        discriminatorOptimizer.learningRate = learningRate
        generatorOptimizer.learningRate = learningRate
        let mode: NormalizationMode =
            epoch >= recipe.epochs - recipe.frozenStatisticsEpochs ? .runningStatistics : .batchStatistics
        for shard in shards { shard.generatorMode = mode }
        loadBatch()
        inEveryShard { $0.learnReal() }
        try checkLosses()
        // What is deployed sees ECG, not what the generator made: with statistics of both it would fit neither.
        for shard in shards { shard.discriminator.updateRunningStatistics() }
        try updateDiscriminator()
        inEveryShard { $0.learnGenerated() }
        try updateDiscriminator()
        inEveryShard { $0.learnGenerator() }
        try updateGenerator()
        losses.add(stepLosses)
        stepInEpoch += 1
        if stepInEpoch == stepsPerEpoch {
            epoch += 1
            lastEpochLosses = losses
            if !isFinished { startEpoch() }
        }
    }

    private var learningRate: Float {
        let left = Float(totalSteps - epoch * stepsPerEpoch - stepInEpoch)
        let decaySteps = Float(recipe.decayEpochs * stepsPerEpoch)
        return left >= decaySteps ? recipe.learningRate : recipe.learningRate * left / decaySteps
    }

    private func loadBatch() {
        let length = Discriminator.windowLength
        for (number, shard) in shards.enumerated() {
            for item in 0..<shard.size {
                let index = order[stepInEpoch * recipe.batch + shard.first + item]
                data.copyWindow(index, to: shard.windows.pointer + item * length)
                let target = shard.targets.pointer + item * length
                switch recipe.reconstructionTarget {
                case .input: data.copyWindow(index, to: target)
                case .clean: data.copyOriginal(index, to: target)
                }
                shard.labels[item] = data.label(index)
                shard.attacked[item] = data.isAttacked(index) ? 1 : 0
            }
            shard.random = random.split(UInt64(number) + 1)
        }
        _ = random.next()
    }

    /// Each thread writes its own shard only; the weights are read by all.
    private func inEveryShard(_ work: @Sendable (GANShard) -> Void) {
        let shards = self.shards
        if shards.count == 1 {
            work(shards[0])
        } else {
            DispatchQueue.concurrentPerform(iterations: shards.count) { work(shards[$0]) }
        }
    }

    private var stepLosses: GANLosses {
        var total = GANLosses()
        for shard in shards { total.accumulate(shard.losses, share: Double(shard.size) / Double(recipe.batch)) }
        return total
    }

    private func checkLosses() throws(TrainingError) {
        guard stepLosses.isFinite else { throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1) }
    }

    /// In the shards' order, whoever finished first: the sums are the same in every run.
    private func sum(_ gradients: (GANShard) -> FloatBuffer, into total: FloatBuffer) {
        total.zero()
        for shard in shards {
            let share = Float(shard.size) / Float(recipe.batch)
            let source = gradients(shard).pointer
            let target = total.pointer
            for i in 0..<total.count { target[i] += share * source[i] }
        }
    }

    private func updateDiscriminator() throws(TrainingError) {
        try checkLosses()
        sum({ $0.discriminatorGradients }, into: discriminatorGradients)
        // The shards lay the new weights out at the beginning of what comes next.
        discriminatorOptimizer.update(discriminator.store, gradients: discriminatorGradients.pointer)
    }

    private func updateGenerator() throws(TrainingError) {
        try checkLosses()
        sum({ $0.generatorGradients }, into: generatorGradients)
        for shard in shards { shard.generator.updateRunningStatistics() }
        generatorOptimizer.update(generator.store, gradients: generatorGradients.pointer)
        for shard in shards { shard.generator.weightsChanged() }
    }
}

// MARK: Checkpoints

extension GANTrainer {
    static let checkpointArchitecture = "ecg-atk-gan-pair-1"

    /// What is saved under which prefix.
    private var parts: [(prefix: String, store: ParameterStore, values: FloatBuffer)] {
        let d = discriminator.store
        let g = generator.store
        return [
            ("discriminator.", d, d.values), ("discriminator.adam.first.", d, discriminatorOptimizer.firstMoment),
            ("discriminator.adam.second.", d, discriminatorOptimizer.secondMoment),
            ("generator.", g, g.values), ("generator.adam.first.", g, generatorOptimizer.firstMoment),
            ("generator.adam.second.", g, generatorOptimizer.secondMoment),
        ]
    }

    /// What must be the same for a checkpoint to go on.
    private var settings: [String: String] {
        [
            "kind": "checkpoint", "recipe": "\(recipe)", "windows": dataChecksum,
            "discriminator": discriminator.architectureIdentifier, "generator": Generator.architectureIdentifier,
        ]
    }

    /// Everything that the next step depends on.
    public func checkpoint() -> SafeTensors {
        var file = SafeTensors(metadata: settings)
        file.metadata["architecture"] = Self.checkpointArchitecture
        file.metadata["epoch"] = "\(epoch)"
        file.metadata["step_in_epoch"] = "\(stepInEpoch)"
        file.metadata["updates_discriminator"] = "\(discriminatorOptimizer.step)"
        file.metadata["updates_generator"] = "\(generatorOptimizer.step)"
        file.metadata["random"] = "\(random.state)"
        for term in GANLosses.terms {
            file.metadata["loss " + term.name] = "\(losses[keyPath: term.path])"
            file.metadata["last loss " + term.name] = "\(lastEpochLosses[keyPath: term.path])"
        }
        for part in parts {
            for tensor in part.store.tensors {
                let values = UnsafeBufferPointer(start: part.values.pointer + tensor.offset, count: tensor.count)
                file.tensors[part.prefix + tensor.name] = .init(shape: tensor.shape, values: Array(values))
            }
        }
        return file
    }

    /// Goes on where a checkpoint was made; `path` is for the error's text. Nothing is changed where it throws.
    public func restore(_ file: SafeTensors, path: String) throws(TrainingError) {
        let metadata = file.metadata
        guard metadata["architecture"] == Self.checkpointArchitecture else {
            throw .model(
                .otherArchitecture(
                    path: path, found: metadata["architecture"] ?? "none named", expected: Self.checkpointArchitecture))
        }
        guard settings.allSatisfy({ metadata[$0.key] == $0.value }),
            let epoch = metadata["epoch"].flatMap({ Int($0) }), (0...recipe.epochs).contains(epoch),
            let step = metadata["step_in_epoch"].flatMap({ Int($0) }), (0...stepsPerEpoch).contains(step),
            let discriminatorUpdates = metadata["updates_discriminator"].flatMap({ Int($0) }),
            discriminatorUpdates >= 0,
            let generatorUpdates = metadata["updates_generator"].flatMap({ Int($0) }), generatorUpdates >= 0,
            let state = metadata["random"].flatMap({ UInt64($0) })
        else { throw .checkpointOfOtherRecipe(path: path) }
        for part in parts {
            for tensor in part.store.tensors {
                let name = part.prefix + tensor.name
                guard let read = file.tensors[name] else { throw .model(.tensorMissing(path: path, tensor: name)) }
                guard read.shape == tensor.shape else {
                    throw .model(
                        .tensorOfOtherShape(path: path, tensor: name, found: read.shape, expected: tensor.shape))
                }
                guard read.values.allSatisfy(\.isFinite) else { throw .model(.notFinite(path: path, tensor: name)) }
            }
        }
        for part in parts {
            for tensor in part.store.tensors {
                guard let read = file.tensors[part.prefix + tensor.name] else { continue }
                for i in 0..<tensor.count { part.values.pointer[tensor.offset + i] = read.values[i] }
            }
        }
        self.epoch = epoch
        startEpoch()
        stepInEpoch = step
        random = SeededGenerator(seed: state)
        losses.steps = step
        for term in GANLosses.terms {
            losses[keyPath: term.path] = metadata["loss " + term.name].flatMap { Double($0) } ?? 0
            lastEpochLosses[keyPath: term.path] = metadata["last loss " + term.name].flatMap { Double($0) } ?? 0
        }
        discriminatorOptimizer.step = discriminatorUpdates
        generatorOptimizer.step = generatorUpdates
        for shard in shards {
            shard.discriminator.weightsChanged()
            shard.generator.weightsChanged()
        }
    }
}
