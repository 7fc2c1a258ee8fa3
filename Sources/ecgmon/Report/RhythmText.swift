import EC57
import ECGEvaluation
import ToolSupport

extension RhythmReport {
    var text: String {
        (["model \(model.name), SHA-256 \(model.sha256)"] + parts.map(\.text)).joined(separator: "\n")
    }
}

extension RhythmReport.Part {
    var text: String {
        var lines = [
            "", "rhythm alerts, channel 0 of \(records) whole records of \(database), \(hours) h",
        ]
        let delay = flutter_longest_delay_s.map { ", after \(fixed($0, 1)) s at most" } ?? ""
        lines.append(
            "ventricular flutter: \(flutter_within_10_s) of \(flutter_episodes) episodes said within 10 s\(delay); "
                + "\(flutter_false) said elsewhere")
        let af = atrial_fibrillation
        lines.append(
            "atrial fibrillation, minutes: \(fixed(af.right_min, 1)) right, \(fixed(af.wrong_min, 1)) wrong, "
                + "\(fixed(af.missed_min, 1)) missed; sensitivity \(TextTable.cell(af.sensitivity, 1)) %, +P "
                + "\(TextTable.cell(af.positive_predictivity, 1)) %, specificity \(TextTable.cell(af.specificity, 1)) %"
        )
        var table = TextTable(["annotated rhythm", "stretches", "said", "said elsewhere"])
        for (name, score) in stretches.sorted(by: { $0.key < $1.key }) {
            table.rows.append([name, "\(score.annotated)", "\(score.said)", "\(score.elsewhere)"])
        }
        lines.append(table.text)
        let alerts = alerts_per_hour.sorted { $0.key < $1.key }.map { "\($0.key) \(fixed($0.value, 2))" }
        lines.append("alerts begun an hour: " + alerts.joined(separator: ", "))
        var rows = TextTable(["record", "AF right", "wrong", "missed", "flutter false"])
        for row in per_record where row.atrial_fibrillation.isOfInterest || row.flutter_false > 0 {
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
