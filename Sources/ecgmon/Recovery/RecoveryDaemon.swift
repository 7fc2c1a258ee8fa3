import FoundationEssentials
import Glibc

/// A daemon that can be killed and started again on the same endpoints: of this machine, or at the other end of a link.
final class RecoveryDaemon {
    let directory: String
    private let programs: [String]
    private let model: String
    private let hasJournal: Bool
    private let hasPages: Bool
    let link: RecoveryLink?
    private var process: ChildProcess?
    private(set) var starts = 0

    var ingest: String { "ipc://\(directory)/i" }
    var acknowledged: String { link?.acknowledged ?? "ipc://\(directory)/a" }
    var events: String { link?.events ?? "ipc://\(directory)/e" }
    var history: String { link?.history ?? "ipc://\(directory)/h" }
    var commands: String { "ipc://\(directory)/c" }
    var journal: String { "\(directory)/journal.sqlite" }
    private var logPath: String { "\(directory)/ecgmond.log" }

    /// - Parameters:
    ///   - programs: paths of daemons, which take turns.
    ///   - directory: an empty folder.
    ///   - configuration: lines of the configuration file.
    ///   - hasJournal: it keeps one.
    ///   - hasPages: with http, on a port that ``httpPort`` tells.
    init(
        programs: [String], directory: String, model: String, configuration: String, hasJournal: Bool = true,
        hasPages: Bool = false, link: RecoveryLink? = nil
    ) throws(ToolError) {
        self.programs = programs
        self.link = link
        self.hasPages = hasPages
        self.directory = directory
        self.model = InstalledFiles.absolute(model)
        self.hasJournal = hasJournal
        for program in programs where access(program, X_OK) != 0 {
            throw ToolError(
                "the daemon \(program) is not there",
                nextStep: "Build it with `swift build -c release`, or name it with --daemon")
        }
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw ToolError("\(directory) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
        try configure(configuration)
    }

    /// Writes the configuration file anew; a daemon that runs reads it.
    func configure(_ lines: String) throws(ToolError) {
        do {
            try Data((lines + (link?.configuration ?? "")).utf8).write(to: URL(filePath: "\(directory)/ecgmond.toml"))
        } catch {
            throw ToolError("\(directory) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
        if let process, process.poll() == nil { kill(process.processID, SIGHUP) }
    }

    func start() throws(ToolError) {
        let program = programs[starts % programs.count]
        starts += 1
        let arguments =
            [
                "--config", "\(directory)/ecgmond.toml", "--ingest", ingest, "--ingest-acknowledged", acknowledged,
                "--events",
                events, "--history", history, "--commands", commands, "--model", model,
            ] + (hasJournal ? ["--journal", journal] : ["--no-journal"])
            + (hasPages ? ["--http-port", "0"] : ["--no-http"])
        let start = try link?.there(program, arguments) ?? (program: program, arguments: arguments)
        process = try ChildProcess(executable: start.program, arguments: start.arguments, logPath: logPath)
    }

    var hasEnded: Bool { process?.poll() != nil }

    /// nil: it was never started.
    var processID: pid_t? { process?.processID }

    /// The port of its pages; nil while it is not ready.
    var httpPort: UInt16? {
        guard let data = try? Data(contentsOf: URL(filePath: logPath)) else { return nil }
        let words = String(decoding: data, as: UTF8.self).split { $0.isWhitespace }
        return words.last { $0.hasPrefix("http_port=") }.flatMap { UInt16($0.dropFirst("http_port=".count)) }
    }

    /// Ends it with a signal and waits until it is gone.
    @discardableResult
    func end(_ signal: Int32) -> ChildProcess.Ending? {
        guard let process else { return nil }
        kill(process.processID, signal)
        return process.wait(seconds: 30)
    }

    /// Lines of the log with these words.
    func logLines(with words: String) -> Int {
        guard let data = try? Data(contentsOf: URL(filePath: logPath)) else { return 0 }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).count { $0.contains(words) }
    }

    var lastLogLine: String {
        guard let data = try? Data(contentsOf: URL(filePath: logPath)) else { return "" }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).last.map {
            printable(String($0))
        } ?? ""
    }

    deinit { if let process, process.poll() == nil { _ = end(SIGKILL) } }
}
