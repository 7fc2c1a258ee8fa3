import ECGATKGAN
import ECGClassification
import ECGEvaluation
import Foundation
import NeuralNetwork

/// `--recipe paper`: the paper's training (section 3). The discriminator is trained on its own first, so that there is
/// something to attack; every window of the training set is attacked once against it; then generator and discriminator,
/// both new, are trained against each other on clean and attacked windows.
struct PaperTraining {
    var recipe: GANRecipe
    /// Where the generator's weights go.
    let generatorOutput: String

    func run(_ session: TrainingSession) throws {
        let set = session.windows.paperTrainingSet()
        Terminal.note("with SMOTE: \(TrainingWindows.counts(set)), and as many attacked")
        let target = try UndefendedTraining.train(Discriminator(seed: session.seed), on: set, session, stage: "target")
        let attacked = try session.attackedCopies(of: set, against: target)
        var recipe = recipe
        recipe.seed = session.seed
        recipe.threads = session.threads
        let trainer = try session.train(
            GANTrainer(AdversarialPairs(clean: set, attacked: attacked.values), recipe: recipe), name: "ECG-ATK-GAN")
        let generatorChecksum = try ModelFile.write(trainer.generator, to: generatorOutput)
        try session.finish(
            trainer.discriminator, recipe: "\(recipe)",
            drawnFrom: "\(session.windows.drawnFrom) SMOTE, and as many attacked windows", suspects: true,
            stages: ["target", "attacked", nil], files: [(generatorOutput, generatorChecksum)])
    }
}
