import DaemonHarness
import Foundation
import Glibc
import TestSupport

/// The built programs as real processes, as a user starts them.
final class ToolProcess {
    static let root = Checkout.root
    static let fixture = Checkout.fixture
    static let model = Checkout.model
    static let databases = Databases.root
    static let hasModel = Checkout.hasModel

    static func program(_ name: String) -> String { Checkout.program(name) }

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
    private let folder: TemporaryFolder
    private let daemon: LocalDaemon
    var ingest: String { daemon.endpoints.ingest }
    var events: String { daemon.endpoints.events }
    var commands: String { daemon.endpoints.commands }

    /// - Parameter settings: more lines of its configuration file.
    init(settings: String = "") throws {
        folder = try TemporaryFolder("tool")
        var options = LocalDaemon.Options(programs: [Checkout.program("ecgmond")], model: Checkout.model)
        options.configuration = "[events]\nhealth_period_seconds = 0.5\n\(settings)"
        options.journal = .asConfigured
        options.notifies = true
        daemon = try LocalDaemon(options, directory: folder.path)
        try daemon.start()
        guard daemon.waitUntilReady() else { throw CocoaError(.executableLoad, userInfo: ["log": daemon.log]) }
    }

    /// - Returns: its exit code after SIGTERM; -1 where that does not end it.
    func stop() -> Int32 {
        guard case .exited(let code) = daemon.end(SIGTERM) else { return -1 }
        return code
    }
}
