import ECGATKGAN
import ECGEvaluation
import ToolSupport

/// How Table 1 is shown: as text and as Markdown.
extension Table1 {
    /// Blocks of rows: one for each protocol and condition, ours and below each the paper's.
    private func rows(_ kind: AttackProtocol, _ condition: PaperFigures.Condition) -> [[String]] {
        cells.filter { $0.attackProtocol == kind && $0.condition == condition }.flatMap { cell -> [[String]] in
            let columns = cell.figures.paperColumns
            let paper = cell.paper.columns
            func percent(_ value: Double) -> String { value.isFinite ? fixed(value, 1) : "-" }
            var ours = [cell.model.name, percent(columns[0]), percent(cell.figures.plainAccuracy)]
            var theirs = ["  paper: \(cell.model.paperSystem.rawValue)", percent(paper[0]), ""]
            for beatClass in 0..<4 {
                ours += columns[(1 + 3 * beatClass)..<(4 + 3 * beatClass)].map(percent)
                ours.append(percent(cell.figures.areasUnderCurve[beatClass]))
                theirs += paper[(1 + 3 * beatClass)..<(4 + 3 * beatClass)].map(percent) + [""]
            }
            return [ours, theirs]
        }
    }

    private static let header =
        ["", "acc", "plain"] + BeatClass.allCases.flatMap { ["\($0.letter) sen", "spe", "auc", "ROC"] }

    private var head: [String] {
        var lines = models.map { "\($0.name): \($0.architecture), SHA-256 \($0.sha256)" }
        if let surrogate {
            lines.append("surrogate of P-transfer: \(surrogate.name), SHA-256 \(surrogate.sha256)")
        } else {
            lines.append("P-transfer is left out: there is no surrogate; name one with --surrogate")
        }
        lines.append(heldOut.text)
        lines.append("all attacks at epsilon \(epsilon), seed \(seed)")
        lines.append(
            "acc: mean of the four one-against-rest accuracies; auc: (SEN + SPE) / 2, as the paper has them; ROC: area under the "
                + "true ROC curve; all in percent")
        return lines
    }

    private func title(_ kind: AttackProtocol, _ condition: PaperFigures.Condition) -> String {
        "\(kind.rawValue), \(condition.title)"
    }

    private var blocks: [(AttackProtocol, PaperFigures.Condition)] {
        AttackProtocol.allCases.filter { $0 == .whiteBox || surrogate != nil }.flatMap { kind in
            PaperFigures.Condition.allCases.map { (kind, $0) }
        }
    }

    var text: String {
        var lines = head
        for (kind, condition) in blocks {
            var table = TextTable(Self.header)
            table.rows = rows(kind, condition)
            lines += ["", title(kind, condition), table.text]
        }
        return lines.joined(separator: "\n")
    }

    var markdown: String {
        var lines = head.map { "- \($0)" }
        for (kind, condition) in blocks {
            lines += ["", "### \(title(kind, condition))", "", MarkdownTable.row(Self.header)]
            lines.append(MarkdownTable.rule(Self.header.count))
            lines += rows(kind, condition).map(MarkdownTable.row)
        }
        return lines.joined(separator: "\n")
    }
}

/// Rows of a Markdown table.
enum MarkdownTable {
    static func row(_ cells: [String]) -> String {
        "| " + cells.map { $0.trimmingSpaces.replacingBars }.joined(separator: " | ") + " |"
    }

    static func rule(_ columns: Int) -> String {
        "|---|" + String(repeating: "---:|", count: columns - 1)
    }
}

extension String {
    fileprivate var trimmingSpaces: String { String(drop { $0 == " " }) }
    fileprivate var replacingBars: String {
        split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
