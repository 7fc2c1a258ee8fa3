import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// The classifier alone, on annotated windows that its training held out: protocol P.
struct EvaluateModel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Score a model's classes and suspicion on held-out windows, clean and under white-box attacks.",
        discussion: """
            Windows are cut at the annotated R of channel 0. The held-out windows are the fifth of each class that the \
            split with the model card's seed leaves out, so the model was trained on none of them. A patient's beats \
            are in both parts, as in the paper. Attacks are white-box at epsilon 0.01: FGSM, BIM and PGD with 20 \
            iterations each.

            Example:
              ecgmon evaluate model --model Config/models/hardened.safetensors
            """)

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Number of windows to use, drawn with the seed.", valueName: "n"))
    var sample: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (sample ?? 1) >= 1 else { throw ValidationError("--sample must be 1 or more") }
    }

    func run() throws {
        BLAS.useOneThread()
        let path = try InstalledFiles.model(model)
        let (network, sha256, card) = try ModelFile.readNetwork(from: path)
        let seed = card?.seed ?? 1
        var heldOut = try DataSplit(card).windows(
            of: RecordDatabase(database), margin: card?.windowMargin ?? 0, seed: seed
        ).heldOut
        if let sample, sample < heldOut.count {
            heldOut = heldOut.stratifiedSplit(heldOut: Double(sample) / Double(heldOut.count), seed: seed).heldOut
        }
        let figures = HeldOutFigures(heldOut, network: network) { Terminal.note($0) }.figures
        let report = ModelReport(
            model: path, sha256: sha256, database: database, splitSeed: seed, heldOut: heldOut, figures: figures)
        let text =
            ["model \(path), SHA-256 \(sha256)", "held out, seed \(seed): \(TrainingWindows.counts(heldOut))"]
            + figures.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        try ReportOutput.show(report, json: json, text: text.joined(separator: "\n"))
    }
}
