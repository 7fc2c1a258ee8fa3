import Foundation
import Testing

/// A mount namespace for a daemon of a test. A user namespace makes it one that needs no root.
enum OwnNamespace {
    static let need: Comment = "a file system of its own needs unshare (util-linux) and leave to make namespaces"

    /// Found out by making one.
    static let isPermitted: Bool = unshare != nil

    private static let unshare: [String]? = [["--user", "--map-root-user", "--mount"], ["--mount"]].first { options in
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        process.arguments = options + ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    /// The command that starts another, with the same process number, where a folder is a file system of its own.
    static func command(mounting folder: String, megabytes: Int, _ command: [String]) -> [String] {
        let script = "mount -t tmpfs -o size=\(megabytes)m tmpfs \"$0\" && exec \"$@\""
        return ["/usr/bin/unshare"] + (unshare ?? []) + ["sh", "-c", script, folder] + command
    }
}
