public import NeuralNetwork

/// The loop shared by all trainers: epochs over the windows in a freshly drawn order, running means of the losses,
/// and checkpoints. A subclass adds the update of its networks on one batch.
///
/// The same seed, data and number of threads give bit-identical weights, even after a resume: the order and random
/// numbers of an epoch depend only on the seed and the epoch number.
public class EpochTrainer: NetworkTrainer {
    /// What the loop needs to know about a training run.
    struct Plan {
        var epochs: Int
        /// Windows per step.
        var batch: Int
        /// Windows per epoch; those that do not fill the last batch are dropped.
        var windowsPerEpoch: Int
        var seed: UInt64
        /// Random stream of the first epoch; the streams below it are used for the initial weights.
        var firstStream: UInt64 = 1
        var losses: [LossTerm]
    }

    /// One term of the loss.
    struct LossTerm {
        /// Name on the progress line.
        var name: String
        /// Key in the checkpoint's metadata.
        var key: String
        /// If set, the mean over the last completed epoch is also saved under this key.
        var lastEpochKey: String?
        /// Display factor, because means over windows in [0,1] are too small for a progress line.
        var factor = 1.0
    }

    /// Means over the steps of the current epoch so far, in the order of `Plan.losses`.
    struct RunningMeans {
        var values: [Double]
        var steps = 0

        mutating func add(_ step: [Double]) {
            steps += 1
            for term in values.indices { values[term] += (step[term] - values[term]) / Double(steps) }
        }
    }

    private let plan: Plan
    /// Completed epochs.
    public private(set) var epoch = 0
    /// Steps completed in the current epoch.
    public private(set) var stepInEpoch = 0
    private(set) final var means: RunningMeans, lastEpochMeans: RunningMeans
    /// The current epoch's random generator.
    final var random: SeededGenerator
    private var order: [Int] = []

    /// Call after the subclass's own properties are set.
    init(_ plan: Plan) {
        self.plan = plan
        means = RunningMeans(values: Array(repeating: 0, count: plan.losses.count))
        lastEpochMeans = means
        random = SeededGenerator(seed: plan.seed)
        startEpoch()
    }

    /// - Throws: `TrainingError.tooFewWindows` if the windows do not fill a batch.
    static func require(_ count: Int, batch: Int) throws(TrainingError) {
        guard count >= batch else { throw .tooFewWindows(count: count, batch: batch) }
    }

    // MARK: To be overridden

    /// The windows of an epoch in order; at least as many as the plan states.
    func drawOrder() -> [Int] { Array(0..<plan.windowsPerEpoch).shuffled(using: &random) }

    /// One update on a batch, given by window indices.
    /// - Returns: the unweighted losses, in the order of `Plan.losses`.
    func update(_ batch: ArraySlice<Int>) throws(TrainingError) -> [Double] {
        preconditionFailure("a trainer has an update")
    }

    /// What the trainer stores in a checkpoint.
    var checkpointContent: CheckpointContent { preconditionFailure("a trainer has a checkpoint") }

    /// Number of updates made by each optimizer, by metadata key.
    var optimizerSteps: [String: Int] {
        get { [:] }
        set {}
    }

    /// Called after the weights have been restored from a checkpoint.
    func weightsRestored() {}

    // MARK: The loop

    public final var epochs: Int { plan.epochs }
    public final var stepsPerEpoch: Int { plan.windowsPerEpoch / plan.batch }
    public final var namedLosses: [NamedLoss] { named(means) }
    public final var lastEpochNamedLosses: [NamedLoss] { named(lastEpochMeans) }

    private func named(_ means: RunningMeans) -> [NamedLoss] {
        zip(plan.losses, means.values).map { NamedLoss($0.name, $0.factor * $1) }
    }

    private func startEpoch() {
        random = SeededGenerator(seed: plan.seed).split(UInt64(epoch) + plan.firstStream)
        order = drawOrder()
        stepInEpoch = 0
        means = RunningMeans(values: Array(repeating: 0, count: plan.losses.count))
    }

    /// One update on one batch. The epoch ends with its last batch.
    public final func step() throws(TrainingError) {
        let first = stepInEpoch * plan.batch
        let losses = try update(order[first..<(first + plan.batch)])
        stepInEpoch += 1
        means.add(losses)
        if stepInEpoch == stepsPerEpoch {
            epoch += 1
            lastEpochMeans = means
            if !isFinished { startEpoch() }
        }
    }

    /// Call before the weights are updated.
    final func requireFinite(_ losses: [Double]) throws(TrainingError) {
        guard losses.allSatisfy(\.isFinite) else { throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1) }
    }

    /// Fraction of all steps completed, 0 ... 1.
    final var progress: Float { Float(epoch * stepsPerEpoch + stepInEpoch) / Float(max(totalSteps, 1)) }

    // MARK: Checkpoints

    /// Everything that the next step depends on.
    public final func checkpoint() -> SafeTensors {
        let content = checkpointContent
        var file = SafeTensors(metadata: content.identity)
        file.metadata["architecture"] = content.architecture
        file.metadata["epoch"] = "\(epoch)"
        file.metadata["step_in_epoch"] = "\(stepInEpoch)"
        for (key, steps) in optimizerSteps { file.metadata[key] = "\(steps)" }
        if let key = content.randomKey { file.metadata[key] = "\(random.state)" }
        for (number, term) in plan.losses.enumerated() {
            file.metadata[term.key] = "\(means.values[number])"
            if let key = term.lastEpochKey { file.metadata[key] = "\(lastEpochMeans.values[number])" }
        }
        for part in content.parts { part.add(to: &file) }
        return file
    }

    /// Resumes from a checkpoint; `path` is used only in error messages. Nothing is changed if this throws.
    public final func restore(_ file: SafeTensors, path: String) throws(TrainingError) {
        let metadata = file.metadata
        let content = checkpointContent
        guard metadata["architecture"] == content.architecture else {
            throw .model(
                .otherArchitecture(
                    path: path, found: metadata["architecture"] ?? "none named", expected: content.architecture))
        }
        func number(_ key: String) -> Int? { metadata[key].flatMap { Int($0) } }
        let steps = optimizerSteps.keys.reduce(into: [:]) { steps, key in steps[key] = number(key) }
        let state = content.randomKey.map { metadata[$0].flatMap { UInt64($0) } }
        guard content.identity.allSatisfy({ metadata[$0.key] == $0.value }),
            let epoch = number("epoch"), (0...epochs).contains(epoch),
            let step = number("step_in_epoch"), (0...stepsPerEpoch).contains(step),
            steps.count == optimizerSteps.count, steps.values.allSatisfy({ $0 >= 0 }), state != .some(nil)
        else { throw .checkpointOfOtherRecipe(path: path) }
        for part in content.parts { try part.check(file, path: path) }
        for part in content.parts { part.restore(from: file) }
        self.epoch = epoch
        startEpoch()
        stepInEpoch = step
        means.steps = step
        func loss(_ key: String) -> Double { metadata[key].flatMap { Double($0) } ?? 0 }
        for (number, term) in plan.losses.enumerated() {
            means.values[number] = loss(term.key)
            if let key = term.lastEpochKey { lastEpochMeans.values[number] = loss(key) }
        }
        if case .some(.some(let state)) = state { random = SeededGenerator(seed: state) }
        optimizerSteps = steps
        weightsRestored()
    }
}
