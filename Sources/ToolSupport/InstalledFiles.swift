import FoundationEssentials
import Glibc

/// Where the files that belong to the program lie: beside the executable in a build folder inside the package, or under
/// `share/ecgmon` of the prefix it was installed to.
package enum InstalledFiles {
    /// Folder of the running executable, symbolic links resolved.
    package static var executableDirectory: String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes { bytes -> Int in
            guard let base = bytes.baseAddress else { return 0 }
            return readlink("/proc/self/exe", base, bytes.count)
        }
        guard length > 0 else { return "." }
        let path = String(decoding: buffer.prefix(length), as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// The path of a program in the running executable's folder.
    package static func program(_ name: String) -> String { "\(executableDirectory)/\(name)" }

    /// The absolute path of a file.
    package static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    /// A file of the project: `Config/models/x` and `Fixtures/y` in a checkout, `models/x` and `Fixtures/y` once
    /// installed.
    ///
    /// Looked for in the current folder, in each folder above the executable (the package's root, when it runs from a
    /// build folder), and in the share folder of the prefix that the executable lies in.
    package static func find(_ checkoutPath: String) -> String? {
        let installedPath =
            checkoutPath.hasPrefix("Config/") ? String(checkoutPath.dropFirst("Config/".count)) : checkoutPath
        var candidates = [checkoutPath]
        var folder = Substring(executableDirectory)
        while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
            folder = folder[..<slash]
            candidates.append("\(folder)/\(checkoutPath)")
        }
        candidates.append("\(executableDirectory)/../share/ecgmon/\(installedPath)")
        return candidates.first { FileManager.default.fileExists(atPath: $0) }
    }

    /// The model given by the user, else the shipped one.
    package static func model(_ given: String?) throws(ToolError) -> String {
        if let given { return given }
        if let found = find("Config/models/default.safetensors") { return found }
        throw ToolError(
            "the model Config/models/default.safetensors was found neither here nor above \(executableDirectory)",
            nextStep: "Name one with --model, or train one with `ecgmon train`")
    }
}
