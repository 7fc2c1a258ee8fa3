import EC57
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ToolSupport

extension BeatReport {
    func text(_ model: LoadedModel) -> String {
        var lines = ["model \(model.classifier.name), SHA-256 \(model.classifier.sha256)"]
        if let card = model.card {
            lines.append("discriminator trained on: \(card.data); \(card.split)")
            lines.append(card.contextual.map { "contextual classifier trained on: \($0.data)" } ?? "no contextual classifier: each window by itself")
        }
        for part in parts ?? [] {
            let gross = EC57Figures.grossInOrder(part.gross)
            lines.append("")
            lines.append(
                "beat by beat, channel 0 of \(part.records.count) records of \(part.database), from \(fixed(from_seconds, 0)) s"
                    + (reversed ? ", polarity reversed" : ""))
            var table = TextTable([
                "record", "beats", "Q Se", "Q +P", "S Se", "S +P", "V Se", "V +P", "F Se", "F +P",
            ])
            for row in part.per_record.map({ (name: $0.record, figures: $0.figures) }) + gross {
                let f = row.figures
                table.rows.append(
                    [row.name, "\(f.beats)"]
                        + [
                            f.sensitivity, f.positivePredictivity, f.supraventricularSensitivity,
                            f.supraventricularPositivePredictivity, f.ventricularSensitivity,
                            f.ventricularPositivePredictivity, f.fusionSensitivity, f.fusionPositivePredictivity,
                        ].map { TextTable.cell($0, 2) })
            }
            lines.append(table.text)
            var runs = TextTable(["runs of", "couplets Se", "+P", "short Se", "+P", "long Se", "+P"])
            for set in gross.map(\.name) {
                for (letter, figures) in [("V", part.v_runs[set]), ("S", part.s_runs[set])] {
                    guard let figures else { continue }
                    runs.rows.append(
                        ["\(letter), \(set)"]
                            + [figures.couplets, figures.shortRuns, figures.longRuns].flatMap {
                                [
                                    "\(TextTable.cell($0.sensitivity, 1)) (\($0.found)/\($0.runs))",
                                    "\(TextTable.cell($0.positivePredictivity, 1)) (\($0.right)/\($0.testedRuns))",
                                ]
                            })
                }
            }
            lines.append("")
            lines.append(runs.text)
            if let delay = part.gross["all"]?.delay { lines.append("delay from R to the final class: \(delay.line)") }
        }
        if let attack {
            lines.append("")
            lines.append(attack.text)
        }
        return lines.joined(separator: "\n")
    }
}

extension ContextualizedAttack.Report {
    var text: String {
        var lines = [
            "attacked windows of \(beats.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")) "
                + "of \(records), epsilon \(epsilon): beats with the right class, percent"
        ]
        var table = TextTable(["answer", "attack", "mean", "N", "S", "V", "F"])
        for (name, rows) in [("contextual classifier", joined), ("discriminator alone", discriminator_alone)] {
            for row in rows {
                table.rows.append(
                    [name, row.attack, fixed(row.mean, 1)]
                        + ["N", "S", "V", "F"].map { TextTable.cell(row.right[$0], 1) })
            }
        }
        lines.append(table.text)
        return lines.joined(separator: "\n")
    }
}
