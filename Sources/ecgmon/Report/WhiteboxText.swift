import ECGATKGAN
import ECGEvaluation
import ToolSupport

/// How protocol W is shown: as text and as Markdown.
extension Whitebox {
    private static let header = [
        "attack", "windows", "plain", "acc", "N sen", "S sen", "V sen", "F sen", "suspected", "wrong, unsuspected",
    ]

    private func cells(_ row: Row) -> [String] {
        func percent(_ value: Double?) -> String { value.map { $0.isFinite ? fixed($0, 2) : "-" } ?? "-" }
        return [
            row.name, "\(row.windows)", percent(row.figures.plainAccuracy),
            percent(row.figures.confusion.oneAgainstRestAccuracy),
        ] + BeatClass.allCases.map { percent(row.figures.confusion.sensitivity($0)) } + [
            percent(row.suspected), percent(row.wrongUnsuspected),
        ]
    }

    private func head(_ heldOut: HeldOutWindows) -> [String] {
        var lines = [
            "model \(model.name) (\(model.architecture)), SHA-256 \(model.sha256)", heldOut.text,
            "white-box at epsilon \(settings.epsilon)\(settings.throughScaling ? " through the scaling" : ""), seed \(seed); acc: mean of the four one-against-rest accuracies; percent",
        ]
        if let threshold {
            lines.append("suspected: above \(fixed(Double(threshold), 4)), which 1 % of the clean windows exceed")
        }
        if settings.worstCaseOnly { return lines }
        if let size = settings.squareSample {
            lines.append(
                "Square: \(settings.squareQueries) queries a window, on a stratified sample of about \(size) windows")
        } else {
            lines.append("Square: \(settings.squareQueries) queries a window, on all windows")
        }
        return lines
    }

    private var curveTitle: String {
        "worst of PGD and APGD over epsilon, on a stratified sample of about \(settings.curveSample) windows"
    }
    private static let curveHeader = ["epsilon", "plain", "acc"]
    private var curveRows: [[String]] {
        curve.map { ["\($0.epsilon)", fixed($0.plainAccuracy, 2), fixed($0.oneAgainstRestAccuracy, 2)] }
    }

    func text(_ heldOut: HeldOutWindows) -> String {
        var table = TextTable(Self.header)
        var curve = TextTable(Self.curveHeader)
        table.rows = rows.map(cells)
        curve.rows = curveRows
        if settings.worstCaseOnly { return (head(heldOut) + ["", table.text]).joined(separator: "\n") }
        let checks = checks.map { "\($0.outcome.rawValue): \($0.name) (\($0.detail))" }
        return (head(heldOut) + ["", table.text, "", curveTitle, curve.text, ""] + checks).joined(separator: "\n")
    }

    func markdown(_ heldOut: HeldOutWindows) -> String {
        var lines = head(heldOut).map { "- \($0)" }
        lines += ["", MarkdownTable.row(Self.header), MarkdownTable.rule(Self.header.count)]
        lines += rows.map { MarkdownTable.row(cells($0)) }
        if settings.worstCaseOnly { return lines.joined(separator: "\n") }
        lines += ["", "\(curveTitle):", "", MarkdownTable.row(Self.curveHeader), MarkdownTable.rule(3)]
        lines += curveRows.map(MarkdownTable.row)
        lines += [""] + checks.map { "- \($0.outcome.rawValue): \($0.name) (\($0.detail))" }
        return lines.joined(separator: "\n")
    }
}
