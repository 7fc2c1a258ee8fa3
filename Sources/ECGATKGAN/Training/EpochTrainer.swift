public import NeuralNetwork

/// The loop under every training: passes over the windows in an order drawn anew for each, running means of the losses,
/// and checkpoints. A trainer adds one update of its networks by one batch.
///
/// The same seed, data and number of threads give the same weights, bit for bit, also after a resume: the order and the
/// random numbers of an epoch depend on the seed and the epoch's number alone.
public class EpochTrainer: NetworkTrainer {
    /// What the loop must know of a training.
    struct Plan {
        var epochs: Int
        /// Windows in a step.
        var batch: Int
        /// Windows in an epoch; what does not fill the last batch is left out.
        var windowsPerEpoch: Int
        var seed: UInt64
        /// The stream of the first epoch's random numbers; the streams below it serve the initial weights.
        var firstStream: UInt64 = 1
        var losses: [LossTerm]
    }

    /// One term of the loss.
    struct LossTerm {
        /// On the progress line.
        var name: String
        /// The checkpoint's metadata key.
        var key: String
        /// Also saved: the mean over the epoch that ended last.
        var lastEpochKey: String?
        /// Means over windows in [0,1] are too small for a progress line.
        var factor = 1.0
    }

    /// Means over the steps of an epoch so far, in the order of `Plan.losses`.
    struct RunningMeans {
        var values: [Double]
        var steps = 0

        mutating func add(_ step: [Double]) {
            steps += 1
            for term in values.indices { values[term] += (step[term] - values[term]) / Double(steps) }
        }
    }

    private let plan: Plan
    /// Epochs done.
    public private(set) var epoch = 0
    /// Steps done in this epoch.
    public private(set) var stepInEpoch = 0
    private(set) final var means: RunningMeans, lastEpochMeans: RunningMeans
    /// The epoch's random numbers.
    final var random: SeededGenerator
    private var order: [Int] = []

    /// To be called when the trainer's own properties are set.
    init(_ plan: Plan) {
        self.plan = plan
        means = RunningMeans(values: Array(repeating: 0, count: plan.losses.count))
        lastEpochMeans = means
        random = SeededGenerator(seed: plan.seed)
        startEpoch()
    }

    /// - Throws: `TrainingError.tooFewWindows` where the windows do not fill a batch.
    static func require(_ count: Int, batch: Int) throws(TrainingError) {
        guard count >= batch else { throw .tooFewWindows(count: count, batch: batch) }
    }

    // MARK: What a trainer adds

    /// The windows of an epoch in their order; at least as many as the plan says.
    func drawOrder() -> [Int] { Array(0..<plan.windowsPerEpoch).shuffled(using: &random) }

    /// One update by a batch, given by the windows' numbers.
    /// - Returns: the losses, in the order of `Plan.losses`, without their weights.
    func update(_ batch: ArraySlice<Int>) throws(TrainingError) -> [Double] {
        preconditionFailure("a trainer has an update")
    }

    /// What the trainer has in a checkpoint.
    var checkpointContent: CheckpointContent { preconditionFailure("a trainer has a checkpoint") }

    /// Updates that the optimizers have made, by metadata key.
    var optimizerSteps: [String: Int] {
        get { [:] }
        set {}
    }

    /// The networks have other weights than before.
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

    /// One batch, one update. Ends an epoch when its last batch was used.
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

    /// To be called before the weights are moved.
    final func requireFinite(_ losses: [Double]) throws(TrainingError) {
        guard losses.allSatisfy(\.isFinite) else { throw .lossNotFinite(epoch: epoch + 1, step: stepInEpoch + 1) }
    }

    /// Share of all steps that are done, 0 ... 1.
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

    /// Goes on where a checkpoint was made; `path` is for the error's text. Nothing is changed where it throws.
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
