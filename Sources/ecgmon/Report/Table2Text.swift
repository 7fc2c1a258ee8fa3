import ECGATKGAN
import ECGEvaluation
import ToolSupport

/// How Table 2 is shown.
extension Table2 {
    private static let header = ["", "MSE", "SSIM %", "cross-corr. %", "NRMSE (range)", "NRMSE (rms)"]

    /// Two digits of a small number: `2.9e-5`.
    static func scientific(_ value: Double) -> String {
        guard value > 0, value.isFinite else { return "\(value)" }
        var mantissa = value
        var exponent = 0
        while mantissa < 1 {
            mantissa *= 10
            exponent -= 1
        }
        while mantissa >= 9.95 {
            mantissa /= 10
            exponent += 1
        }
        return "\(fixed(mantissa, 1))e\(exponent)"
    }

    private func cells(_ name: String, _ figures: [Double]) -> [String] {
        [name, Self.scientific(figures[0])] + figures[1...2].map { fixed($0, 2) } + figures[3...].map { fixed($0, 4) }
    }

    private var tableRows: [[String]] {
        rows.flatMap { row -> [[String]] in
            let paper = PaperFigures.table2(row.condition)
            var rows = [cells(row.condition.title, row.means.toInput)]
            if row.condition != .none { rows.append(cells("  against the clean window", row.means.toClean)) }
            rows.append([
                "  paper", Self.scientific(paper.meanSquareError), fixed(paper.structuralSimilarity, 2),
                fixed(paper.crossCorrelation, 2), fixed(paper.normalizedRootMeanSquareError, 4), "",
            ])
            return rows
        }
    }

    private var head: [String] {
        [
            "generator \(generatorPath), SHA-256 \(generatorChecksum)",
            "attacked model \(model.name), SHA-256 \(model.sha256), epsilon \(epsilon), seed \(seed)", heldOut.text,
            "generated windows against what the generator was given; the paper does not say which NRMSE it means",
        ]
    }

    var text: String {
        var table = TextTable(Self.header)
        table.rows = tableRows
        return (head + ["", table.text]).joined(separator: "\n")
    }

    var markdown: String {
        (head.map { "- \($0)" } + ["", MarkdownTable.row(Self.header), MarkdownTable.rule(Self.header.count)]
            + tableRows.map(MarkdownTable.row)).joined(separator: "\n")
    }
}
