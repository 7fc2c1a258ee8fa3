import ArgumentParser
import ECGATKGAN
import ECGMonitor
import FoundationEssentials
import WFDB

/// The whole stream, samples in, events out: protocol S.
struct EvaluateStream: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Score the monitor's beats and classes end to end: Q, S, V, R position, delay.",
        discussion: """
            One lead goes through the same pipeline as in the daemon, detector, classifier and rules; nothing knows the \
            annotations. Beats are matched within 150 ms (EC57); ventricular flutter is left out. DS1 and DS2 are the usual \
            splits of the mitdb by patient; a figure on a split that the model was trained on says nothing about patients never \
            seen. The delay is from the annotated R peak to the sample with which the beat's event is decided.
            """)

    @OptionGroup var options: EvaluateOptions

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Flag(help: "Also the noise stress records of 118 and 119 (folders nstdb and nstdb_119_regenerated).")
    var noiseStress = false

    @Flag(help: "Also the records of the supraventricular arrhythmia database (folder svdb).")
    var svdb = false

    struct Part: Encodable {
        var database: String
        var records: [String]
        /// All records, and for the mitdb DS1, DS2, and DS2 without 202, whose subject is also in DS1.
        var gross: [String: EC57Figures]
        var per_record: [RecordFigures]
        /// How often each alert began.
        var alerts: [String: Int]
        var suspicions_raised: Int
        var hours: Double
    }

    struct NoiseLevel: Encodable {
        /// Signal-to-noise ratio in the noisy stretches, dB.
        var snr_db: Int
        var records: [String]
        var gross: EC57Figures
        /// Records in which the noise was said aloud while it lasted.
        var noise_reported: [String]
    }

    struct Report: Encodable {
        var evaluation = "stream"
        var model: LoadedModel.Identity
        /// The lead that was chosen; nil: in each record the first signal that is an ECG.
        var lead: String?
        var from_seconds: Double
        var match_window_ms = EC57Score.matchWindowSeconds * 1000
        var parts: [Part]
        var noise_stress: [NoiseLevel]?
    }

    /// One record's outcome.
    private struct Outcome: Sendable {
        var score: EC57Score
        var alerts: [AlertKind]
        var suspicions: Int
        var hours: Double
        var noiseReported: Bool
    }

    func run() async throws {
        let loaded = try LoadedModel(model)
        var parts = [try await evaluate(options.openDatabase(), only: options.records, loaded)]
        if svdb { parts.append(try await evaluate(RecordDatabase("svdb"), only: nil, loaded)) }
        let noise = noiseStress ? try await evaluateNoiseStress(loaded) : nil
        if options.json {
            try EvaluationReport.printJSON(
                Report(
                    model: loaded.identity, lead: options.lead, from_seconds: options.startSeconds, parts: parts,
                    noise_stress: noise))
        } else {
            print(text(loaded, parts, noise))
        }
    }

    private func outcomes(
        _ database: RecordDatabase, _ names: [String], _ model: LoadedModel
    ) async throws -> [Outcome] {
        let start = options.startSeconds
        let output = options.output
        if let output { try AnnotationOutput.makeFolder(output) }
        return try await RecordBatch.map(names, jobs: options.jobs) { name in
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            let events = try MonitorRun.events(of: record, name: name, classifier: model.classifier)
            if let output {
                try AnnotationOutput.write(
                    EventAnnotations.annotations(of: events, samplingRate: record.samplingRate), record: name,
                    annotator: AnnotateCommand.annotator, to: output)
            }
            var outcome = Outcome(
                score: EC57Score(reference: reference, found: MonitorRun.beats(events), from: start), alerts: [],
                suspicions: 0,
                hours: Double(record.frameCount) / record.samplingRate / 3600, noiseReported: false)
            for event in events {
                switch event.kind {
                case .alert(let alert) where alert.phase == .started:
                    outcome.alerts.append(alert.kind)
                    if alert.kind == .noisySignal { outcome.noiseReported = true }
                case .suspicion(let suspicion) where suspicion.active: outcome.suspicions += 1
                default: break
                }
            }
            return outcome
        }
    }

    private func evaluate(_ database: RecordDatabase, only wanted: String?, _ model: LoadedModel) async throws -> Part {
        let names = try database.scoredRecords(wanted)
        let outcomes = try await outcomes(database, names, model)
        var alerts: [String: Int] = [:]
        for kind in outcomes.flatMap(\.alerts) { alerts[kind.name, default: 0] += 1 }
        let scored = Array(zip(names, outcomes.map(\.score)))
        let gross = EC57Figures.gross(scored)
        return Part(
            database: database.directory, records: names, gross: gross,
            per_record: scored.map { RecordFigures(record: $0, figures: EC57Figures($1)) }, alerts: alerts,
            suspicions_raised: outcomes.reduce(0) { $0 + $1.suspicions },
            hours: outcomes.reduce(0) { $0 + $1.hours }.rounded(decimals: 3))
    }

    private func evaluateNoiseStress(_ model: LoadedModel) async throws -> [NoiseLevel] {
        var levels: [NoiseLevel] = []
        let folders = [("118", try RecordDatabase("nstdb")), ("119", try? RecordDatabase("nstdb_119_regenerated"))]
        for (suffix, ratio) in [("24", 24), ("18", 18), ("12", 12), ("06", 6), ("00", 0), ("_6", -6)] {
            var level = NoiseLevel(snr_db: ratio, records: [], gross: EC57Figures(EC57Score()), noise_reported: [])
            var total = EC57Score()
            for (base, folder) in folders {
                guard let folder else { continue }
                let name = "\(base)e\(suffix)"
                let outcome = try await outcomes(folder, [name], model)[0]
                total += outcome.score
                level.records.append(name)
                if outcome.noiseReported { level.noise_reported.append(name) }
            }
            level.gross = EC57Figures(total, records: level.records.count)
            levels.append(level)
        }
        return levels
    }

    private func text(_ model: LoadedModel, _ parts: [Part], _ noise: [NoiseLevel]?) -> String {
        var lines = ["model \(model.classifier.name), SHA-256 \(model.classifier.sha256)"]
        if let card = model.card { lines.append("trained on: \(card.data); \(card.split)") }
        for part in parts {
            lines.append("")
            lines.append(
                "whole stream, \(options.leadText) of \(part.records.count) records of \(part.database), from \(fixed(options.startSeconds, 0)) s"
            )
            let totals = EC57Figures.grossInOrder(part.gross)
            lines.append(EvaluationReport.table(part.per_record, total: totals, classes: true))
            if let delay = part.gross["all"]?.delay { lines.append("delay from R to the beat's event: \(delay.line)") }
            let alerts = part.alerts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            lines.append("alerts begun in \(part.hours) h: \(alerts.isEmpty ? "none" : alerts)")
            lines.append("suspicions of an attack raised: \(part.suspicions_raised)")
        }
        if let noise {
            var table = TextTable([
                "SNR dB", "records", "beats", "FN", "FP", "Q Se", "Q +P", "V Se", "V +P", "noise said in",
            ])
            for level in noise {
                table.rows.append([
                    "\(level.snr_db)", level.records.joined(separator: " "), "\(level.gross.beats)",
                    "\(level.gross.falseNegatives)", "\(level.gross.falsePositives)",
                    TextTable.cell(level.gross.sensitivity, 2),
                    TextTable.cell(level.gross.positivePredictivity, 2),
                    TextTable.cell(level.gross.ventricularSensitivity, 2),
                    TextTable.cell(level.gross.ventricularPositivePredictivity, 2),
                    level.noise_reported.joined(separator: " "),
                ])
            }
            lines.append("")
            lines.append(
                "noise stress, from \(fixed(options.startSeconds, 0)) s (119 is regenerated, not PhysioNet's own files)"
            )
            lines.append(table.text)
        }
        return lines.joined(separator: "\n")
    }
}
