import Foundation
import Testing

/// A clock of the day that the test sets, for daemons that are started with its `environment`: a library of a few lines
/// of C that is preloaded into them, since Linux has no namespace for that clock.
final class DayClock {
    static let need: Comment = "setting a daemon's clock of the day needs a C compiler (clang or cc)"
    static let isPermitted = (try? DayClock()) != nil

    let folder: String
    private var library: String { "\(folder)/day-clock.so" }
    private var file: String { "\(folder)/seconds" }

    /// Compiles the library.
    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "clock-\(UUID().uuidString.prefix(8))").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let compiled = ["clang", "cc"].contains { compiler in
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [
                compiler, "-O1", "-shared", "-fPIC", "-o", library, "\(DaemonProcess.root)/Tests/Preload/day-clock.c",
            ]
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return false }
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
        guard compiled else { throw CocoaError(.executableLoad) }
        try set(seconds: 0)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var environment: [String: String] { ["LD_PRELOAD": library, "DAY_CLOCK": file] }

    /// Sets it to so much later than the machine's, or earlier. Programs see it within a tenth of a second.
    func set(seconds: Int) throws { try "\(seconds)\n".write(toFile: file, atomically: true, encoding: .utf8) }
}
