public import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// Trains a `Discriminator` step by step. The same seed and data give bit-identical weights, even after a resume.
public final class DiscriminatorTrainer: EpochTrainer {
    public let recipe: DiscriminatorRecipe
    public let network: Discriminator
    /// The moving average of the weights, which is evaluated and saved.
    public let averaged: ParameterStore
    /// Means over the current epoch so far.
    public var losses: TrainingLosses { TrainingLosses(means.values, steps: means.steps) }
    /// Losses of the last completed epoch.
    public var lastEpochLosses: TrainingLosses { TrainingLosses(lastEpochMeans.values, steps: lastEpochMeans.steps) }

    private let data: BeatDataset
    private let normalIndices: [Int], otherIndices: [Int]
    private var optimizer: Adam
    /// N beats per epoch.
    private let normalsPerEpoch: Int
    private let gradients: FloatBuffer
    private let shards: ParallelShards<DiscriminatorShard>

    /// - Parameters:
    ///   - weights: initial weights; tensors missing from them are newly initialized.
    ///   - windowGenerator: generates `generatedShare` of the windows; its weights are not changed.
    public init(
        _ data: BeatDataset, recipe: DiscriminatorRecipe, architecture: DiscriminatorArchitecture = .paper,
        startingFrom weights: ParameterStore? = nil, windowGenerator: Generator? = nil
    ) throws(TrainingError) {
        precondition(recipe.generatedShare == 0 || windowGenerator != nil, "windows to be made want a generator")
        precondition(recipe.threads >= 1 && recipe.batch >= 2 * recipe.threads)
        try Self.require(data.count, batch: recipe.batch)
        precondition(data.margin >= recipe.jitter, "the windows have no room for the jitter")
        self.data = data
        self.recipe = recipe
        network = Discriminator(architecture, seed: recipe.seed)
        averaged = Discriminator(architecture, seed: recipe.seed).store
        optimizer = Adam(store: network.store, learningRate: 0, beta1: recipe.beta1, weightDecay: recipe.weightDecay)
        gradients = FloatBuffer(count: network.store.count)
        network.trainsAttackBranchAlone = recipe.trainsAttackBranchAlone
        if let weights {
            network.store.copyTensors(from: weights)
            averaged.copyTensors(from: weights)
            network.weightsChanged()
        }
        normalIndices = data.indices(of: .normal)
        otherIndices = data.labels.indices.filter { data.labels[$0] != BeatClass.normal.rawValue }
        let network = self.network
        shards = ParallelShards(recipe.threads, batch: recipe.batch) { number, first, size in
            let own = number == 0 ? network : network.replica()
            own.trainsAttackBranchAlone = recipe.trainsAttackBranchAlone
            return DiscriminatorShard(
                own, windowGenerator: windowGenerator?.replica(), first: first, size: size, recipe: recipe)
        }
        let drawn =
            recipe.normalBeatsPerEpoch == 0 ? normalIndices.count : min(recipe.normalBeatsPerEpoch, normalIndices.count)
        let windowsPerEpoch = max(drawn + otherIndices.count, recipe.batch)
        normalsPerEpoch = windowsPerEpoch - otherIndices.count
        super.init(
            Plan(
                epochs: recipe.epochs, batch: recipe.batch, windowsPerEpoch: windowsPerEpoch, seed: recipe.seed,
                losses: [
                    LossTerm(name: "class", key: "loss_classification"),
                    LossTerm(name: "attack", key: "loss_suspicion"),
                ]))
    }

    override func drawOrder() -> [Int] {
        let normals = normalIndices.shuffled(using: &random).prefix(normalsPerEpoch)
        return (otherIndices + normals).shuffled(using: &random)
    }

    private var learningRate: Float {
        let progress = progress
        if progress < 0.1 { return recipe.learningRate * (0.04 + 0.96 * progress / 0.1) }
        return recipe.learningRate * max(0.5 * (1 + cosf(.pi * (progress - 0.1) / 0.9)), 1e-3)
    }

    /// One update on a batch of clean windows and their adversarial examples.
    override func update(_ batch: ArraySlice<Int>) throws(TrainingError) -> [Double] {
        let length = Discriminator.windowLength
        for (number, shard) in shards.shards.enumerated() {
            for item in 0..<shard.size {
                let index = batch[batch.startIndex + shard.first + item]
                shard.labels[item] = data.labels[index]
                shard.labels[shard.size + item] = data.labels[index]
                augment(
                    index,
                    into: UnsafeMutableBufferPointer(start: shard.windows.pointer + item * length, count: length))
            }
            shard.random = random.split(UInt64(number) + 1)
        }
        _ = random.next()
        shards.run { $0.learn() }
        shards.sum(\.gradients, into: gradients)
        let losses = [shards.mean(\.classification), shards.mean(\.suspicion)]
        try requireFinite(losses)
        for shard in shards.shards { shard.network.updateRunningStatistics() }
        optimizer.learningRate = learningRate
        optimizer.update(network.store, gradients: gradients.pointer, where: network.isTrained)
        for shard in shards.shards { shard.network.weightsChanged() }
        average()
        return losses
    }

    /// A window with R shifted and noise added, rescaled to [0,1].
    private func augment(_ index: Int, into window: UnsafeMutableBufferPointer<Float>) {
        let shift = recipe.jitter == 0 ? 0 : Int.random(in: -recipe.jitter...recipe.jitter, using: &random)
        let start = index * data.length + data.margin + shift
        for i in window.indices { window[i] = data.values[start + i] }
        if recipe.noise > 0, random.nextUniform() < 1 / 3 {
            let deviation = recipe.noise * random.nextUniform()
            for i in window.indices { window[i] += deviation * random.nextNormal() }
        }
        if recipe.wander > 0, random.nextUniform() < 0.25 {
            // Breathing and motion, 0.1 to 1 Hz: less than one period in a window of 0.78 s.
            let amplitude = recipe.wander * random.nextUniform()
            let turn = 2 * Float.pi * (0.1 + 0.9 * random.nextUniform()) / 360
            let phase = 2 * Float.pi * random.nextUniform()
            for i in window.indices { window[i] += amplitude * sinf(turn * Float(i) + phase) }
        }
        BeatDataset.scaleToUnitInterval(window)
    }

    private func average() {
        // The decay starts low and grows to its final value, so that the first steps do not dominate the average.
        let done = Float(optimizer.step)
        let decay = min(recipe.averagingDecay, (1 + done) / (10 + done))
        let current = network.store.values.pointer
        let target = averaged.values.pointer
        for i in 0..<network.store.count { target[i] += (1 - decay) * (current[i] - target[i]) }
    }

    // MARK: Checkpoints

    override var checkpointContent: CheckpointContent {
        CheckpointContent(
            architecture: network.architectureIdentifier,
            identity: ["kind": "checkpoint", "recipe": "\(recipe)", "windows": "\(data.count)"], randomKey: "generator",
            parts: [.init(network.store, optimizer, more: [("averaged.", averaged.values)])])
    }

    override var optimizerSteps: [String: Int] {
        get { ["optimizer_step": optimizer.step] }
        set { optimizer.step = newValue["optimizer_step"] ?? 0 }
    }

    override func weightsRestored() { for shard in shards.shards { shard.network.weightsChanged() } }
}
