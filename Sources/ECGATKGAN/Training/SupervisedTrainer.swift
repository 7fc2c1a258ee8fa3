public import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// How a network is trained on labelled windows alone, with cross-entropy: the undefended discriminator and the systems
/// that the paper compares with.
public struct SupervisedRecipe: Sendable, Equatable, Codable {
    public enum Schedule: String, Sendable, Codable, CaseIterable {
        case constant
        /// Half a cosine down to nothing.
        case cosine
    }

    public var epochs = 10
    public var batch = 64
    /// Shards of a batch that run side by side. Each normalises by its own statistics, so the weights depend on the
    /// number.
    public var threads = 1
    public var learningRate: Float = 1e-3
    public var schedule = Schedule.cosine
    public var beta1: Float = 0.9
    public var weightDecay: Float = 0
    /// Of the order of the windows; the network brings its own initialisation.
    public var seed: UInt64 = 1

    public init() {}
}

/// Trains any `BeatNetwork` on windows that are stored, clean or attacked. The same network, seed and data give the
/// same weights, bit for bit, also after a resume.
public final class SupervisedTrainer: NetworkTrainer {
    public let recipe: SupervisedRecipe
    public let network: any BeatNetwork
    public private(set) var epoch = 0
    /// Steps done in this epoch.
    public private(set) var stepInEpoch = 0

    private let data: BeatDataset
    private let dataChecksum: String
    private var optimizer: Adam
    private var order: [Int] = []
    private var loss = 0.0, lastEpochLoss = 0.0
    private let gradients: FloatBuffer
    private let shards: ParallelShards<Shard>

    private final class Shard: TrainingShard, @unchecked Sendable {
        let network: any BeatNetwork
        let first: Int, size: Int
        let gradients: FloatBuffer, windows: FloatBuffer, classGradient: FloatBuffer
        var labels: [UInt8]
        var loss = 0.0

        init(_ network: any BeatNetwork, first: Int, size: Int) {
            self.network = network
            self.first = first
            self.size = size
            gradients = FloatBuffer(count: network.store.count)
            windows = FloatBuffer(count: size * Discriminator.windowLength)
            classGradient = FloatBuffer(count: size * Discriminator.classCount)
            labels = Array(repeating: 0, count: size)
        }

        func learn() {
            let computedAttackHead = network.computesAttackHead
            network.computesAttackHead = false
            defer { network.computesAttackHead = computedAttackHead }
            let output = network.forward(windows.pointer, batch: size, mode: .batchStatistics)
            loss = Loss.crossEntropy(
                logits: output.classLogits, labels: labels, batch: size, classes: Discriminator.classCount,
                gradient: classGradient.pointer)
            gradients.zero()
            network.backward(
                batch: size, classGradient: classGradient.pointer, attackGradient: nil, realGradient: nil,
                gradients: gradients.pointer, needsInputGradient: false)
        }
    }

    /// - Parameters:
    ///   - data: windows without a margin, scaled to [0,1].
    ///   - network: trained in place.
    /// - Throws: `TrainingError.tooFewWindows`.
    public init(
        _ data: BeatDataset, network: any BeatNetwork, recipe: SupervisedRecipe
    ) throws(TrainingError) {
        precondition(data.margin == 0 && recipe.threads >= 1 && recipe.batch >= 2 * recipe.threads)
        guard data.count >= recipe.batch else { throw .tooFewWindows(count: data.count, batch: recipe.batch) }
        self.data = data
        self.network = network
        self.recipe = recipe
        dataChecksum = SHA256.hexadecimalDigest(of: data.values.withUnsafeBytes { Array($0) } + data.labels)
        optimizer = Adam(
            store: network.store, learningRate: recipe.learningRate, beta1: recipe.beta1,
            weightDecay: recipe.weightDecay)
        gradients = FloatBuffer(count: network.store.count)
        shards = ParallelShards(recipe.threads, batch: recipe.batch) { number, first, size in
            Shard(number == 0 ? network : network.replica(), first: first, size: size)
        }
        startEpoch()
    }

