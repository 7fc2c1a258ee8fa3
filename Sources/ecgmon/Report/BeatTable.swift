import EC57
import ECGEvaluation

/// Per-record figures as a table.
enum BeatTable {
    /// QRS columns, and with `classes` those of V and S.
    static func text(_ rows: [RecordFigures], total: [(name: String, figures: EC57Figures)], classes: Bool) -> String {
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
