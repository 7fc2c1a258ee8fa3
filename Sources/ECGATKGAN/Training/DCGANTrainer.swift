public import NeuralNetwork

/// How a `DCGAN` is trained: the settings of Radford, Metz & Chintala 2015.
public struct DCGANRecipe: Sendable, Equatable, Codable {
    public var epochs = 30
    public var batch = 64
    public var learningRate: Float = 2e-4
    public var beta1: Float = 0.5
    public var seed: UInt64 = 1

    public init() {}
}

/// Trains the DC-GAN of one class: the critic tells real windows from made ones (binary cross-entropy), then the
/// generator learns to be taken for real. The same seed and data give the same weights, bit for bit, also after a
/// resume.
public final class DCGANTrainer: NetworkTrainer {
    public let recipe: DCGANRecipe
    public let network: DCGAN
    public private(set) var epoch = 0
    public private(set) var stepInEpoch = 0

    private let data: BeatDataset
    private let dataChecksum: String
    private var random: SeededGenerator
    private var order: [Int] = []
    private var criticOptimizer: Adam, generatorOptimizer: Adam
    private let criticGradients: FloatBuffer, generatorGradients: FloatBuffer
    private let windows: FloatBuffer, noise: FloatBuffer, slope: FloatBuffer
    private var losses = (critic: 0.0, generator: 0.0), lastEpochLosses = (critic: 0.0, generator: 0.0)

    /// - Parameter data: windows of the class without a margin, scaled to [0,1].
    /// - Throws: `TrainingError.tooFewWindows`.
    public init(_ data: BeatDataset, recipe: DCGANRecipe) throws(TrainingError) {
        precondition(data.margin == 0 && recipe.batch >= 2)
        guard data.count >= recipe.batch else { throw .tooFewWindows(count: data.count, batch: recipe.batch) }
        self.data = data
        self.recipe = recipe
        dataChecksum = SHA256.hexadecimalDigest(of: data.values.withUnsafeBytes { Array($0) })
        random = SeededGenerator(seed: recipe.seed)
        let network = DCGAN(seed: random.split(0).state)
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
        startEpoch()
    }

    public var epochs: Int { recipe.epochs }
    public var stepsPerEpoch: Int { data.count / recipe.batch }
    public var namedLosses: [NamedLoss] {
        [NamedLoss("critic", losses.critic), NamedLoss("generator", losses.generator)]
    }
    public var lastEpochNamedLosses: [NamedLoss] {
        [NamedLoss("critic", lastEpochLosses.critic), NamedLoss("generator", lastEpochLosses.generator)]
    }

    private func startEpoch() {
        random = SeededGenerator(seed: recipe.seed).split(UInt64(epoch) + 1)
        order = Array(0..<data.count).shuffled(using: &random)
        stepInEpoch = 0
        losses = (0, 0)
    }

    /// One update of the critic on as many real as made windows, one of the generator.
    public func step() throws(TrainingError) {
        let length = Discriminator.windowLength
        let batch = recipe.batch
        for item in 0..<batch {
            let index = order[stepInEpoch * batch + item]
            for i in 0..<length { windows.pointer[item * length + i] = data.values[index * length + i] }
        }
        DCGAN.fillNoise(noise.pointer, batch: batch, using: &random)
        let made = network.generator.layers.forward(noise.pointer, batch: batch, mode: .batchStatistics)
        criticGradients.zero()
        let real = judge(windows.pointer, target: 1, gradients: criticGradients.pointer).loss
        let generated = judge(made, target: 0, gradients: criticGradients.pointer).loss
        guard real.isFinite, generated.isFinite else { throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1) }
        criticOptimizer.update(network.critic.store, gradients: criticGradients.pointer)
        network.critic.layers.weightsChanged()

