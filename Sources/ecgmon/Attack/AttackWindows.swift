import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ToolSupport

/// `ecgmon attack windows`: what an attack does to a network's answers.
struct AttackWindows: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "windows",
        abstract: "Attack windows that were held out from the network's training, and compare its answers.",
        discussion: """
            Example:
              ecgmon attack windows --method apgd-ce --sample 500
            """)

    @OptionGroup var options: AttackOptions

    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Number of windows; each class keeps its share.", valueName: "n"))
    var sample = 500

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard sample >= 4 else { throw ValidationError("--sample must be 4 or more: one window of each class") }
    }

    func run() throws {
        let path = try InstalledFiles.model(options.model)
        let network: any BeatNetwork
        let card: ModelCard?
        do throws(ModelError) {
            (network, _, card) = try ModelFile.readNetwork(from: path)
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)",
                nextStep: "Name another with --model, or train one with `ecgmon train`")
        }
        let records = try RecordDatabase(database)
        let heldOut = EvaluationWindows(
            try card.map {
                try DataSplit($0).windows(of: records, margin: $0.windowMargin, seed: $0.seed).heldOut
            } ?? BeatWindowLoader.load(records, margin: 0))
        guard heldOut.count > 0 else {
            throw ToolError("\(database) has no annotated beats", nextStep: "Fetch mitdb with `ecgmon data fetch`")
        }
        let windows = heldOut.subset(heldOut.stratifiedSample(sample, seed: options.seed))
        let report = AttackReport(
            options.attack, on: windows, against: network, model: card?.name ?? path, seed: options.seed)
        try ReportOutput.show(report, json: json, text: report.text)
    }
}
