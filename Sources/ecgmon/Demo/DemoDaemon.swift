import FoundationEssentials
import Glibc

/// A daemon that belongs to this process: on ipc endpoints in a temporary directory, without http, told how to end.
final class DemoDaemon {
    let ingest: String
    let events: String
    private let logPath: String
    private let process: ChildProcess
    private var ending: ChildProcess.Ending?

    /// Starts `ecgmond`.
    /// - Parameters:
    ///   - program: path of the daemon.
    ///   - directory: an empty folder of ours.
    ///   - modelPath: the weights that it is to use.
    /// - Throws: `ToolError` when it is not there or cannot be started.
    init(program: String, directory: String, modelPath: String) throws(ToolError) {
        guard access(program, X_OK) == 0 else {
            throw ToolError(
                "the daemon \(program) is not there",
                nextStep: "Build it with `swift build -c release`, or name it with --daemon")
        }
        ingest = "ipc://\(directory)/ingest"
        events = "ipc://\(directory)/events"
        logPath = "\(directory)/ecgmond.log"
        let configuration = "\(directory)/ecgmond.toml"
        do {
            try Data("[events]\nhealth_period_seconds = 0.5\n".utf8).write(to: URL(filePath: configuration))
        } catch {
            throw ToolError("\(configuration) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
        process = try ChildProcess(
            executable: program,
            arguments: [
                "--config", configuration, "--ingest", ingest, "--events", events, "--commands",
                "ipc://\(directory)/command", "--model",
                InstalledFiles.absolute(modelPath), "--no-http", "--no-journal",
            ],
            logPath: logPath)
    }

    /// How it ended, if it has.
    var hasEnded: Bool { process.poll() != nil }

    /// Asks it to finish what it has taken in and to end.
    func requestStop() {
        if !hasEnded { kill(process.processID, SIGTERM) }
    }

    /// Waits for its end, and brings it about if it takes too long.
    func waitForEnd(seconds: Double) -> ChildProcess.Ending {
        if let ending { return ending }
        let result = process.wait(seconds: seconds) ?? process.stop(within: 1)
        ending = result
        return result
    }

    /// The last line that it wrote, to tell the user why it ended.
    var lastLogLine: String {
        guard let data = try? Data(contentsOf: URL(filePath: logPath)) else { return "" }
        let text = String(decoding: data, as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).last.map { printable(String($0)) } ?? ""
    }

    deinit {
        if ending == nil { _ = process.stop(within: 5) }
    }
}
