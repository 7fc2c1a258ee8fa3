import ArgumentParser
import EC57
import ECGEvaluation
import WFDB

/// The detector alone, sample by sample, on one lead.
struct EvaluateQRS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "qrs",
        abstract: "Score the streaming QRS detector: sensitivity, +P, error rate, R position, delay.",
        discussion: """
            One lead goes through the resampler and the Pan-Tompkins detector only; neither sees the annotations. \
            Beats are matched within 150 ms (EC57); ventricular flutter is not scored. The delay is from the annotated \
            R peak to the sample at which the detector reports the beat.

            Example:
              ecgmon evaluate qrs --whole
            """)

    @OptionGroup var options: EvaluateOptions

    @Flag(
        help:
            "Also the error rate without each addition to Pan-Tompkins, on these records and the noise stress records."
    )
    var ablation = false

    @Flag(help: "Also the noise stress records of 118 and 119 (folders nstdb and nstdb_119_regenerated).")
    var noiseStress = false

    @Flag(help: "Also the whole stream with the records resampled to other rates, and with reversed polarity.")
    var rates = false

    @Option(help: ArgumentHelp("Weights for the classes of --rates instead of the shipped ones.", valueName: "file"))
    var model: String?

    func run() async throws {
        let database = try options.openDatabase()
        let names = try database.scoredRecords(options.records)
        let (start, jobs, output) = (options.startSeconds, options.jobs, options.output)
        if let output { try AnnotationOutput.makeFolder(output) }
        let evaluation = QRSEvaluation(database, records: names, from: start, jobs: jobs)
        var report = try await evaluation.report { record, name, beats in
            guard let output else { return }
            let set = AnnotationSet(
                beats.map { Annotation(sampleIndex: $0.sampleIndex, code: .normal) }, samplingRate: record.samplingRate)
            try AnnotationOutput.write(set, record: name, annotator: "qrs", to: output)
        }
        if ablation { report.ablation = try await QRSAblation.all(database, names, from: start, jobs: jobs) }
        if noiseStress { report.noise_stress = try await QRSNoiseLevel.all(from: start, jobs: jobs) }
        if rates {
            report.rates = try await RateFigures.all(database, names, from: start, .chosen(model), jobs: jobs)
        }
        try ReportOutput.show(report, json: options.json, plot: options.drawing.plot, text: report.text)
    }
}
