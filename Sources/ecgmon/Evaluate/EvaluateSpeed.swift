import ArgumentParser
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// What a beat and a sample cost.
struct EvaluateSpeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "speed",
        abstract: "Measure the processor time of the monitor's stages on records, on one thread.",
        discussion: """
            The median of several runs of processor time. Compare two builds on one machine, in turn; figures of \
            different machines say little.

            Example:
              ecgmon evaluate speed
            """)

    @Argument(help: "Records of the database.")
    var records: [String] = ["208"]

    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(help: "Runs of each stage.")
    var runs = 5

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...1_000).contains(runs) else { throw ValidationError("--runs must be 1 to 1000, not \(runs)") }
    }

    func run() throws {
        BLAS.useOneThread()
        let loaded = try LoadedModel.chosen(model)
        let database = try RecordDatabase(database)
        let evaluation = SpeedEvaluation(loaded.classifier, runs: runs)
        var all: [SpeedEvaluation.Figures] = []
        for record in records { all.append(try evaluation.figures(of: record, in: database)) }
        var table = TextTable([
            "record", "beats", "ms a beat", "signal", "classification", "discriminator, ms", "detector, M samples/s",
            "signal, M samples/s",
        ])
        for figures in all {
            table.rows.append([
                figures.record, "\(figures.beats)", fixed(figures.milliseconds_per_beat, 3),
                fixed(figures.signal_milliseconds_per_beat, 3),
                fixed(figures.classification_milliseconds_per_beat, 3),
                fixed(figures.discriminator_milliseconds_per_window, 3),
                fixed(figures.detector_samples_per_second / 1e6, 1), fixed(figures.signal_samples_per_second / 1e6, 2),
            ])
        }
        let shown = table
        try ReportOutput.show(
            all, json: json, plot: drawing.plot,
            text: "matrix kernel: \(NetworkKernel.inUse.rawValue)\n\n\(shown.text)")
    }
}
