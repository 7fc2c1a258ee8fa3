import ArgumentParser
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// Attacks whose aim is an alarm.
struct EvaluateAlarmAttack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarm-attack",
        abstract: "Try to hide ventricular tachycardias from the whole monitor, and to make some, by moving samples.",
        discussion: """
            Every beat of a stretch is attacked, white-box against the discriminator and through the monitor's \
            scaling, by PGD with 40 steps and two starts, and written back into the samples. Runs that are annotated \
            as (VT are led towards N, with the beats of 3 s around them. Two calm stretches of 30 s of each record \
            are led towards V. The tables say what the monitor tells in these stretches.

            Example:
              ecgmon evaluate alarm-attack --epsilons 0,0.01
            """)

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Only these records, separated by commas.", valueName: "names"))
    var records: String?

    @Option(help: ArgumentHelp("Radii, in units of a beat's range, separated by commas; 0: no attack.", valueName: "list"))
    var epsilons = "0,0.01,0.02,0.05"

    @Option(help: ArgumentHelp("Make alarms in every n-th record; 0: in none.", valueName: "n"))
    var makeEvery = 3

    @Option(help: "Seed of the attacks' random starts.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Records processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    private var radii: [Float]? {
        let parts = epsilons.split(separator: ",").map { Float($0.filter { !$0.isWhitespace }) }
        let values = parts.compactMap { $0 }
        return !values.isEmpty && values.count == parts.count && values.allSatisfy { (0...1).contains($0) }
            ? values : nil
    }

    func validate() throws {
        guard radii != nil else { throw ValidationError("--epsilons takes numbers from 0 to 1, separated by commas") }
        guard makeEvery >= 0, (jobs ?? 1) >= 1 else {
            throw ValidationError("--make-every must be 0 or more, and --jobs 1 or more")
        }
    }

    func run() async throws {
        BLAS.useOneThread()
        let path = try InstalledFiles.model(model)
        let loaded = try LoadedModel(contentsOf: path)
        let source = try RecordDatabase(database)
        let names = try source.scoredRecords(records)
        let (epsilons, seed, every) = (radii ?? [], seed, makeEvery)
        let outcomes = try await RecordBatch.map(Array(names.enumerated()), jobs: jobs) { number, name in
            try AlarmAttack(
                StreamAttack(modelPath: path), classifier: loaded.classifier, epsilons: epsilons, seed: seed
            ).outcome(of: name, in: source, makesAlarms: every > 0 && number % every == 0)
        }
        let report = AlarmAttackReport(
            model: loaded.identity, database: source.directory, seed: seed, outcomes: outcomes)
        try ReportOutput.show(report, json: json, plot: drawing.plot, text: report.text)
    }
}

extension AlarmAttackReport {
    /// As two tables.
    var text: String {
        func table(_ figures: [AlarmAttack.Figures]) -> String {
            var table = TextTable([
                "epsilon", "stretches", "V tachycardia told", "any V run told", "any alert", "with V beats", "V beats",
                "attack suspected",
            ])
            table.rows = figures.map { row in
                [
                    row.epsilon == 0 ? "none" : "\(row.epsilon)", "\(row.stretches)", "\(row.tachycardia)",
                    "\(row.run)", "\(row.any)", "\(row.with_v)", "\(row.v_beats)", "\(row.suspected)",
                ]
            }
            return table.text
        }
        return [
            "\(database), seed \(seed), model \(model.name)", "", "hidden: annotated (VT, beats led towards N",
            table(hidden), "", "made: calm stretches of \(fixed(AlarmAttack.stretchSeconds, 0)) s, beats led towards V",
            table(made),
        ].joined(separator: "\n")
    }
}
