import ECGATKGAN
import NeuralNetwork

/// The two stages of `--recipe hardened`: first the classes against attacks made afresh in every step, then, those weights
/// frozen, the attack head's own branch.
///
/// The stages are apart because they pull features in opposite directions: what withstands an attack is blind to it.
enum HardenedTraining {
    static func run(_ session: TrainingSession) throws {
        let data = session.windows.training
        let withstanding = try session.train(
            withstanding(data, seed: session.seed, threads: session.threads), name: "withstanding", stage: "1")
        let noticing = try session.train(
            noticing(data, seed: session.seed, threads: session.threads, startingFrom: withstanding.averaged),
            name: "noticing", stage: "2")
        let network = Discriminator(noticing.network.architecture, sharing: noticing.averaged)
        network.addToLogits(logitAdditions.map { ($0.key, $0.value) })
        try session.finish(
            network,
            recipe: "\(withstanding.recipe), then \(noticing.recipe), then to the logits \(logitAdditionsText)",
            drawnFrom: "\(ProtocolPWindows.counts(data)) before SMOTE", suspects: true, stages: ["1", "2"])
    }

    private static let jitter = ProtocolPWindows.margin

    /// What is added to the logits in the end, so that V and F, whose misses weigh most, win close calls (logit adjustment; Menon et al. 2021).
    ///
    /// Chosen on four tenths of the training windows, clean and under PGD, for the largest least margin over the paper's rows:
    /// attacked windows are misread in training nearly as often as held-out ones, so they tell.
    private static let logitAdditions: KeyValuePairs<BeatClass, Float> = [.ventricular: 1.2, .fusion: 0.5]

    private static var logitAdditionsText: String {
        logitAdditions.map { "\($0.key.letter) +\($0.value)" }.joined(separator: ", ")
    }

    /// The classes: all N beats, 30,000 of them drawn anew for each epoch.
    private static func withstanding(_ data: BeatDataset, seed: UInt64, threads: Int) throws -> DiscriminatorTrainer {
        var recipe = DiscriminatorRecipe()
        recipe.epochs = 48
        recipe.seed = seed
        recipe.threads = threads
        recipe.jitter = jitter
        recipe.normalBeatsPerEpoch = 30_000
        // Above the radius that is to be withstood.
        recipe.epsilon = 0.014
        recipe.averagingDecay = 0.9995
        recipe.suspicionWeight = 0
        let architecture = DiscriminatorArchitecture(
            identifier: DiscriminatorArchitecture.hardened.identifier,
            blocks: DiscriminatorArchitecture.hardened.blocks)
        return try DiscriminatorTrainer(
            raised(data, supraventricular: 8_000, ventricular: 9_000, fusion: 3_000, seed: seed), recipe: recipe,
            architecture: architecture)
    }

    /// The attack head, on attacks of every kind against the frozen network.
    private static func noticing(
        _ data: BeatDataset, seed: UInt64, threads: Int, startingFrom weights: ParameterStore
    ) throws -> DiscriminatorTrainer {
        var recipe = DiscriminatorRecipe()
        recipe.epochs = 48
        recipe.seed = seed
        recipe.threads = threads
        recipe.jitter = jitter
        recipe.normalBeatsPerEpoch = 12_000
        recipe.epsilon = 0.012
        recipe.averagingDecay = 0.998
        recipe.iterations = 4
        recipe.trainsAttackBranchAlone = true
        return try DiscriminatorTrainer(
            raised(data, supraventricular: 5_000, ventricular: 6_000, fusion: 2_000, seed: seed), recipe: recipe,
            architecture: .hardened, startingFrom: weights)
    }

    private static func raised(
        _ data: BeatDataset, supraventricular: Int, ventricular: Int, fusion: Int, seed: UInt64
    ) -> BeatDataset {
        var raised = data
        for (beatClass, target) in [
            (BeatClass.supraventricular, supraventricular), (.ventricular, ventricular), (.fusion, fusion),
        ] {
            raised.oversample(beatClass, to: target, seed: seed &+ UInt64(beatClass.rawValue))
        }
        return raised
    }
}
