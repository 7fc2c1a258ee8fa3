import ToolSupport

/// Tables of figures as SVG: every number stands where it does in the text, and beside it a bar from 0, or, where the
/// numbers of a column are close together, a dot between the least and the greatest. All lengths are in mm.
package struct TableDrawing: Sendable {
    package var title: String
    package var header: [String]
    package var rows: [[String]]

    private static let (margin, rowHeight, lineHeight) = (4.0, 5.0, 3.4)
    private static let (gap, graph) = (3.0, 16.0)
    private static let (ink, fine, bar, dot) = ("#222222", "#DDDDDD", "#9CC7E4", "#0072B2")

    package init(title: String, header: [String], rows: [[String]]) {
        self.title = title
        self.header = header
        self.rows = rows
    }

    /// Tables one below the other in one file.
    package static func svg(_ tables: [TableDrawing]) -> String {
        var (y, width) = (margin, 60.0)
        var body: [String] = []
        for table in tables {
            let drawn = table.drawn
            body.append("<g transform=\"translate(\(SVGCanvas.number(margin)) \(SVGCanvas.number(y)))\">")
            body += drawn.canvas.lines + ["</g>"]
            y += drawn.height + 2 * margin
            width = max(width, drawn.width + 2 * margin)
        }
        return SVGCanvas.document(body, width: width, height: y, title: tables.map(\.title).joined(separator: "; "))
    }

    // MARK: Columns

    /// What a column needs, and where its numbers lie.
    private struct Column {
        var words: [String]
        var values: [Double?]
        var textWidth: Double
        /// Of the graph; nil: the column holds words.
        var scale: ClosedRange<Double>?

        var hasBars: Bool { scale?.lowerBound == 0 }

        var width: Double { textWidth + (scale == nil ? 0 : TableDrawing.gap / 2 + TableDrawing.graph) }
    }

    /// The number that a cell begins with; nil: none, or something else follows than a unit.
    static func number(_ cell: String) -> Double? {
        let text = cell.drop { $0 == " " }
        let digits = text.prefix { $0.isASCII && ($0.isNumber || "+-.".contains($0)) }
        let rest = text.dropFirst(digits.count)
        guard rest.isEmpty || rest.first == " " || rest.first == "%" else { return nil }
        return Double(digits).flatMap { $0.isFinite ? $0 : nil }
    }

    private var columns: [Column] {
        header.indices.map { place in
            let cells = rows.map { $0.count > place ? $0[place] : "" }
            let values = cells.map(Self.number)
            let known = values.compactMap { $0 }
            let filled = cells.filter { !["", "-"].contains($0) }
            let words = Self.wrapped(header[place])
            let text = (cells + words).map { SVGCanvas.width(of: $0, size: 2.8) }.max() ?? 0
            var scale: ClosedRange<Double>?
            // Names may be numbers, too: the first column is never drawn.
            if place > 0, known.count >= 2, known.count * 2 > filled.count, let least = known.min(),
                let greatest = known.max(), least < greatest
            {
                let isFromZero = least >= 0 && least < 0.8 * greatest
                scale = (isFromZero ? 0 : least)...greatest
            }
            return Column(words: words, values: values, textWidth: text, scale: scale)
        }
    }

    /// At most three lines, about as long as a number is wide.
    private static func wrapped(_ title: String) -> [String] {
        var lines: [String] = []
        for word in title.split(separator: " ").map(String.init) {
            if let last = lines.last, last.count + word.count < 12 || lines.count == 3 {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(word)
            }
        }
        return lines
    }

    // MARK: Drawing

    private var drawn: (canvas: SVGCanvas, width: Double, height: Double) {
        let columns = columns
        let headLines = Double(columns.map(\.words.count).max() ?? 1)
        let top = 6 + headLines * Self.lineHeight + 4
        let width = columns.reduce(0) { $0 + $1.width + Self.gap }
        var canvas = SVGCanvas()
        canvas.text(0, 3.6, title, size: 3.6, isBold: true)
        var x = 0.0
        for (place, column) in columns.enumerated() {
            draw(column, place, at: x, top: top, headLines: headLines, on: &canvas)
            x += column.width + Self.gap
        }
        for row in 0...rows.count {
            let y = top + Double(row) * Self.rowHeight
            canvas.line(0, y, width - Self.gap, y, stroke: Self.fine, width: row == 0 ? 0.4 : 0.1)
        }
        return (canvas, max(width, SVGCanvas.width(of: title, size: 3.6)), top + Double(rows.count) * Self.rowHeight)
    }

    private func draw(
        _ column: Column, _ place: Int, at x: Double, top: Double, headLines: Double, on canvas: inout SVGCanvas
    ) {
        let isLeft = place == 0
        let textX = isLeft ? x : x + column.textWidth
        let anchor = isLeft ? "start" : "end"
        for (line, words) in column.words.enumerated() {
            let y = 6 + (headLines - Double(column.words.count) + Double(line) + 1) * Self.lineHeight
            canvas.text(textX, y, words, size: 2.8, anchor: anchor, fill: "#555555", isBold: true)
        }
        let graphX = x + column.textWidth + Self.gap / 2
        if let scale = column.scale {
            let ends = [scale.lowerBound, scale.upperBound].map { SVGCanvas.number($0) }
            canvas.text(graphX, top - 0.8, ends[0], size: 1.9, fill: "#777777")
            canvas.text(graphX + Self.graph, top - 0.8, ends[1], size: 1.9, anchor: "end", fill: "#777777")
        }
        for (row, cells) in rows.enumerated() where cells.count > place {
            let y = top + Double(row) * Self.rowHeight
            canvas.text(textX, y + 3.5, cells[place], size: 2.8, anchor: anchor, fill: Self.ink)
            guard let scale = column.scale, let value = column.values[row] else { continue }
            let share = (value - scale.lowerBound) / (scale.upperBound - scale.lowerBound)
            if column.hasBars {
                canvas.rectangle(graphX, y + 1.2, max(0.1, Self.graph * share), 2.6, fill: Self.bar)
            } else {
                canvas.line(graphX, y + 2.5, graphX + Self.graph, y + 2.5, stroke: Self.fine, width: 0.15)
                canvas.rectangle(graphX + (Self.graph - 1.4) * share, y + 1.8, 1.4, 1.4, fill: Self.dot)
            }
        }
    }
}
