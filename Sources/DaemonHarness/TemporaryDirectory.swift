import FoundationEssentials
import Glibc
package import ToolSupport

/// A folder private to this process, readable by nobody else, removed with everything in it at the end.
package struct TemporaryDirectory: ~Copyable {
    package let path: String

    /// The path is kept short: an ipc endpoint is a Unix socket, whose path holds 107 characters.
    package init() throws(ToolError) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/ecgmon-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ToolError(
                "no temporary directory can be made in \(parent): \(String(cString: strerror(errno)))",
                nextStep: "Set TMPDIR to a folder you can write to")
        }
        path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
