/// Where a record lies: its folder, and its name there.
public struct RecordPath: Sendable {
    public let directory: String
    public let name: String

    /// - Parameter path: of the record without extension; `.hea`, `.dat` and `.atr` are forgiven.
    public init(_ path: String, in folder: String = "") {
        var stem = path
        for ending in [".hea", ".dat", ".atr"] where stem.hasSuffix(ending) { stem.removeLast(ending.count) }
        let whole = folder.isEmpty || stem.hasPrefix("/") ? stem : "\(folder)/\(stem)"
        let slash = whole.lastIndex(of: "/")
        directory = slash.map { $0 == whole.startIndex ? "/" : String(whole[..<$0]) } ?? ""
        name = slash.map { String(whole[whole.index(after: $0)...]) } ?? whole
    }
}
