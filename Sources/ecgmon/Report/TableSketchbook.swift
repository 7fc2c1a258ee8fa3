import ECGEvaluation
import Synchronization

/// Takes note of the tables that a command makes into text, so that all commands are drawn in one way.
final class TableSketchbook: Sendable {
    /// That of the command which is making its text; nil: nothing is drawn.
    @TaskLocal static var current: TableSketchbook?

    private let tables = Mutex<[TableDrawing]>([])

    /// - Parameter title: empty: what stands above the table in the text.
    func note(_ title: String, _ header: [String], _ rows: [[String]]) {
        tables.withLock { $0.append(TableDrawing(title: title, header: header, rows: rows)) }
    }

    /// The text, and its tables as SVG; nil: it has none.
    static func draw(_ text: () -> String) -> (text: String, svg: String?) {
        let book = TableSketchbook()
        let text = $current.withValue(book) { text() }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var (seen, place) = ([TableDrawing](), 0)
        for var table in book.tables.withLock({ $0 }) {
            if table.title.isEmpty { table.title = titleAbove(table.header, in: lines, after: &place) }
            seen.append(table)
        }
        return (text, seen.isEmpty ? nil : TableDrawing.svg(seen))
    }

    /// The line above a table's header, or above the empty line there.
    private static func titleAbove(_ header: [String], in lines: [String], after place: inout Int) -> String {
        func isHeader(_ line: String) -> Bool {
            var rest = Substring(line)
            for word in header where !word.isEmpty {
                guard let found = rest.firstRange(of: word) else { return false }
                rest = rest[found.upperBound...]
            }
            return rest.allSatisfy { $0 == " " }
        }
        guard let found = lines.indices.first(where: { $0 >= place && isHeader(lines[$0]) }) else { return "" }
        place = found + 1
        let above = lines[..<found].suffix(2).last { !$0.isEmpty } ?? ""
        return above.hasSuffix(":") ? String(above.dropLast()) : above
    }
}
