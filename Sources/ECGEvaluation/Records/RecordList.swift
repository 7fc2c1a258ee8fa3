import FoundationEssentials
import ToolSupport
import WFDB

/// The records of a folder and its subfolders.
enum RecordList {
    /// Maximum depth of subfolders searched: PhysioNet's deepest databases have three.
    private static let maximumDepth = 8

    /// The names from `RECORDS` with the folders that lead to them, as in PhysioNet's databases: a line that ends in
    /// `/`, or names a folder, stands for the records of that folder. Without `RECORDS`, all headers, excluding
    /// segments of other records.
    /// - Throws: `ToolError` for a name that points outside the folder.
    static func names(in directory: String, depth: Int = 0) throws(ToolError) -> [String] {
        guard depth <= maximumDepth else { return [] }
        guard let list = FileManager.default.contents(atPath: directory + "/RECORDS") else {
            return headers(in: directory)
        }
        var names: [String] = []
        for word in String(decoding: list, as: UTF8.self).split(whereSeparator: \.isWhitespace) {
            var name = String(word)
            if name.unicodeScalars.first == "\u{FEFF}" { name.unicodeScalars.removeFirst() }
            if name.hasPrefix("./") { name.removeFirst(2) }
            if name.hasSuffix(".hea") { name.removeLast(4) }
            guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
                throw ToolError(
                    "“\(name)” in \(directory)/RECORDS leads out of the folder", nextStep: "Correct the list")
            }
            while name.hasSuffix("/") { name.removeLast() }
            guard !name.isEmpty else { continue }
            let path = "\(directory)/\(name)"
            if !FileManager.default.fileExists(atPath: path + ".hea"), RecordDatabase.isDirectory(path) {
                names += try Self.names(in: path, depth: depth + 1).map { "\(name)/\($0)" }
            } else {
                names.append(name)
            }
        }
        return names
    }

    private static func headers(in directory: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let names = files.filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }.sorted()
        var segments: Set<String> = []
        for name in names {
            guard let header = try? RecordHeader.read(name, in: directory) else { continue }
            segments.formUnion(header.segments.compactMap(\.recordName))
        }
        return names.filter { !segments.contains($0) }
    }
}
