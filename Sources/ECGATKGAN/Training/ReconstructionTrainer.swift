public import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// How a generator that was trained against a discriminator is trained on: for the likeness of its windows alone.
public struct ReconstructionRecipe: Sendable, Equatable, Codable {
    public var epochs = 6
    public var batch = 64
    /// Shards of a batch that run side by side; the sums of their gradients depend on the number.
    public var threads = 1
    /// The beginning of a cosine down to nothing.
    public var learningRate: Float = 2e-4
    public var beta1: Float = 0.9
    /// Weight of the mean squared error of the first differences beside that of the values: what is rough where the
    /// window is smooth is hardly an error of the values, but of the structure.
    public var differenceWeight: Float = 10
    /// Of the order of the windows and of the noise.
    public var seed: UInt64 = 1

    public init() {}
}

/// Trains a `Generator` to give back the windows that it is given, as Table 2 of the paper measures it; its
/// normalisations stay on their running statistics, as they are when it is used. The same weights, seed, data and
/// number of threads give the same weights, bit for bit, also after a resume.
public final class ReconstructionTrainer: NetworkTrainer {
    public let recipe: ReconstructionRecipe
    public let generator: Generator
    public private(set) var epoch = 0
    /// Steps done in this epoch.
    public private(set) var stepInEpoch = 0

    private let data: BeatDataset
    private let dataChecksum: String
    private var optimizer: Adam
    private var random: SeededGenerator
    private var order: [Int] = []
    private var losses = (values: 0.0, differences: 0.0), lastEpochLosses = (values: 0.0, differences: 0.0)
    private let gradients: FloatBuffer
    private let shards: ParallelShards<Shard>

    private final class Shard: TrainingShard, @unchecked Sendable {
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
    ///   - data: windows without a margin, clean and attacked, scaled to [0,1].
    ///   - generator: trained in place.
    /// - Throws: `TrainingError.tooFewWindows`.
    public init(
        _ data: BeatDataset, generator: Generator, recipe: ReconstructionRecipe
    ) throws(TrainingError) {
        precondition(data.margin == 0 && recipe.threads >= 1 && recipe.batch >= recipe.threads)
        guard data.count >= recipe.batch else { throw .tooFewWindows(count: data.count, batch: recipe.batch) }
        self.data = data
        self.generator = generator
        self.recipe = recipe
        dataChecksum = SHA256.hexadecimalDigest(of: data.values.withUnsafeBytes { Array($0) } + data.labels)
        optimizer = Adam(store: generator.store, learningRate: recipe.learningRate, beta1: recipe.beta1)
        gradients = FloatBuffer(count: generator.store.count)
        random = SeededGenerator(seed: recipe.seed)
        shards = ParallelShards(recipe.threads, batch: recipe.batch) { number, first, size in
            Shard(number == 0 ? generator : generator.replica(), first: first, size: size)
        }
        startEpoch()
    }

    public var epochs: Int { recipe.epochs }
    public var stepsPerEpoch: Int { data.count / recipe.batch }
    public var namedLosses: [NamedLoss] { Self.named(losses) }
    public var lastEpochNamedLosses: [NamedLoss] { Self.named(lastEpochLosses) }

    private static func named(_ losses: (values: Double, differences: Double)) -> [NamedLoss] {
        // Means over windows in [0,1] are too small for a progress line.
        [NamedLoss("mse e6", 1e6 * losses.values), NamedLoss("differences e6", 1e6 * losses.differences)]
    }

    /// Order and noise of an epoch depend on the seed and its number alone.
    private func startEpoch() {
        random = SeededGenerator(seed: recipe.seed).split(UInt64(epoch) + 1)
        order = Array(0..<data.count).shuffled(using: &random)
        stepInEpoch = 0
        losses = (0, 0)
    }