        // The same windows once more before the critic that has learned.
        let (loss, gradient) = judge(made, target: 1, gradients: nil)
        guard loss.isFinite else { throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1) }
        generatorGradients.zero()
        _ = network.generator.layers.backward(
            gradient, batch: batch, gradients: generatorGradients.pointer, needsInputGradient: false)
        network.generator.layers.updateRunningStatistics()
        generatorOptimizer.update(network.generator.store, gradients: generatorGradients.pointer)
        network.generator.layers.weightsChanged()

        stepInEpoch += 1
        losses.critic += ((real + generated) / 2 - losses.critic) / Double(stepInEpoch)
        losses.generator += (loss - losses.generator) / Double(stepInEpoch)
        if stepInEpoch == stepsPerEpoch {
            epoch += 1
            lastEpochLosses = losses
            if !isFinished { startEpoch() }
        }
    }

    /// The critic's loss on windows that all have one target, and the gradient of the windows; adds to `gradients`.
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

    private typealias Half = (store: ParameterStore, buffers: [(prefix: String, values: FloatBuffer)])
    private var halves: [Half] {
        func half(_ name: String, _ store: ParameterStore, _ optimizer: Adam) -> Half {
            let buffers = [
                (prefix: name + ".current.", values: store.values),
                (prefix: name + ".adam.first.", values: optimizer.firstMoment),
                (prefix: name + ".adam.second.", values: optimizer.secondMoment),
            ]
            return (store, buffers)
        }
        return [
            half("critic", network.critic.store, criticOptimizer),
            half("generator", network.generator.store, generatorOptimizer),
        ]
    }

    private static let identifier = "shaker-2020-dcgan"

    public func checkpoint() -> SafeTensors {
        var file = SafeTensors(metadata: [
            "architecture": Self.identifier, "epoch": "\(epoch)", "step_in_epoch": "\(stepInEpoch)",
            "optimizer_step": "\(criticOptimizer.step)", "generator_state": "\(random.state)", "recipe": "\(recipe)",
            "windows": dataChecksum, "loss_critic": "\(losses.critic)", "loss_generator": "\(losses.generator)",
        ])
        for half in halves { CheckpointTensors.add(half.buffers, of: half.store, to: &file) }
        return file
    }

    public func restore(_ file: SafeTensors, path: String) throws(TrainingError) {
        let metadata = file.metadata
        guard metadata["architecture"] == Self.identifier else {
            throw .model(
                .otherArchitecture(
                    path: path, found: metadata["architecture"] ?? "none named", expected: Self.identifier))
        }
        guard metadata["recipe"] == "\(recipe)", metadata["windows"] == dataChecksum,
            let epoch = metadata["epoch"].flatMap({ Int($0) }), (0...recipe.epochs).contains(epoch),
            let step = metadata["step_in_epoch"].flatMap({ Int($0) }), (0...stepsPerEpoch).contains(step),
            let optimizerStep = metadata["optimizer_step"].flatMap({ Int($0) }), optimizerStep >= 0,
            let state = metadata["generator_state"].flatMap({ UInt64($0) })
        else { throw .checkpointOfOtherRecipe(path: path) }
        for half in halves {
            try CheckpointTensors.restore(half.buffers, of: half.store, from: file, path: path)
        }
        self.epoch = epoch
        startEpoch()
        stepInEpoch = step
        losses.critic = metadata["loss_critic"].flatMap { Double($0) } ?? 0
        losses.generator = metadata["loss_generator"].flatMap { Double($0) } ?? 0
        random = SeededGenerator(seed: state)
        criticOptimizer.step = optimizerStep
        generatorOptimizer.step = optimizerStep
        network.critic.layers.weightsChanged()
        network.generator.layers.weightsChanged()
    }
}

extension BeatDataset {
    /// Raises a class to `target` windows with windows that a DC-GAN of the class makes.
    public mutating func fill(_ beatClass: BeatClass, to target: Int, by network: DCGAN, seed: UInt64) {
        let missing = target - count(of: beatClass)
        guard missing > 0 else { return }
        precondition(margin == 0, "the network makes windows without a margin")
        var random = SeededGenerator(seed: seed)
        let made = network.windows(missing, using: &random)
        for index in 0..<missing { append(made[(index * length)..<((index + 1) * length)], label: beatClass) }
    }
}
