import EC57
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ToolSupport

extension StreamReport {
    func text(_ model: LoadedModel) -> String {
        var lines = ["model \(model.classifier.name), SHA-256 \(model.classifier.sha256)"]
        if let card = model.card { lines.append("trained on: \(card.data); \(card.split)") }
        for part in parts {
            lines.append("")
            lines.append(
                "whole stream, channel 0 of \(part.records.count) records of \(part.database), from \(fixed(from_seconds, 0)) s"
            )
            let totals = EC57Figures.grossInOrder(part.gross)
            lines.append(BeatTable.text(part.per_record, total: totals, classes: true))
            if let delay = part.gross["all"]?.delay { lines.append("delay from R to the beat's event: \(delay.line)") }
            let alerts = part.alerts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            lines.append("alerts begun in \(part.hours) h: \(alerts.isEmpty ? "none" : alerts)")
            lines.append("suspicions of an attack raised: \(part.suspicions_raised)")
        }
        if let noise = noise_stress {
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
                "noise stress, from \(fixed(from_seconds, 0)) s (119 is regenerated, not PhysioNet's own files)"
            )
            lines.append(table.text)
        }
        return lines.joined(separator: "\n")
    }
}
