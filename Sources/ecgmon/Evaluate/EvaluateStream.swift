import ArgumentParser
import ECGEvaluation

/// The whole stream, samples in, events out: protocol S.
struct EvaluateStream: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Score the monitor's beats and classes end to end: Q, S, V, R position, delay.",
        discussion: """
            One lead goes through the same pipeline as in the daemon: detector, classifier and rules, none of which \
            sees the annotations. Beats are matched within 150 ms (EC57); ventricular flutter is not scored. DS1 and \
            DS2 are the usual split of the mitdb by patient; a figure on the half that the model was trained on says \
            nothing about unseen patients. The delay is from the annotated R peak to the sample that decides the \
            beat's event.

            Example:
              ecgmon evaluate stream --svdb
            """)

    @OptionGroup var options: EvaluateOptions

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Flag(help: "Also the noise stress records of 118 and 119 (folders nstdb and nstdb_119_regenerated).")
    var noiseStress = false

    @Flag(help: "Also the records of the supraventricular arrhythmia database (folder svdb).")
    var svdb = false

    func run() async throws {
        let loaded = try LoadedModel.chosen(model)
        var evaluation = StreamEvaluation(loaded, from: options.startSeconds, jobs: options.jobs)
        evaluation.onEvents = try options.annotationWriter()
        let database = try options.openDatabase()
        var parts = [try await evaluation.part(database, records: database.scoredRecords(options.records))]
        if svdb {
            let other = try RecordDatabase("svdb")
            parts.append(try await evaluation.part(other, records: other.scoredRecords(nil)))
        }
        let report = StreamReport(
            model: loaded.identity, from_seconds: options.startSeconds, parts: parts,
            noise_stress: noiseStress ? try await evaluation.noiseStress() : nil)
        try ReportOutput.show(report, json: options.json, plot: options.drawing.plot, text: report.text(loaded))
    }
}
