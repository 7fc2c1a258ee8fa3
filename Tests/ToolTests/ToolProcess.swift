import Foundation
import Glibc

/// The built programs as real processes, as a user starts them.
final class ToolProcess {
    /// The package's root.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()
    static let fixture = "\(root)/Fixtures/208s"
    static let model = "\(root)/Config/models/default.safetensors"
    static let databases = ProcessInfo.processInfo.environment["ECGMON_DATABASES"] ?? "\(root)/../shared/data"
    static let hasModel = FileManager.default.fileExists(atPath: model)

    /// A program that was built beside this test's own executable.
    static func program(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: own).deletingLastPathComponent().appending(path: name).path()
    }

    struct Outcome {
        var exitCode: Int32
        var output: String
        var errors: String
        var lines: [Substring] { output.split(separator: "\n") }
    }

    private let process = Process()
    private let outputPath: String
    private let errorPath: String

    /// Starts `ecgmon` with these arguments in the package's root; standard output and error go to files.
    /// - Parameter program: a built program, or the path of another.
    init(_ arguments: [String], program: String = "ecgmon", environment: [String: String] = [:]) throws {
        let stem = FileManager.default.temporaryDirectory.appending(path: "tool-\(UUID().uuidString)").path()
        outputPath = stem + ".out"
        errorPath = stem + ".err"
        for path in [outputPath, errorPath] { try Data().write(to: URL(filePath: path)) }
        process.executableURL = URL(filePath: program.hasPrefix("/") ? program : Self.program(program))
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: Self.root)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: outputPath)
        try? FileManager.default.removeItem(atPath: errorPath)
    }

    var processIdentifier: pid_t { process.processIdentifier }
    var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
    var errors: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// Waits until `condition` holds, at most a minute: only a hung program gets there.
    func wait(until condition: () -> Bool) -> Bool {
        for _ in 0..<6000 {
            if condition() { return true }
            if !process.isRunning { return condition() }
            usleep(10_000)
        }
        return false
    }

    /// Waits for the end.
    func outcome() -> Outcome {
        process.waitUntilExit()
        return Outcome(exitCode: process.terminationStatus, output: output, errors: errors)
    }

    static func run(
        _ arguments: [String], program: String = "ecgmon", environment: [String: String] = [:]
    ) throws -> Outcome {
        try ToolProcess(arguments, program: program, environment: environment).outcome()
    }
}

/// A daemon of the test's own, on ipc endpoints in a temporary folder.
final class DaemonForTool {
    let directory: String
    let process: ToolProcess
    var ingest: String { "ipc://\(directory)/i" }
    var events: String { "ipc://\(directory)/e" }
    var commands: String { "ipc://\(directory)/c" }

    /// - Parameter settings: more lines of its configuration file.
    init(settings: String = "") throws {
        directory = "/tmp/ecgmon-test-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let configuration = "\(directory)/c.toml"
        try "[events]\nhealth_period_seconds = 0.5\n\(settings)".write(
            toFile: configuration, atomically: true, encoding: .utf8)
        process = try ToolProcess(
            [
                "--config", configuration, "--ingest", "ipc://\(directory)/i", "--events", "ipc://\(directory)/e",
                "--commands", "ipc://\(directory)/c",
                "--model", ToolProcess.model, "--no-http",
            ], program: "ecgmond")
        let directory = directory
        guard process.wait(until: { FileManager.default.fileExists(atPath: "\(directory)/e") }) else {
            throw CocoaError(.executableLoad, userInfo: ["log": process.errors])
        }
    }

    /// - Returns: its exit code after SIGTERM.
    func stop() -> Int32 {
        process.signal(SIGTERM)
        return process.outcome().exitCode
    }

    deinit {
        process.signal(SIGKILL)
        try? FileManager.default.removeItem(atPath: directory)
    }
}
