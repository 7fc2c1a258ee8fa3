import Foundation

/// The folder with the PhysioNet databases, which ECGMON_DATABASES names; not part of the package.
package enum Databases {
    package static let root =
        ProcessInfo.processInfo.environment["ECGMON_DATABASES"]
        ?? URL(filePath: "\(Checkout.root)../shared/data").standardizedFileURL.path

    package static let missing = "skipped: no PhysioNet databases at \(root) (set ECGMON_DATABASES)"

    package static func folder(_ name: String) -> String { "\(root)/\(name)" }

    package static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder(name)) }

    /// The records of a folder, by their header files.
    package static func records(_ name: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder(name))) ?? []
        return files.filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }.sorted()
    }
}
