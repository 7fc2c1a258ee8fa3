import ECGEvaluation
import ToolSupport

extension ChangedRecordsReport {
    var text: String {
        let columns = [
            "recorded", "VT, VF; VF, %", "silent", "vfdb: false VT, VF, asystole/h", "cudb", "2015: told/suppressed",
            "AF A/N/O",
        ]
        var table = TextTable(columns + databases)
        table.rows = rows.map { row in
            [
                row.change,
                "\(cell(row.vfdb_vt_time_pct)), \(cell(row.vfdb_vf_time_pct)); \(cell(row.cudb_vf_time_pct))",
                "\(row.silent)", falseAlarms(row.vfdb_false), falseAlarms(row.cudb_false),
                row.bedside["all"].map { "\(cell($0.told_pct))/\(cell($0.suppressed_pct))" } ?? "",
                ["A", "N", "O"].map { cell(row.record_classes[$0]?.af_pct) }.joined(separator: "/"),
            ] + databases.map { (row.qrs[$0] ?? []).map { cell($0, 2) }.joined(separator: "/") }
        }
        return table.text
    }

    private var databases: [String] { (rows.first?.qrs ?? [:]).keys.sorted() }

    private func cell(_ value: Double?, _ decimals: Int = 1) -> String { value.map { fixed($0, decimals) } ?? "-" }

    private func falseAlarms(_ rates: GeneralizationReport.FalseAlarmRates?) -> String {
        rates.map { [$0.vt_per_hour, $0.vf_per_hour, $0.asystole_per_hour].map { cell($0, 2) }.joined(separator: ", ") }
            ?? ""
    }
}
