import ArgumentParser
import ECGATKGAN
import Foundation
import NeuralNetwork

/// The classifier alone, on annotated windows that its training held out: protocol P.
struct EvaluateModel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Score a model's classes and suspicion on held-out windows, untouched and attacked white-box.",
        discussion: """
            Windows are cut at the annotated R of channel 0. The held-out windows are the fifth of each class that the split \
            with the model card's seed gives, so that none of them was trained on; beats of one patient are in both parts, as in \
            the paper. Attacks are white-box at epsilon 0.01: FGSM, BIM and PGD with 20 iterations each.
            """)

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Only so many of the windows, drawn with the seed.", valueName: "n"))
    var sample: Int?

    @Flag(help: "Print JSON.")
    var json = false

    struct Report: Encodable {
        var evaluation = "model"
        var model: String
        var sha256: String
        var database: String
        var split_seed: UInt64
        var windows: [String: Int]
        var figures: [String: Double]
    }

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
        let figures = HeldOutFigures(heldOut, network: network) { text in
            FileHandle.standardError.write(Data((text + "\n").utf8))
        }.figures
        if json {
            let counts = BeatClass.allCases.map { (String($0.letter), heldOut.count(of: $0)) }
            try EvaluationReport.printJSON(
                Report(
                    model: path, sha256: sha256, database: database, split_seed: seed,
                    windows: Dictionary(uniqueKeysWithValues: counts), figures: figures))
        } else {
            print("model \(path), SHA-256 \(sha256)")
            print("held out, seed \(seed): \(TrainingWindows.counts(heldOut))")
            for (name, value) in figures.sorted(by: { $0.key < $1.key }) { print("\(name): \(value)") }
        }
    }
}
