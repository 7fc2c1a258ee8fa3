/// The location of a record: its folder, and its name in that folder.
public struct RecordPath: Sendable {
    public let directory: String
    public let name: String

    /// - Parameter path: path of the record without extension; `.hea`, `.dat` and `.atr` are accepted.
    public init(_ path: String, in folder: String = "") {
        var stem = path
        for ending in [".hea", ".dat", ".atr"] where stem.hasSuffix(ending) { stem.removeLast(ending.count) }
        let whole = folder.isEmpty || stem.hasPrefix("/") ? stem : "\(folder)/\(stem)"
        let slash = whole.lastIndex(of: "/")
        directory = slash.map { $0 == whole.startIndex ? "/" : String(whole[..<$0]) } ?? ""
        name = slash.map { String(whole[whole.index(after: $0)...]) } ?? whole
    }
}
