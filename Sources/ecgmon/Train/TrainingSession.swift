import ECGATKGAN
import ECGClassification
import ECGEvaluation
import Foundation
import NeuralNetwork
import ToolSupport

/// What every recipe of `ecgmon train` has: its windows, its seeds, where its files lie, and how its network is handed
/// over.
struct TrainingSession {
    let windows: TrainingWindows
    /// Of the initial weights and of every random number of the training; the windows' seed is that of the split.
    let seed: UInt64
    let threads: Int
    let output: String
    /// Path that the names of all checkpoints begin with.
    let checkpointBase: String
    let restart: Bool
    /// As the model card is to name it.
    let command: String

    func checkpoint(_ stage: String? = nil) -> String { stage.map { "\(checkpointBase).\($0)" } ?? checkpointBase }

    /// - Parameter stage: ends the name of its checkpoint.
    @discardableResult
    func train<Trainer: NetworkTrainer>(_ trainer: Trainer, name: String, stage: String? = nil) throws -> Trainer {
        try TrainingLoop(restart: restart).run(trainer, name: name, checkpoint: checkpoint(stage))
    }

    /// Attacks every window of `set` once, white-box against `network`, or reads what an earlier call stored.
    func attackedCopies(of set: BeatDataset, against network: any BeatNetwork) throws -> BeatDataset {
        try StoredAdversarialExamples(path: checkpoint("attacked"), restart: restart, threads: threads, seed: seed)
            .copies(of: set, against: network)
    }

    /// Measures the network on what was held out, writes its weights and their card, and removes the checkpoints.
    ///
    /// - Parameters:
    ///   - drawnFrom: what the network was trained on, for the card.
    ///   - suspects: whether its attack head was trained.
    ///   - files: what was written before it: path and SHA-256.
    func finish(
        _ network: some BeatNetwork, recipe: String, drawnFrom: String, suspects: Bool, margin: Int? = nil,
        notes: String = "", stages: [String?] = [nil], files: [(path: String, sha256: String)] = []
    ) throws {
        if let tensor = network.store.firstNonFiniteTensor() {
            throw ToolError(
                "the trained tensor \(tensor.name) is not finite, nothing was written",
                nextStep: "Lower --learning-rate")
        }
        let figures = HeldOutFigures(windows.heldOut, network: network, suspects: suspects) { Terminal.note($0) }
            .figures
        let sha256 = try ModelFile.write(network, to: output)
        let path = URL(filePath: output)
        let card = ModelCard(
            name: path.deletingPathExtension().lastPathComponent, sha256: sha256,
            architecture: network.architectureIdentifier,
            data:
                "MIT-BIH Arrhythmia Database 1.0.0 (ODC-BY 1.0, doi:10.13026/C2F305), \(windows.split.records); \(drawnFrom)",
            heldOut: windows.split.rawValue,
            split: windows.split.text(seed: windows.seed) + ": "
                + TrainingWindows.counts(windows.heldOut),
            recipe: recipe, seed: windows.seed, windowMargin: margin ?? TrainingWindows.margin, command: command,
            figures: figures, figuresCommand: "ecgmon evaluate model --model \(path.lastPathComponent)",
            notes: notes.isEmpty ? windows.split.notes : "\(notes) \(windows.split.notes)")
        try card.write(besideModel: output)
        for (name, value) in figures.sorted(by: { $0.key < $1.key }) { print("\(name): \(value)") }
        for file in files + [(output, sha256)] { print("\(file.path): SHA-256 \(file.sha256)") }
        for stage in stages { try? FileManager.default.removeItem(atPath: checkpoint(stage)) }
    }
}