    /// One batch, one update. Ends an epoch when its last batch was used.
    public func step() throws(TrainingError) {
        let length = Discriminator.windowLength
        for (number, shard) in shards.shards.enumerated() {
            for item in 0..<shard.size {
                let index = order[stepInEpoch * recipe.batch + shard.first + item]
                shard.labels[item] = data.labels[index]
                data.values.withUnsafeBufferPointer { values in
                    guard let base = values.baseAddress else { return }
                    (shard.windows.pointer + item * length).update(from: base + index * length, count: length)
                }
            }
            shard.random = random.split(UInt64(number) + 1)
        }
        _ = random.next()
        let weight = recipe.differenceWeight
        shards.run { $0.learn(differenceWeight: weight) }
        let values = shards.mean(\.values)
        let differences = shards.mean(\.differences)
        guard values.isFinite, differences.isFinite else {
            throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1)
        }
        shards.sumGradients(into: gradients)
        let progress = Float(epoch * stepsPerEpoch + stepInEpoch) / Float(max(totalSteps, 1))
        optimizer.learningRate = recipe.learningRate * max(0.5 * (1 + cosf(.pi * progress)), 1e-3)
        optimizer.update(generator.store, gradients: gradients.pointer)
        for shard in shards.shards { shard.generator.weightsChanged() }
        stepInEpoch += 1
        losses.values += (values - losses.values) / Double(stepInEpoch)
        losses.differences += (differences - losses.differences) / Double(stepInEpoch)
        if stepInEpoch == stepsPerEpoch {
            epoch += 1
            lastEpochLosses = losses
            if !isFinished { startEpoch() }
        }
    }

    // MARK: Checkpoints

    private static let kind = "reconstruction checkpoint"

    private var buffers: [(prefix: String, values: FloatBuffer)] {
        [
            ("current.", generator.store.values), ("adam.first.", optimizer.firstMoment),
            ("adam.second.", optimizer.secondMoment),
        ]
    }

    public func checkpoint() -> SafeTensors {
        var file = SafeTensors(metadata: [
            "architecture": Generator.architectureIdentifier, "kind": Self.kind, "epoch": "\(epoch)",
            "step_in_epoch": "\(stepInEpoch)", "optimizer_step": "\(optimizer.step)", "recipe": "\(recipe)",
            "windows": dataChecksum, "generator_state": "\(random.state)", "loss_values": "\(losses.values)",
            "loss_differences": "\(losses.differences)",
        ])
        CheckpointTensors.add(buffers, of: generator.store, to: &file)
        return file
    }

    public func restore(_ file: SafeTensors, path: String) throws(TrainingError) {
        let metadata = file.metadata
        guard metadata["architecture"] == Generator.architectureIdentifier else {
            throw .model(
                .otherArchitecture(
                    path: path, found: metadata["architecture"] ?? "none named",
                    expected: Generator.architectureIdentifier))
        }
        guard metadata["kind"] == Self.kind, metadata["recipe"] == "\(recipe)", metadata["windows"] == dataChecksum,
            let epoch = metadata["epoch"].flatMap({ Int($0) }), (0...recipe.epochs).contains(epoch),
            let step = metadata["step_in_epoch"].flatMap({ Int($0) }), (0...stepsPerEpoch).contains(step),
            let optimizerStep = metadata["optimizer_step"].flatMap({ Int($0) }), optimizerStep >= 0,
            let state = metadata["generator_state"].flatMap({ UInt64($0) })
        else { throw .checkpointOfOtherRecipe(path: path) }
        try CheckpointTensors.restore(buffers, of: generator.store, from: file, path: path)
        self.epoch = epoch
        startEpoch()
        stepInEpoch = step
        losses = (
            metadata["loss_values"].flatMap { Double($0) } ?? 0,
            metadata["loss_differences"].flatMap { Double($0) } ?? 0
        )
        random = SeededGenerator(seed: state)
        optimizer.step = optimizerStep
        for shard in shards.shards { shard.generator.weightsChanged() }
    }
}
