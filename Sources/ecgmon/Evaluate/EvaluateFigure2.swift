import ArgumentParser
import ECGATKGAN
import ECGEvaluation
import FoundationEssentials
import NeuralNetwork
import ToolSupport

/// The paper's Figure 2: a beat and its attacked forms, drawn over each other.
struct EvaluateFigure2: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "figure2",
        abstract: "The paper's Figure 2 as SVG: a beat before (red) and after (blue) FGSM, BIM, PGD and CW.",
        discussion: """
            The beat is one of the held-out windows of the class that the model gets right, chosen by the seed. Below \
            each pair of curves stands their difference, magnified, which the paper does not show. Example:
              ecgmon evaluate figure2 --class V --output figure2.svg
            """)

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(name: .customLong("class"), help: "Class of the beat: N, S, V or F.")
    var beatClass = "N"

    @Option(help: "Seed that selects the beat and the attacks' random starts.")
    var seed: UInt64 = 1

    @Option(help: "Radius of the attacks in units of the [0,1] window.")
    var epsilon: Float = 0.01

    @Option(name: .shortAndLong, help: "The SVG file to write.")
    var output = "figure2.svg"

    func validate() throws {
        guard Self.beatClass(beatClass) != nil else { throw ValidationError("--class must be N, S, V or F") }
        guard epsilon.isFinite, epsilon > 0, epsilon <= 1 else {
            throw ValidationError("--epsilon must be above 0 and at most 1")
        }
    }

    private static func beatClass(_ letter: String) -> BeatClass? {
        BeatClass.allCases.first { String($0.letter) == letter.uppercased() }
    }

    func run() throws {
        BLAS.useOneThread()
        guard let wanted = Self.beatClass(beatClass) else { return }
        let model = try EvaluatedModel.load(InstalledFiles.model(model))
        let heldOut = try HeldOutWindows(RecordDatabase(database), for: [model], sample: nil, seed: seed)
        let figure = try OverlaidBeats.figure2(
            heldOut.windows, wanted, by: model.network.replica(), epsilon: epsilon, seed: seed,
            caption: "\(model.name), SHA-256 \(model.sha256.prefix(12))…, white-box at epsilon \(epsilon)")
        do {
            try Data(figure.svg.utf8).write(to: URL(filePath: output), options: .atomic)
        } catch {
            throw ToolError("\(output) cannot be written: \(WriteProblem.words(error))", nextStep: "Name another file with --output")
        }
        print("\(output): held-out window \(figure.windowNumber); \(heldOut.text)")
        for panel in figure.panels { print("\(panel.title): \(figure.clean.label) -> \(panel.answer.label)") }
    }
}
