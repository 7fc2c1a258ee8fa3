import ECGATKGAN
import ECGEvaluation

/// The systems that the paper compares with, trained as it says (section 3.4): each on its own 80,000 windows, half of
/// them attacked white-box against the same network as it came out of a training on the clean half.
struct ComparedTraining {
    let architecture: SequentialNetwork.Architecture
    let epochs: Int
    /// Of the training that gives the attacks their target.
    let targetEpochs: Int
    let learningRate: Float

    func run(_ session: TrainingSession) throws {
        let filledByDCGAN = architecture == .shaker2020
        let set = try filledByDCGAN ? setFilledByDCGAN(session) : session.windows.paperTrainingSet()
        Terminal.note("raised: \(TrainingWindows.counts(set)), and as many attacked")
        let target = try UndefendedTraining.train(
            SequentialNetwork(architecture, seed: session.seed), on: set, session, epochs: targetEpochs,
            learningRate: learningRate, stage: "target")
        var both = set
        both.append(contentsOf: try session.attackedCopies(of: set, against: target))
        var recipe = SupervisedRecipe()
        recipe.epochs = epochs
        recipe.learningRate = learningRate
        recipe.seed = session.seed
        recipe.threads = session.threads
        let network = SequentialNetwork(architecture, seed: session.seed &+ 1)
        try session.train(
            SupervisedTrainer(both, network: network, recipe: recipe), name: architecture.identifier)
        try session.finish(
            network, recipe: "\(recipe); attacked windows made against a network of \(targetEpochs) epochs",
            drawnFrom: "\(session.windows.drawnFrom) \(filledByDCGAN ? "a DC-GAN of each class" : "SMOTE"), "
                + "and as many attacked windows",
            suspects: false,
            notes: filledByDCGAN
                ? "The layers, and those of the DC-GAN, are our reconstruction: the paper's table of layers could not be had."
                : "",
            stages: [nil, "target", "attacked"] + Self.filledClasses.map { "dcgan-\($0.letter)" })
    }

    private static let filledClasses: [BeatClass] = [.supraventricular, .ventricular, .fusion]

    /// Shaker et al. 2020 fill the minority classes up with what a DC-GAN makes.
    private func setFilledByDCGAN(_ session: TrainingSession) throws -> BeatDataset {
        try session.windows.paperTrainingSet { set, beatClass, target in
            var recipe = DCGANRecipe()
            recipe.seed = session.seed &+ UInt64(beatClass.rawValue)
            let own = set.subset(set.indices(of: beatClass))
            recipe.batch = max(2, min(recipe.batch, own.count))
            // Few windows make short epochs: every class gets about as many updates.
            recipe.epochs = min(max(10, 2_000 * recipe.batch / max(own.count, 1)), 200)
            let trainer = try session.train(
                DCGANTrainer(own, recipe: recipe), name: "DC-GAN of \(beatClass.letter)",
                stage: "dcgan-\(beatClass.letter)")
            set.fill(beatClass, to: target, by: trainer.network, seed: session.seed &+ UInt64(beatClass.rawValue))
        }
    }
}
