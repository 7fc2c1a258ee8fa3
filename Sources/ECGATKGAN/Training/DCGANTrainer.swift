internal import NeuralNetwork

/// How a `DCGAN` is trained: the settings of Radford, Metz & Chintala 2015.
public struct DCGANRecipe: Sendable, Equatable, Codable {
    public var epochs = 30
    public var batch = 64
    public var learningRate: Float = 2e-4
    public var beta1: Float = 0.5
    public var seed: UInt64 = 1

    public init() {}
}

/// Trains the DC-GAN of one class: the critic learns to tell real windows from generated ones (binary cross-entropy),
/// then the generator learns to fool it. The same seed and data give bit-identical weights, even after a resume.
public final class DCGANTrainer: EpochTrainer {
    public let recipe: DCGANRecipe
    public let network: DCGAN

    private let data: BeatDataset
    private let dataChecksum: String
    private var criticOptimizer: Adam, generatorOptimizer: Adam
    private let criticGradients: FloatBuffer, generatorGradients: FloatBuffer
    private let windows: FloatBuffer, noise: FloatBuffer, slope: FloatBuffer

    /// - Parameter data: windows of the class without a margin, scaled to [0,1].
    /// - Throws: `TrainingError.tooFewWindows`.
    public init(_ data: BeatDataset, recipe: DCGANRecipe) throws(TrainingError) {
        precondition(data.margin == 0 && recipe.batch >= 2)
        try Self.require(data.count, batch: recipe.batch)
        self.data = data
        self.recipe = recipe
        dataChecksum = SHA256.hexadecimalDigest(of: data.values.withUnsafeBytes { Array($0) })
        let network = DCGAN(seed: SeededGenerator(seed: recipe.seed).split(0).state)
        self.network = network
        func optimizer(_ store: ParameterStore) -> Adam {
            Adam(store: store, learningRate: recipe.learningRate, beta1: recipe.beta1)
        }
        criticOptimizer = optimizer(network.critic.store)
        generatorOptimizer = optimizer(network.generator.store)
        criticGradients = FloatBuffer(count: network.critic.store.count)
        generatorGradients = FloatBuffer(count: network.generator.store.count)
        windows = FloatBuffer(count: recipe.batch * Discriminator.windowLength)
        noise = FloatBuffer(count: recipe.batch * DCGAN.noiseCount)
        slope = FloatBuffer(count: recipe.batch)
        super.init(
            Plan(
                epochs: recipe.epochs, batch: recipe.batch, windowsPerEpoch: data.count, seed: recipe.seed,
                losses: [
                    LossTerm(name: "critic", key: "loss_critic"), LossTerm(name: "generator", key: "loss_generator"),
                ]))
    }

    /// One update of the critic on equal numbers of real and generated windows, then one of the generator.
    override func update(_ batch: ArraySlice<Int>) throws(TrainingError) -> [Double] {
        let length = Discriminator.windowLength
        for (item, index) in batch.enumerated() {
            for i in 0..<length { windows.pointer[item * length + i] = data.values[index * length + i] }
        }
        DCGAN.fillNoise(noise.pointer, batch: recipe.batch, using: &random)
        let made = network.generator.layers.forward(noise.pointer, batch: recipe.batch, mode: .batchStatistics)
        criticGradients.zero()
        let real = judge(windows.pointer, target: 1, gradients: criticGradients.pointer).loss
        let generated = judge(made, target: 0, gradients: criticGradients.pointer).loss
        try requireFinite([real, generated])
        criticOptimizer.update(network.critic.store, gradients: criticGradients.pointer)
        network.critic.layers.weightsChanged()

        // The same windows again, judged by the updated critic.
        let (loss, gradient) = judge(made, target: 1, gradients: nil)
        try requireFinite([loss])
        generatorGradients.zero()
        _ = network.generator.layers.backward(
            gradient, batch: recipe.batch, gradients: generatorGradients.pointer, needsInputGradient: false)
        network.generator.layers.updateRunningStatistics()
        generatorOptimizer.update(network.generator.store, gradients: generatorGradients.pointer)
        network.generator.layers.weightsChanged()
        return [(real + generated) / 2, loss]
    }

    /// The critic's loss on windows that share one target, and the gradient of the windows; adds to `gradients`.
    private func judge(
        _ windows: UnsafePointer<Float>, target: Float, gradients: UnsafeMutablePointer<Float>?
    ) -> (loss: Double, gradient: UnsafeMutablePointer<Float>) {
        let logits = network.critic.layers.forward(windows, batch: recipe.batch, mode: .batchStatistics)
        let targets = [Float](repeating: target, count: recipe.batch)
        let loss = Loss.binaryCrossEntropy(
            logits: logits, targets: targets, batch: recipe.batch, gradient: slope.pointer)
        let gradient = network.critic.layers.backward(
            slope.pointer, batch: recipe.batch, gradients: gradients, needsInputGradient: gradients == nil)
        return (loss, gradient)
    }

    // MARK: Checkpoints

    override var checkpointContent: CheckpointContent {
        func part(_ name: String, _ store: ParameterStore, _ optimizer: Adam) -> CheckpointContent.Part {
            .init(store, optimizer, weights: name + ".current.", moments: name + ".adam.")
        }
        return CheckpointContent(
            architecture: "shaker-2020-dcgan", identity: ["recipe": "\(recipe)", "windows": dataChecksum],
            randomKey: "generator_state",
            parts: [
                part("critic", network.critic.store, criticOptimizer),
                part("generator", network.generator.store, generatorOptimizer),
            ])
    }

    /// Each optimizer makes one update per step.
    override var optimizerSteps: [String: Int] {
        get { ["optimizer_step": criticOptimizer.step] }
        set {
            criticOptimizer.step = newValue["optimizer_step"] ?? 0
            generatorOptimizer.step = criticOptimizer.step
        }
    }

    override func weightsRestored() {
        network.critic.layers.weightsChanged()
        network.generator.layers.weightsChanged()
    }
}

extension BeatDataset {
    /// Adds windows generated by a DC-GAN of the class until the class has `target` windows.
    public mutating func fill(_ beatClass: BeatClass, to target: Int, by network: DCGAN, seed: UInt64) {
        let missing = target - count(of: beatClass)
        guard missing > 0 else { return }
        precondition(margin == 0, "the network makes windows without a margin")
        var random = SeededGenerator(seed: seed)
        let made = network.windows(missing, using: &random)
        for index in 0..<missing { append(made[(index * length)..<((index + 1) * length)], label: beatClass) }
    }
}
