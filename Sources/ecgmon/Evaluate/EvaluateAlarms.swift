import ArgumentParser
import ECGClassification
import ECGEvaluation

/// Time to alarm and rate readings on simulated ECG.
struct EvaluateAlarms: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarms",
        abstract: "Time to alarm on simulated ECG, and the rates that are read of irregular rhythms and tall T waves.",
        discussion: """
            Simulated ECG goes through the whole pipeline, detector, classifier and rules, at normal, half and double amplitude and \
            with 5 seeds each. The time is from the onset (the last beat before, or the first beat of what is alarmed) to the \
            sample with which the alarm's event is decided; the daemon publishes it as soon as the segment with that sample has \
            come. ANSI/AAMI EC13 asks for 10 s at most. The rate is read every 5 s from 20 s on.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Scenarios worked on at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    func run() async throws {
        let loaded = try LoadedModel.chosen(model)
        let report = try await AlarmEvaluation(loaded, jobs: jobs).report()
        try ReportOutput.show(report, json: json, text: report.text)
    }
}
