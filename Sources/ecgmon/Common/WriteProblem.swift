import FoundationEssentials
import Glibc
import ToolSupport

/// What is wrong with a file that is to be written, in the system's words.
enum WriteProblem {
    /// - Parameter error: of a try to write; Foundation wraps the system's.
    static func words(_ error: any Error) -> String {
        if let error = error as? CocoaError {
            if let system = error.underlying as? POSIXError { return String(cString: strerror(system.code.rawValue)) }
            switch error.code {
            case .fileNoSuchFile: return String(cString: strerror(ENOENT))
            case .fileWriteNoPermission: return String(cString: strerror(EACCES))
            case .fileWriteOutOfSpace: return String(cString: strerror(ENOSPC))
            default: break
            }
        }
        return "\(error)"
    }

    /// Looks at the folder of a file before work whose result is to be written there.
    static func checkFolder(of file: String) throws(ToolError) {
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? "."
        guard access(folder, W_OK) != 0 else { return }
        throw ToolError(
            "\(printable(file)) cannot be written: \(String(cString: strerror(errno)))",
            nextStep: "Name a file in a folder that is there and yours with -o")
    }
}
