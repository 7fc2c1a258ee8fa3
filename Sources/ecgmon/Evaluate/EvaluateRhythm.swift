import ArgumentParser
import ECGEvaluation

/// The rhythm alerts against the databases' rhythm annotations.
struct EvaluateRhythm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rhythm",
        abstract: "Score the rhythm alerts: ventricular flutter, atrial fibrillation, others per hour.",
        discussion: """
            One lead of whole records goes through the whole pipeline, which does not see the annotations. Ventricular \
            flutter: is each annotated episode reported, and how soon? Reports elsewhere are false. Atrial \
            fibrillation: minutes right, wrong and missed; atrial flutter counts for neither. Ventricular and \
            idioventricular rhythms, bigeminy and trigeminy: is each annotated episode reported while it lasts or \
            within 10 s after, and how many reports are far from any annotation? All alerts are counted per hour. svdb \
            has no rhythm annotations: only counts.

            Example:
              ecgmon evaluate rhythm
            """)

    @OptionGroup var options: EvaluateOptions

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    func run() async throws {
        let loaded = try LoadedModel.chosen(model)
        let evaluation = RhythmEvaluation(loaded.classifier, jobs: options.jobs)
        let database = try options.openDatabase()
        var parts = [try await evaluation.part(database, records: database.scoredRecords(options.records))]
        if options.database == "mitdb", options.records == nil, let svdb = try? RecordDatabase("svdb") {
            parts.append(try await evaluation.part(svdb, records: svdb.scoredRecords(nil)))
        }
        let report = RhythmReport(model: loaded.identity, parts: parts)
        try ReportOutput.show(report, json: options.json, plot: options.drawing.plot, text: report.text)
    }
}
