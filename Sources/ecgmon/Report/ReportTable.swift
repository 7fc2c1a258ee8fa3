/// A table with a title above and notes below, as plain text or as Markdown.
struct ReportTable {
    var title: String
    var header: [String]
    var rows: [[String]] = []
    var notes: [String] = []

    init(_ title: String, _ header: [String]) {
        self.title = title
        self.header = header
    }

    var text: String {
        var table = TextTable(header)
        table.rows = rows
        return ([title, table.text] + notes).joined(separator: "\n")
    }

    /// The title is a paragraph, the notes are a list.
    var markdown: String {
        TableSketchbook.current?.note(title, header, rows)
        let lines = [header, header.map { _ in "---" }] + rows
        let table = lines.map { "| " + $0.map(Self.escaped).joined(separator: " | ") + " |" }.joined(separator: "\n")
        return (["**\(title)**", table] + (notes.isEmpty ? [] : [notes.map { "- \($0)" }.joined(separator: "\n")]))
            .joined(separator: "\n\n")
    }

    private static func escaped(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
