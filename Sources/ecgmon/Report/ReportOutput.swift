import FoundationEssentials
import ToolSupport

/// Prints what a command measured: the one place where text and JSON part ways.
enum ReportOutput {
    /// - Parameters:
    ///   - report: encoded where JSON is wanted.
    ///   - plot: a file for the text's tables as SVG; nil: they are not drawn.
    ///   - markdown: printed instead of the text; nil: it is not wanted.
    ///   - text: printed otherwise.
    static func show(
        _ report: @autoclosure () -> some Encodable, json: Bool, plot: String? = nil,
        markdown: @autoclosure () -> String? = nil, text: @autoclosure () -> String
    ) throws {
        // First: what cannot be drawn shall not be lost.
        print(json ? try Self.json(report()) : markdown() ?? text())
        try draw(text, to: plot)
    }

    /// Draws the tables of a text that is printed elsewhere.
    /// - Parameter plot: nil: nothing is drawn.
    static func draw(_ text: () -> String, to plot: String?) throws {
        guard let plot else { return }
        try write(TableSketchbook.draw(text).svg, to: plot)
    }

    private static func write(_ svg: String?, to plot: String) throws {
        guard let svg else {
            throw ToolError("there is no table to draw", nextStep: "Leave out --plot")
        }
        do {
            try svg.write(to: URL(filePath: plot), atomically: true, encoding: .utf8)
        } catch {
            throw ToolError("\(printable(plot)) cannot be written", nextStep: "Name a file in a folder that exists")
        }
    }

    /// A value as JSON with sorted keys.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
