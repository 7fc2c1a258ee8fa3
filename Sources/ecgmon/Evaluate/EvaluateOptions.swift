import ArgumentParser
import FoundationEssentials

/// What the evaluations of a detector or a stream have in common.
struct EvaluateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Only these records, separated by commas.", valueName: "names"))
    var records: String?

    @Option(
        name: .customLong("from"),
        help: ArgumentHelp("Score from this second on; EC57 leaves five minutes for learning.", valueName: "seconds"))
    var start = 300.0

    @Flag(help: "Score whole records, as --from 0.")
    var whole = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Records worked on at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Also write the beats found as annotation files into this folder.", valueName: "dir"))
    var output: String?

    @Option(help: "Lead, by name or number from 0 (default: the first signal that is an ECG by its name and unit).")
    var lead: String?

    @Flag(help: "Refuse files whose length, checksum or first value is not the header's, instead of a warning.")
    var strict = false

    /// The database with the choice of the lead.
    func openDatabase() throws(ToolError) -> RecordDatabase {
        try RecordDatabase(database, lead: lead, strict: strict)
    }

    /// Which signal is scored, for a report.
    var leadText: String { lead.map { "lead \($0)" } ?? "the first ECG" }

    /// Seconds from the start that are not scored.
    var startSeconds: Double { whole ? 0 : start }

    func validate() throws {
        guard start.isFinite, (0...1e6).contains(start) else {
            throw ValidationError("--from must be 0 or more seconds, not \(start)")
        }
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
    }
}

/// One line of a per-record table.
struct RecordFigures: Encodable, Sendable {
    var record: String
    var figures: EC57Figures

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(record, forKey: .record)
        try figures.encode(to: encoder)
    }

    enum CodingKeys: CodingKey { case record }
}

enum EvaluationReport {
    /// Prints a value as JSON with sorted keys.
    static func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// QRS columns, and with `classes` those of V and S.
    static func table(_ rows: [RecordFigures], total: [(name: String, figures: EC57Figures)], classes: Bool) -> String {
        var header = ["record", "beats", "FN", "FP", "Q Se", "Q +P", "error", "R err ms"]
        if classes { header += ["V Se", "V +P", "S Se", "S +P"] }
        var table = TextTable(header)
        for row in rows.map({ (name: $0.record, figures: $0.figures) }) + total {
            let f = row.figures
            var cells = [
                row.name, "\(f.beats)", "\(f.falseNegatives)", "\(f.falsePositives)", TextTable.cell(f.sensitivity, 3),
                TextTable.cell(f.positivePredictivity, 3), TextTable.cell(f.errorRate, 3),
                TextTable.cell(f.rPeakErrorMeanAbsolute, 2),
            ]
            if classes {
                cells += [
                    TextTable.cell(f.ventricularSensitivity, 2), TextTable.cell(f.ventricularPositivePredictivity, 2),
                    TextTable.cell(f.supraventricularSensitivity, 2),
                    TextTable.cell(f.supraventricularPositivePredictivity, 2),
                ]
            }
            table.rows.append(cells)
        }
        return table.text
    }
}
