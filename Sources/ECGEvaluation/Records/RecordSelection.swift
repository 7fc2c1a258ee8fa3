import EC57
public import ToolSupport

/// Records of a folder, given by its name alone or as `FOLDER/DS1` or `FOLDER/DS2`, the splits of the mitdb.
public struct RecordSelection: Sendable {
    /// The text as given.
    public let text: String
    public let database: RecordDatabase
    public let names: [String]

    public init(_ text: String) throws(ToolError) {
        self.text = text
        let splits = [("/DS1", RecordSplit.ds1), ("/DS2", RecordSplit.ds2)]
        if let split = splits.first(where: { text.hasSuffix($0.0) }) {
            database = try RecordDatabase(String(text.dropLast(split.0.count)))
            names = split.1
        } else {
            database = try RecordDatabase(text)
            names = try database.scoredRecords(nil)
        }
    }

    /// Several selections, separated by commas.
    public static func list(_ text: String) throws(ToolError) -> [RecordSelection] {
        var selections: [RecordSelection] = []
        for part in text.split(separator: ",") { selections.append(try RecordSelection(String(part))) }
        guard !selections.isEmpty else {
            throw ToolError("no records in “\(text)”", nextStep: "Write them as svdb,mitdb/DS1")
        }
        return selections
    }
}
