import ArgumentParser
import ECGATKGAN
import ECGMonitor
import WFDB

/// The rhythm alerts against the databases' rhythm annotations.
struct EvaluateRhythm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rhythm",
        abstract: "Score the rhythm alerts: ventricular flutter, atrial fibrillation, others an hour.",
        discussion: """
            One lead of whole records goes through the whole pipeline; nothing knows the annotations. Ventricular flutter: is \
            each annotated episode said, and how soon? What is said elsewhere is false. Atrial fibrillation: minutes right, wrong \
            and missed; atrial flutter counts for neither. Ventricular and idioventricular rhythms, bigeminy and trigeminy: is \
            each annotated stretch said while it lasts or within 10 s after, and how many are said that nothing annotated comes near? \
            All alerts are counted per hour. svdb has no rhythm annotations: only counts.
            """)

    @OptionGroup var options: EvaluateOptions

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    struct RecordReport: Encodable, Sendable {
        var record: String
        var flutter: [RhythmScore.Episode]
        var flutter_false: Int
        var atrial_fibrillation: RhythmScore.Duration
        var stretches: [String: RhythmScore.Stretches]
        var alerts: [String: Int]
        var hours: Double
    }

    struct Part: Encodable {
        var database: String
        var records: Int
        var hours: Double
        var flutter_episodes: Int
        var flutter_within_10_s: Int
        var flutter_longest_delay_s: Double?
        var flutter_false: Int
        var atrial_fibrillation: RhythmScore.Duration
        var stretches: [String: RhythmScore.Stretches]
        var alerts_per_hour: [String: Double]
        var per_record: [RecordReport]
    }

    struct Report: Encodable {
        var evaluation = "rhythm"
        var model: LoadedModel.Identity
        /// The lead that was chosen; nil: in each record the first signal that is an ECG.
        var lead: String?
        var parts: [Part]
    }

    func run() async throws {
        let loaded = try LoadedModel(model)
        var parts = [try await evaluate(options.openDatabase(), only: options.records, loaded)]
        if options.database == "mitdb", options.records == nil, let svdb = try? RecordDatabase("svdb") {
            parts.append(try await evaluate(svdb, only: nil, loaded))
        }
        if options.json {
            try EvaluationReport.printJSON(Report(model: loaded.identity, lead: options.lead, parts: parts))
        } else {
            print("model \(loaded.classifier.name), SHA-256 \(loaded.classifier.sha256)")
            for part in parts { print(RhythmText.text(part)) }
        }
    }

    private func evaluate(_ database: RecordDatabase, only wanted: String?, _ model: LoadedModel) async throws -> Part {
        let names = try database.scoredRecords(wanted)
        let scores = try await RecordBatch.map(names, jobs: options.jobs) { name in
            let record = try database.record(name)
            let annotations = try database.annotations(name, for: record)
            let events = try MonitorRun.events(of: record, name: name, classifier: model.classifier)
            return RhythmScore(events: events, annotations: annotations, record: record)
        }
        var total = RhythmScore()
        for score in scores { total += score }
        let rows = zip(names, scores).map { name, score in
            RecordReport(
                record: name, flutter: score.flutter, flutter_false: score.flutterFalse,
                atrial_fibrillation: score.atrialFibrillation, stretches: score.stretches,
                alerts: score.namedAlerts, hours: score.hours.rounded(decimals: 3))
        }
        return Part(
            database: database.directory, records: names.count, hours: total.hours.rounded(decimals: 3),
            flutter_episodes: total.flutter.count,
            flutter_within_10_s: total.flutter.count { ($0.delay_s ?? .infinity) <= 10 },
            flutter_longest_delay_s: total.flutter.compactMap(\.delay_s).max(), flutter_false: total.flutterFalse,
            atrial_fibrillation: total.atrialFibrillation, stretches: total.stretches,
            alerts_per_hour: total.namedAlerts.mapValues { (Double($0) / total.hours).rounded(decimals: 2) },
            per_record: rows)
    }
}

enum RhythmText {
    static func text(_ part: EvaluateRhythm.Part) -> String {
        var lines = [
            "", "rhythm alerts, \(part.records) whole records of \(part.database), \(part.hours) h",
        ]
        let delay = part.flutter_longest_delay_s.map { ", after \(fixed($0, 1)) s at most" } ?? ""
        lines.append(
            "ventricular flutter: \(part.flutter_within_10_s) of \(part.flutter_episodes) episodes said within 10 s\(delay); "
                + "\(part.flutter_false) said elsewhere")
        let af = part.atrial_fibrillation
        lines.append(
            "atrial fibrillation, minutes: \(fixed(af.right_min, 1)) right, \(fixed(af.wrong_min, 1)) wrong, "
                + "\(fixed(af.missed_min, 1)) missed; sensitivity \(TextTable.cell(af.sensitivity, 1)) %, +P "
                + "\(TextTable.cell(af.positive_predictivity, 1)) %, specificity \(TextTable.cell(af.specificity, 1)) %"
        )
        var table = TextTable(["annotated rhythm", "stretches", "said", "said elsewhere"])
        for (name, score) in part.stretches.sorted(by: { $0.key < $1.key }) {
            table.rows.append([name, "\(score.annotated)", "\(score.said)", "\(score.elsewhere)"])
        }
        lines.append(table.text)
        let alerts = part.alerts_per_hour.sorted { $0.key < $1.key }.map { "\($0.key) \(fixed($0.value, 2))" }
        lines.append("alerts begun an hour: " + alerts.joined(separator: ", "))
        var rows = TextTable(["record", "AF right", "wrong", "missed", "flutter false"])
        for row in part.per_record where row.atrial_fibrillation.isOfInterest || row.flutter_false > 0 {
            let af = row.atrial_fibrillation
            rows.rows.append([
                row.record, fixed(af.right_min, 1), fixed(af.wrong_min, 1), fixed(af.missed_min, 1),
                "\(row.flutter_false)",
            ])
        }
        if !rows.rows.isEmpty { lines.append(rows.text) }
        return lines.joined(separator: "\n")
    }
}
