internal import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// How a network is trained on labelled windows with cross-entropy alone: the undefended discriminator and the
/// systems that the paper compares with.
public struct SupervisedRecipe: Sendable, Equatable, Codable {
    public enum Schedule: String, Sendable, Codable, CaseIterable {
        case constant
        /// Half-cosine decay to zero.
        case cosine
    }

    public var epochs = 10
    public var batch = 64
    /// Shards of a batch that run in parallel. Each normalizes by its own batch statistics, so the weights depend on
    /// this number.
    public var threads = 1
    public var learningRate: Float = 1e-3
    public var schedule = Schedule.cosine
    public var beta1: Float = 0.9
    public var weightDecay: Float = 0
    /// Seed of the window order; the network is already initialized.
    public var seed: UInt64 = 1

    public init() {}
}

/// Trains any `BeatNetwork` on stored windows, clean or adversarial. The same network, seed and data give
/// bit-identical weights, even after a resume.
public final class SupervisedTrainer: EpochTrainer {
    public let recipe: SupervisedRecipe
    public let network: any BeatNetwork

    private let data: BeatDataset
    private let dataChecksum: String
    private var optimizer: Adam
    private let gradients: FloatBuffer
    private let shards: ParallelShards<Shard>

    private final class Shard: WindowShard, @unchecked Sendable {
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
        try Self.require(data.count, batch: recipe.batch)
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
        super.init(
            Plan(
                epochs: recipe.epochs, batch: recipe.batch, windowsPerEpoch: data.count, seed: recipe.seed,
                losses: [LossTerm(name: "class", key: "loss", lastEpochKey: "last_epoch_loss")]))
    }

    private var learningRate: Float {
        switch recipe.schedule {
        case .constant: return recipe.learningRate
        case .cosine: return recipe.learningRate * max(0.5 * (1 + cosf(.pi * progress)), 1e-3)
        }
    }

    override func update(_ batch: ArraySlice<Int>) throws(TrainingError) -> [Double] {
        shards.load(batch, of: data)
        shards.run { $0.learn() }
        let loss = shards.mean(\.loss)
        try requireFinite([loss])
        shards.sum(\.gradients, into: gradients)
        for shard in shards.shards { shard.network.updateRunningStatistics() }
        optimizer.learningRate = learningRate
        optimizer.update(network.store, gradients: gradients.pointer)
        for shard in shards.shards { shard.network.weightsChanged() }
        return [loss]
    }

    // MARK: Checkpoints

    override var checkpointContent: CheckpointContent {
        CheckpointContent(
            architecture: network.architectureIdentifier,
            identity: ["kind": "supervised checkpoint", "recipe": "\(recipe)", "windows": dataChecksum],
            parts: [.init(network.store, optimizer)])
    }

    override var optimizerSteps: [String: Int] {
        get { ["optimizer_step": optimizer.step] }
        set { optimizer.step = newValue["optimizer_step"] ?? 0 }
    }

    override func weightsRestored() { for shard in shards.shards { shard.network.weightsChanged() } }
}
