import Foundation

/// The folder with the PhysioNet databases; not part of the repository.
enum Databases {
    static let root: String =
        ProcessInfo.processInfo.environment["ECGMON_DATABASES"]
        ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "../shared/data").standardizedFileURL.path

    static let missing: String = "skipped: no PhysioNet databases at \(root) (set ECGMON_DATABASES)"

    static func folder(_ name: String) -> String { root + "/" + name }

    static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder(name)) }

    /// The records of a folder, by their header files.
    static func records(_ name: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder(name))) ?? []
        return files.filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }.sorted()
    }
}
