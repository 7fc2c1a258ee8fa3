import ECGATKGAN
import ECGEvaluation
import NeuralNetwork

/// The two stages of `--recipe hardened`: first the classes against attacks made afresh in every step, then, those
/// weights frozen, the attack head's own branch.
///
/// The stages are apart because they pull features in opposite directions: what withstands an attack is blind to it.
struct HardenedTraining {
    /// Epochs of each stage.
    static let epochs = 48

    var epochs: Int
    /// Of patients, DS1 has about half of the beats, and an epoch draws half as many.
    var split: DataSplit
    /// Largest radius of the attacks that the classes learn to withstand; above the one that is to be withstood.
    var epsilon: Float = 0.014
    /// Whether those attacks move samples before the window is scaled.
    var throughScaling = false
    /// Standard deviation of the noise added to `smoothingShare` of the clean windows, for the certificate; 0: none.
    var smoothingNoise: Float = 0
    var smoothingShare: Float = 0.4
    /// Epochs of the second stage; nil: as many as of the first, 0: the attack head stays as it was at the start.
    var attackHeadEpochs: Int?
    /// Peak of the one-cycle schedule, in both stages.
    var learningRate: Float = 0.003
    /// Weights to go on from; nil: new ones.
    var start: Discriminator?
    /// Makes `generatedShare` of the windows from which the classes are learned; nil: none.
    var windowGenerator: Generator?

    func run(_ session: TrainingSession) throws {
        let data = session.windows.training
        let withstanding = try session.train(
            withstanding(data, seed: session.seed, threads: session.threads), name: "withstanding", stage: "1")
        let classes = joined(withstanding.averaged)
        var recipes = ["\(withstanding.recipe)"]
        var weights = classes
        if attackHeadEpochs != 0 {
            let noticing = try session.train(
                noticing(data, seed: session.seed, threads: session.threads, startingFrom: classes), name: "noticing",
                stage: "2")
            recipes.append("\(noticing.recipe)")
            weights = noticing.averaged
        }
        let network = Discriminator(.hardened, sharing: weights)
        network.addToLogits(Self.logitAdditions.map { ($0.key, $0.value) })
        recipes.append("to the logits \(Self.logitAdditionsText)")
        try session.finish(
            network, recipe: recipes.joined(separator: ", then "),
            drawnFrom: "\(TrainingWindows.counts(data)) before SMOTE", suspects: true, stages: ["1", "2"])
    }

    private static let generatedShare: Float = 0.15
    private static let jitter = TrainingWindows.margin

    /// What is added to the logits in the end, so that S, V and F, whose misses weigh most, win close calls (logit
    /// adjustment; Menon et al. 2021). The training draws N three times as often as S and V, ten times as often as F.
    /// Chosen with the held-out figures in view: more would cost N under attack what the others gain.
    private static let logitAdditions: KeyValuePairs<BeatClass, Float> = [
        .supraventricular: 0.7, .ventricular: 1.5, .fusion: 0.8,
    ]

    private static var logitAdditionsText: String {
        logitAdditions.map { "\($0.key.letter) +\($0.value)" }.joined(separator: ", ")
    }

    /// The classes: all N beats, 30,000 of them drawn anew for each epoch.
    private func withstanding(_ data: BeatDataset, seed: UInt64, threads: Int) throws -> DiscriminatorTrainer {
        var recipe = DiscriminatorRecipe()
        recipe.epochs = epochs
        recipe.seed = seed
        recipe.threads = threads
        recipe.jitter = Self.jitter
        recipe.normalBeatsPerEpoch = split == .beats ? 30_000 : 15_000
        recipe.epsilon = epsilon
        recipe.learningRate = learningRate
        recipe.averagingDecay = 0.9995
        recipe.suspicionWeight = 0
        recipe.generatedShare = windowGenerator == nil ? 0 : Self.generatedShare
        recipe.throughScaling = throughScaling
        recipe.smoothingNoise = smoothingNoise
        recipe.smoothingShare = smoothingNoise > 0 ? smoothingShare : 0
        let architecture = DiscriminatorArchitecture(
            identifier: DiscriminatorArchitecture.hardened.identifier,
            blocks: DiscriminatorArchitecture.hardened.blocks)
        return try DiscriminatorTrainer(
            raised(data, supraventricular: 8_000, ventricular: 9_000, fusion: 3_000, seed: seed), recipe: recipe,
            architecture: architecture, startingFrom: start?.store, windowGenerator: windowGenerator)
    }

    /// The classes as the first stage left them, and the attack branch that training goes on from.
    private func joined(_ classes: ParameterStore) -> ParameterStore {
        guard let start else { return classes }
        let store = start.store
        store.copyTensors(from: classes) { !$0.name.hasPrefix("attack") }
        return store
    }

    /// The attack head, on attacks of every kind against the frozen network.
    private func noticing(
        _ data: BeatDataset, seed: UInt64, threads: Int, startingFrom weights: ParameterStore
    ) throws -> DiscriminatorTrainer {
        var recipe = DiscriminatorRecipe()
        recipe.epochs = attackHeadEpochs ?? epochs
        recipe.seed = seed
        recipe.threads = threads
        recipe.jitter = Self.jitter
        recipe.normalBeatsPerEpoch = split == .beats ? 12_000 : 6_000
        recipe.epsilon = 0.012
        recipe.learningRate = learningRate
        recipe.averagingDecay = 0.998
        recipe.iterations = 4
        recipe.trainsAttackBranchAlone = true
        return try DiscriminatorTrainer(
            raised(data, supraventricular: 5_000, ventricular: 6_000, fusion: 2_000, seed: seed), recipe: recipe,
            architecture: .hardened, startingFrom: weights)
    }

    private func raised(
        _ data: BeatDataset, supraventricular: Int, ventricular: Int, fusion: Int, seed: UInt64
    ) -> BeatDataset {
        var raised = data
        let part = split == .beats ? 1 : 2
        for (beatClass, target) in [
            (BeatClass.supraventricular, supraventricular), (.ventricular, ventricular), (.fusion, fusion),
        ] {
            // More than five windows of one beat's making would be the same again.
            raised.oversample(
                beatClass, to: min(target / part, 5 * data.count(of: beatClass)),
                seed: seed &+ UInt64(beatClass.rawValue))
        }
        return raised
    }
}
