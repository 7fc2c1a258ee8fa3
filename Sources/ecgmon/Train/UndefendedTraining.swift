import ECGATKGAN

/// `--recipe undefended`: the paper's discriminator on clean windows alone, with cross-entropy. What the defended
/// networks are compared with, what the paper's attacked windows are made against, and, from another seed, the
/// surrogate of transfer attacks.
enum UndefendedTraining {
    static let epochs = 12

    static func run(_ session: TrainingSession, epochs: Int, learningRate: Float) throws {
        let set = session.windows.paperTrainingSet()
        let network = try train(
            Discriminator(seed: session.seed), on: set, session, epochs: epochs, learningRate: learningRate)
        try session.finish(
            network, recipe: "\(recipe(session, epochs: epochs, learningRate: learningRate))",
            drawnFrom: "\(session.windows.drawnFrom) SMOTE, none attacked", suspects: false,
            notes: "No defence of any kind; its attack head is untrained.")
    }

    /// Trains any network on clean windows.
    static func train<Network: BeatNetwork>(
        _ network: Network, on set: BeatDataset, _ session: TrainingSession, epochs: Int = epochs,
        learningRate: Float = 1e-3, stage: String? = nil
    ) throws -> Network {
        try session.train(
            SupervisedTrainer(
                set, network: network, recipe: recipe(session, epochs: epochs, learningRate: learningRate)),
            name: "undefended", stage: stage)
        return network
    }

    private static func recipe(_ session: TrainingSession, epochs: Int, learningRate: Float) -> SupervisedRecipe {
        var recipe = SupervisedRecipe()
        recipe.epochs = epochs
        recipe.learningRate = learningRate
        recipe.seed = session.seed
        recipe.threads = session.threads
        return recipe
    }
}
