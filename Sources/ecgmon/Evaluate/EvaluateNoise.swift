import ArgumentParser
import ECGEvaluation

/// Alerts in noise: how many are false, and how many true ones are missed.
struct EvaluateNoise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "noise",
        abstract:
            "Count false and missed alerts on clean, noisy and noise-only records, with and without signal quality assessment.",
        discussion: """
            The whole stream on channel 0. The reference is what the same rules report for the annotated beats. An \
            alert is true if the reference has one of the same kind, or of a graver kind in its chain, within 5 s; \
            during ventricular flutter no alert is false. Noise is added as in the noise stress database: two minutes \
            with, two minutes without, from 5:00 on; whole records are scored. Each part is run twice: without and \
            with signal quality assessment.

            Example:
              ecgmon evaluate noise
            """)

    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Only these records, separated by commas.", valueName: "names"))
    var records: String?

    @Option(help: ArgumentHelp("Signal-to-noise ratios in dB, separated by commas.", valueName: "dB"))
    var snr = "12,6,0"

    @Option(help: ArgumentHelp("Add noise to every n-th record.", valueName: "n"))
    var mixedEvery = 4

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Records processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        guard mixedEvery >= 1 else { throw ValidationError("--mixed-every must be 1 or more, not \(mixedEvery)") }
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
        for part in snr.split(separator: ",") where Double(part).map({ !(-60...60).contains($0) }) ?? true {
            throw ValidationError("--snr takes numbers from -60 to 60, separated by commas, not “\(part)”")
        }
    }

    func run() async throws {
        let loaded = try LoadedModel.chosen(model)
        let database = try RecordDatabase(database)
        let evaluation = NoiseEvaluation(
            loaded.classifier, database, noise: try .init(RecordDatabase("nstdb")), jobs: jobs)
        let names = try database.scoredRecords(records)
        let decibels = snr.split(separator: ",").compactMap { Double($0) }
        var parts: [NoiseReport.Part] = []
        for scenario in NoiseScenario.list(records: names, decibels: decibels, mixedEvery: mixedEvery) {
            let part = try await evaluation.part(scenario)
            parts.append(part)
            // A whole run takes long: each part is shown when it is there.
            if !json { print(part.text + "\n") }
        }
        let all = parts
        try ReportOutput.draw({ all.map(\.text).joined(separator: "\n\n") }, to: drawing.plot)
        guard json else { return }
        print(
            try ReportOutput.json(NoiseReport(model: loaded.identity, database: database.directory, parts: parts)))
    }
}
