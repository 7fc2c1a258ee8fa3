import FoundationEssentials

/// Prints what a command measured: the one place where text and JSON part ways.
enum ReportOutput {
    /// - Parameters:
    ///   - report: encoded where JSON is wanted.
    ///   - text: printed otherwise.
    static func show(
        _ report: @autoclosure () -> some Encodable, json: Bool, text: @autoclosure () -> String
    ) throws {
        print(json ? try Self.json(report()) : text())
    }

    /// A value as JSON with sorted keys.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
