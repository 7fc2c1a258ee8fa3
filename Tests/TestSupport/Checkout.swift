import Foundation

/// The files of the package that a test is part of.
package enum Checkout {
    /// The package's root, with a slash at its end.
    package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    /// The weights that ship.
    package static let model = "\(root)Config/models/default.safetensors"
    package static let hasModel = FileManager.default.fileExists(atPath: model)

    /// Five minutes of record 208, a path without extension.
    package static let fixture = "\(root)Fixtures/208s"

    /// A program that was built beside this test's own executable.
    package static func program(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: own).deletingLastPathComponent().appending(path: name).path()
    }
}