    public var epochs: Int { recipe.epochs }
    public var stepsPerEpoch: Int { data.count / recipe.batch }
    public var namedLosses: [NamedLoss] { [NamedLoss("class", loss)] }
    public var lastEpochNamedLosses: [NamedLoss] { [NamedLoss("class", lastEpochLoss)] }

    /// The order of an epoch depends on the seed and its number alone.
    private func startEpoch() {
        var random = SeededGenerator(seed: recipe.seed).split(UInt64(epoch) + 1)
        order = Array(0..<data.count).shuffled(using: &random)
        stepInEpoch = 0
        loss = 0
    }

    private var learningRate: Float {
        switch recipe.schedule {
        case .constant: return recipe.learningRate
        case .cosine:
            let progress = Float(epoch * stepsPerEpoch + stepInEpoch) / Float(max(totalSteps, 1))
            return recipe.learningRate * max(0.5 * (1 + cosf(.pi * progress)), 1e-3)
        }
    }

    /// One batch, one update. Ends an epoch when its last batch was used.
    public func step() throws(TrainingError) {
        let length = Discriminator.windowLength
        for shard in shards.shards {
            for item in 0..<shard.size {
                let index = order[stepInEpoch * recipe.batch + shard.first + item]
                shard.labels[item] = data.labels[index]
                data.values.withUnsafeBufferPointer { values in
                    guard let base = values.baseAddress else { return }
                    (shard.windows.pointer + item * length).update(from: base + index * length, count: length)
                }
            }
        }
        shards.run { $0.learn() }
        let stepLoss = shards.mean(\.loss)
        guard stepLoss.isFinite else { throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1) }
        shards.sumGradients(into: gradients)
        for shard in shards.shards { shard.network.updateRunningStatistics() }
        optimizer.learningRate = learningRate
        optimizer.update(network.store, gradients: gradients.pointer)
        for shard in shards.shards { shard.network.weightsChanged() }
        stepInEpoch += 1
        loss += (stepLoss - loss) / Double(stepInEpoch)
        if stepInEpoch == stepsPerEpoch {
            epoch += 1
            lastEpochLoss = loss
            if !isFinished { startEpoch() }
        }
    }

    // MARK: Checkpoints

    private var buffers: [(prefix: String, values: FloatBuffer)] {
        [
            ("current.", network.store.values), ("adam.first.", optimizer.firstMoment),
            ("adam.second.", optimizer.secondMoment),
        ]
    }

    public func checkpoint() -> SafeTensors {
        var file = SafeTensors(metadata: [
            "architecture": network.architectureIdentifier, "kind": "supervised checkpoint", "epoch": "\(epoch)",
            "step_in_epoch": "\(stepInEpoch)", "optimizer_step": "\(optimizer.step)", "recipe": "\(recipe)",
            "windows": dataChecksum, "loss": "\(loss)", "last_epoch_loss": "\(lastEpochLoss)",
        ])
        CheckpointTensors.add(buffers, of: network.store, to: &file)
        return file
    }

    public func restore(_ file: SafeTensors, path: String) throws(TrainingError) {
        let metadata = file.metadata
        guard metadata["architecture"] == network.architectureIdentifier else {
            throw .model(
                .otherArchitecture(
                    path: path, found: metadata["architecture"] ?? "none named",
                    expected: network.architectureIdentifier))
        }
        guard metadata["kind"] == "supervised checkpoint", metadata["recipe"] == "\(recipe)",
            metadata["windows"] == dataChecksum,
            let epoch = metadata["epoch"].flatMap({ Int($0) }), (0...recipe.epochs).contains(epoch),
            let step = metadata["step_in_epoch"].flatMap({ Int($0) }), (0...stepsPerEpoch).contains(step),
            let optimizerStep = metadata["optimizer_step"].flatMap({ Int($0) }), optimizerStep >= 0
        else { throw .checkpointOfOtherRecipe(path: path) }
        try CheckpointTensors.restore(buffers, of: network.store, from: file, path: path)
        self.epoch = epoch
        startEpoch()
        stepInEpoch = step
        loss = metadata["loss"].flatMap { Double($0) } ?? 0
        lastEpochLoss = metadata["last_epoch_loss"].flatMap { Double($0) } ?? 0
        optimizer.step = optimizerStep
        for shard in shards.shards { shard.network.weightsChanged() }
    }
}
