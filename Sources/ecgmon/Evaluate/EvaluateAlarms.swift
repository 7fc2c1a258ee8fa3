import ArgumentParser
import ECGEvaluation

/// Time to alarm and rate readings on simulated ECG.
struct EvaluateAlarms: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarms",
        abstract: "Measure the time to alarm, and heart rates of irregular rhythms and tall T waves, on simulated ECG.",
        discussion: """
            Simulated ECG goes through the whole pipeline, detector, classifier and rules, at normal, half and double \
            amplitude and with 5 seeds each. The time runs from the onset (the last beat before it, or the first beat \
            of the rhythm) to the sample that decides the alert; the daemon publishes it as soon as the block with \
            that sample has arrived. ANSI/AAMI EC13 allows 10 s. The rate is read every 5 s from 20 s on.

            Example:
              ecgmon evaluate alarms
            """)

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Scenarios processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    func run() async throws {
        let loaded = try LoadedModel.chosen(model)
        let report = try await AlarmEvaluation(loaded, jobs: jobs).report()
        try ReportOutput.show(report, json: json, plot: drawing.plot, text: report.text)
    }
}
