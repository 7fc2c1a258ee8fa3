internal import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// How a generator that was trained against a discriminator is trained further, on reconstruction alone.
public struct ReconstructionRecipe: Sendable, Equatable, Codable {
    public var epochs = 6
    public var batch = 64
    /// Shards of a batch that run in parallel; the gradient sums depend on this number.
    public var threads = 1
    /// Initial value; it follows a cosine decay to zero.
    public var learningRate: Float = 2e-4
    public var beta1: Float = 0.9
    /// Weight of the mean squared error of the first differences relative to that of the values. Roughness in a
    /// smooth part of a window hardly changes the values' error, but it does change the structure.
    public var differenceWeight: Float = 10
    /// Seed of the window order and the noise.
    public var seed: UInt64 = 1

    public init() {}
}

/// Trains a `Generator` to reproduce its input windows, as Table 2 of the paper measures; its normalizations keep
/// using their running statistics, as in use. The same weights, seed, data and number of threads give bit-identical
/// weights, even after a resume.
public final class ReconstructionTrainer: EpochTrainer {
    public let recipe: ReconstructionRecipe
    public let generator: Generator

    private let data: BeatDataset
    private let dataChecksum: String
    private var optimizer: Adam
    private let gradients: FloatBuffer
    private let shards: ParallelShards<Shard>

    private final class Shard: WindowShard, @unchecked Sendable {
        let generator: Generator
        let first: Int, size: Int
        let gradients: FloatBuffer, windows: FloatBuffer, noise: FloatBuffer, slope: FloatBuffer
        let noiseScratch = FloatBuffer()
        var random = SeededGenerator(seed: 0)
        var labels: [UInt8]
        var values = 0.0, differences = 0.0

        init(_ generator: Generator, first: Int, size: Int) {
            self.generator = generator
            self.first = first
            self.size = size
            let count = size * Discriminator.windowLength
            gradients = FloatBuffer(count: generator.store.count)
            windows = FloatBuffer(count: count)
            noise = FloatBuffer(count: count)
            slope = FloatBuffer(count: count)
            labels = Array(repeating: 0, count: size)
        }

        func learn(differenceWeight: Float) {
            let length = Discriminator.windowLength
            GeneratorNoise.fill(noise.pointer, batch: size, using: &random, scratch: noiseScratch)
            let made = generator.forward(
                windows.pointer, labels: labels, noise: noise.pointer, batch: size, mode: .runningStatistics)
            values = Loss.meanSquaredError(
                values: made, targets: windows.pointer, count: size * length, gradient: slope.pointer)
            differences = 0
            let count = Float(size * (length - 1))
            let scale = 2 * differenceWeight / count
            for b in 0..<size {
                let made = made + b * length
                let window = windows.pointer + b * length
                let slope = slope.pointer + b * length
                for i in 1..<length {
                    let error = (made[i] - made[i - 1]) - (window[i] - window[i - 1])
                    differences += Double(error * error / count)
                    slope[i] += scale * error
                    slope[i - 1] -= scale * error
                }
            }
            gradients.zero()
            generator.backward(slope.pointer, batch: size, gradients: gradients.pointer)
        }
    }

    /// - Parameters:
    ///   - data: windows without a margin, clean and adversarial, scaled to [0,1].
    ///   - generator: trained in place.
    /// - Throws: `TrainingError.tooFewWindows`.
    public init(
        _ data: BeatDataset, generator: Generator, recipe: ReconstructionRecipe
    ) throws(TrainingError) {
        precondition(data.margin == 0 && recipe.threads >= 1 && recipe.batch >= recipe.threads)
        try Self.require(data.count, batch: recipe.batch)
        self.data = data
        self.generator = generator
        self.recipe = recipe
        dataChecksum = SHA256.hexadecimalDigest(of: data.values.withUnsafeBytes { Array($0) } + data.labels)
        optimizer = Adam(store: generator.store, learningRate: recipe.learningRate, beta1: recipe.beta1)
        gradients = FloatBuffer(count: generator.store.count)
        shards = ParallelShards(recipe.threads, batch: recipe.batch) { number, first, size in
            Shard(number == 0 ? generator : generator.replica(), first: first, size: size)
        }
        super.init(
            Plan(
                epochs: recipe.epochs, batch: recipe.batch, windowsPerEpoch: data.count, seed: recipe.seed,
                losses: [
                    LossTerm(name: "mse e6", key: "loss_values", factor: 1e6),
                    LossTerm(name: "differences e6", key: "loss_differences", factor: 1e6),
                ]))
    }

    override func update(_ batch: ArraySlice<Int>) throws(TrainingError) -> [Double] {
        shards.load(batch, of: data)
        for (number, shard) in shards.shards.enumerated() { shard.random = random.split(UInt64(number) + 1) }
        _ = random.next()
        let weight = recipe.differenceWeight
        shards.run { $0.learn(differenceWeight: weight) }
        let losses = [shards.mean(\.values), shards.mean(\.differences)]
        try requireFinite(losses)
        shards.sum(\.gradients, into: gradients)
        optimizer.learningRate = recipe.learningRate * max(0.5 * (1 + cosf(.pi * progress)), 1e-3)
        optimizer.update(generator.store, gradients: gradients.pointer)
        for shard in shards.shards { shard.generator.weightsChanged() }
        return losses
    }

    // MARK: Checkpoints

    override var checkpointContent: CheckpointContent {
        CheckpointContent(
            architecture: Generator.architectureIdentifier,
            identity: ["kind": "reconstruction checkpoint", "recipe": "\(recipe)", "windows": dataChecksum],
            randomKey: "generator_state", parts: [.init(generator.store, optimizer)])
    }

    override var optimizerSteps: [String: Int] {
        get { ["optimizer_step": optimizer.step] }
        set { optimizer.step = newValue["optimizer_step"] ?? 0 }
    }

    override func weightsRestored() { for shard in shards.shards { shard.generator.weightsChanged() } }
}
