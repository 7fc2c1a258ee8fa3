internal import NeuralNetwork

/// The paper's alternating training (sections 2.3 and 3.2). The same seed, data and number of threads give
/// bit-identical weights, even after a resume.
///
/// A step makes three updates. The discriminator is updated on real windows, attacked or not (adversarial target 1),
/// then on the windows generated from them (target 0), both times with the cross-entropy of the class and the mean
/// absolute error of "attacked". Then the generator is updated against the frozen discriminator (target 1), with the
/// class and the reconstruction's mean squared error. The windows generated for the second update are reused in the
/// third.
public final class GANTrainer: EpochTrainer {
    public let recipe: GANRecipe
    public let discriminator: Discriminator
    public let generator: Generator

    /// Means over the current epoch so far.
    public var losses: GANLosses { GANLosses(means.values, steps: means.steps) }
    /// Losses of the last completed epoch.
    public var lastEpochLosses: GANLosses { GANLosses(lastEpochMeans.values, steps: lastEpochMeans.steps) }

    private let data: AdversarialPairs
    private let dataChecksum: String
    private var discriminatorOptimizer: Adam, generatorOptimizer: Adam
    private let discriminatorGradients: FloatBuffer, generatorGradients: FloatBuffer
    private let shards: ParallelShards<GANShard>

    /// - Throws: `TrainingError.tooFewWindows`.
    public init(
        _ data: AdversarialPairs, recipe: GANRecipe, architecture: DiscriminatorArchitecture = .paper
    ) throws(TrainingError) {
        precondition(recipe.threads >= 1 && recipe.batch >= 2 * recipe.threads)
        try Self.require(data.count, batch: recipe.batch)
        self.data = data
        self.recipe = recipe
        dataChecksum = data.checksum
        let random = SeededGenerator(seed: recipe.seed)
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
        shards = ParallelShards(recipe.threads, batch: recipe.batch) { number, first, size in
            GANShard(
                number == 0 ? discriminator : discriminator.replica(), number == 0 ? generator : generator.replica(),
                first: first, size: size, recipe: recipe)
        }
        super.init(
            Plan(
                epochs: recipe.epochs, batch: recipe.batch, windowsPerEpoch: data.count, seed: recipe.seed,
                firstStream: 3,
                losses: GANLosses.terms.map {
                    LossTerm(name: $0.name, key: "loss " + $0.name, lastEpochKey: "last loss " + $0.name)
                }))
    }

    /// One step of three updates.
    override func update(_ batch: ArraySlice<Int>) throws(TrainingError) -> [Double] {
        discriminatorOptimizer.learningRate = learningRate
        generatorOptimizer.learningRate = learningRate
        let mode: NormalizationMode =
            epoch >= recipe.epochs - recipe.frozenStatisticsEpochs ? .runningStatistics : .batchStatistics
        for shard in shards.shards { shard.generatorMode = mode }
        load(batch)
        shards.run { $0.learnReal() }
        try requireFinite(stepLosses)
        // Only real windows update the running statistics: the deployed network sees ECG, not generated windows, and
        // statistics of both would fit neither.
        for shard in shards.shards { shard.discriminator.updateRunningStatistics() }
        try updateDiscriminator()
        shards.run { $0.learnGenerated() }
        try updateDiscriminator()
        shards.run { $0.learnGenerator() }
        try updateGenerator()
        return stepLosses
    }

    private var learningRate: Float {
        let left = Float(totalSteps - epoch * stepsPerEpoch - stepInEpoch)
        let decaySteps = Float(recipe.decayEpochs * stepsPerEpoch)
        return left >= decaySteps ? recipe.learningRate : recipe.learningRate * left / decaySteps
    }

    private func load(_ batch: ArraySlice<Int>) {
        let length = Discriminator.windowLength
        for (number, shard) in shards.shards.enumerated() {
            for item in 0..<shard.size {
                let index = batch[batch.startIndex + shard.first + item]
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

    /// The batch's loss terms, in the order of `GANLosses.terms`.
    private var stepLosses: [Double] {
        var total = GANLosses()
        for shard in shards.shards {
            total.accumulate(shard.losses, share: Double(shard.size) / Double(recipe.batch))
        }
        return GANLosses.terms.map { total[keyPath: $0.path] }
    }

    private func updateDiscriminator() throws(TrainingError) {
        try requireFinite(stepLosses)
        shards.sum(\.discriminatorGradients, into: discriminatorGradients)
        // The shards repack the new weights at the start of their next pass.
        discriminatorOptimizer.update(discriminator.store, gradients: discriminatorGradients.pointer)
    }

    private func updateGenerator() throws(TrainingError) {
        try requireFinite(stepLosses)
        shards.sum(\.generatorGradients, into: generatorGradients)
        for shard in shards.shards { shard.generator.updateRunningStatistics() }
        generatorOptimizer.update(generator.store, gradients: generatorGradients.pointer)
        for shard in shards.shards { shard.generator.weightsChanged() }
    }

    // MARK: Checkpoints

    override var checkpointContent: CheckpointContent {
        CheckpointContent(
            architecture: "ecg-atk-gan-pair-1",
            identity: [
                "kind": "checkpoint", "recipe": "\(recipe)", "windows": dataChecksum,
                "discriminator": discriminator.architectureIdentifier, "generator": Generator.architectureIdentifier,
            ], randomKey: "random",
            parts: [
                .init(
                    discriminator.store, discriminatorOptimizer, weights: "discriminator.",
                    moments: "discriminator.adam."),
                .init(generator.store, generatorOptimizer, weights: "generator.", moments: "generator.adam."),
            ])
    }

    override var optimizerSteps: [String: Int] {
        get {
            ["updates_discriminator": discriminatorOptimizer.step, "updates_generator": generatorOptimizer.step]
        }
        set {
            discriminatorOptimizer.step = newValue["updates_discriminator"] ?? 0
            generatorOptimizer.step = newValue["updates_generator"] ?? 0
        }
    }

    override func weightsRestored() {
        for shard in shards.shards {
            shard.discriminator.weightsChanged()
            shard.generator.weightsChanged()
        }
    }
}
