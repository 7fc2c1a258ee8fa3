import ECGATKGAN
import ECGClassification
import ECGEvaluation
import Foundation
import ToolSupport

/// `--recipe reconstruction`: a generator's last training, for the likeness of its windows alone, on the paper's
/// training set and an attacked copy of each of its windows.
struct ReconstructionTraining {
    var recipe: ReconstructionRecipe
    let generator: Generator

    func run(_ session: TrainingSession) throws {
        let set = session.windows.paperTrainingSet()
        let target = try EvaluatedModel.load(try Self.targetPath())
        var all = set
        all.append(contentsOf: try session.attackedCopies(of: set, against: target.network.replica()))
        Terminal.note("with SMOTE: \(TrainingWindows.counts(set)), and as many attacked on \(target.name)")
        var recipe = recipe
        recipe.seed = session.seed
        recipe.threads = session.threads
        let trainer = try session.train(
            ReconstructionTrainer(all, generator: generator, recipe: recipe), name: "reconstruction")
        let sha256 = try ModelFile.write(trainer.generator, to: session.output)
        print("\(session.output): SHA-256 \(sha256)")
        for stage in ["attacked", nil] { try? FileManager.default.removeItem(atPath: session.checkpoint(stage)) }
    }

    private static func targetPath() throws(ToolError) -> String {
        let path = "Config/models/undefended.safetensors"
        guard let found = InstalledFiles.find(path) else {
            throw ToolError(
                "there is no network to attack: \(path) was not found",
                nextStep: "Train it with `ecgmon train --recipe undefended`")
        }
        return found
    }
}
