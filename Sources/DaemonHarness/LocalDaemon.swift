import FoundationEssentials
package import Glibc
package import ToolSupport

/// `ecgmond` started by this program: in a folder of its own, on ipc endpoints, to be stopped or killed and started again.
///
/// It is killed when the value goes.
package final class LocalDaemon {
    /// Where clients connect to.
    package struct Endpoints: Sendable, Equatable {
        package var ingest: String
        package var acknowledged: String
        package var events: String
        package var history: String
        package var commands: String

        /// Unix sockets in a folder. Their names are short: the path of a Unix socket holds 107 characters.
        package init(in directory: String) {
            ingest = "ipc://\(directory)/i"
            acknowledged = "ipc://\(directory)/a"
            events = "ipc://\(directory)/e"
            history = "ipc://\(directory)/h"
            commands = "ipc://\(directory)/c"
        }
    }

    /// Whether it keeps a journal.
    package enum Journal: Sendable, Equatable {
        case none
        /// As the configuration file and the arguments have it.
        case asConfigured
        /// In this file.
        case file(String)
    }

    package struct Options {
        /// Paths of daemons; each start takes the next, as in upgrades.
        package var programs: [String]
        /// The weights file.
        package var model: String
        /// Text of the configuration file.
        package var configuration = ""
        /// nil: ipc endpoints in the folder.
        package var endpoints: Endpoints?
        package var journal = Journal.none
        /// It takes acknowledged samples, and answers for the past.
        package var hasAcknowledgedIngest = false
        /// It serves its pages by HTTP, on a port that `httpPort` tells.
        package var servesPages = false
        /// It serves the central station, on a port that `stationPort` tells.
        package var servesStation = false
        /// 0: any that is free.
        package var stationPort = 0
        /// More arguments.
        package var arguments: [String] = []
        /// Changes to this process's environment; nil removes a variable.
        package var environment: [String: String?] = [:]
        /// Where its standard error goes; nil: into the log file.
        package var standardError: Int32?
        /// It tells a notify socket that this process holds when it is ready, for `waitUntilReady`.
        package var notifies = false
        /// Makes the command that starts another, with the same process number: for a namespace of its own.
        package var wrap: (([String]) throws(ToolError) -> [String])?

        package init(programs: [String], model: String) {
            self.programs = programs
            self.model = model
        }
    }

    package let directory: String
    package let endpoints: Endpoints
    /// A service manager's end of sd_notify(3); nil where `Options.notifies` is false.
    package let notifications: NotifySocket?
    private let options: Options
    private var process: ChildProcess?
    /// How often it was started.
    package private(set) var starts = 0
    /// Bytes of the log that earlier starts have left.
    private var earlierLog = 0

    package var configurationPath: String { "\(directory)/ecgmond.toml" }
    private var logPath: String { "\(directory)/log" }

    /// Writes the configuration file; `start` starts the daemon.
    ///
    /// - Parameter directory: its folder, made where it is absent; its owner removes it.
    /// - Throws: `ToolError` where a program is not there, or the folder cannot be written.
    package init(_ options: Options, directory: String) throws(ToolError) {
        self.options = options
        self.directory = directory
        endpoints = options.endpoints ?? Endpoints(in: directory)
        for program in options.programs where access(program, X_OK) != 0 {
            throw ToolError(
                "the daemon \(program) is not there",
                nextStep: "Build it with `swift build -c release`, or name it with --daemon")
        }
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw ToolError("\(directory) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
        notifications = options.notifies ? try NotifySocket(path: "\(directory)/notify") : nil
        try write(configuration: options.configuration)
    }

    deinit { if let process, process.poll() == nil { _ = end(SIGKILL) } }

    /// Writes the configuration file anew, whole or not at all; a running daemon reads it at SIGHUP.
    package func write(configuration: String) throws(ToolError) {
        do {
            try Data(configuration.utf8).write(to: URL(filePath: configurationPath), options: .atomic)
        } catch {
            throw ToolError("\(directory) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
    }

    // MARK: Life

    /// Starts the next of the programs.
    package func start() throws(ToolError) {
        earlierLog = log.utf8.count
        let program = options.programs[starts % options.programs.count]
        starts += 1
        var command = [
            program, "--config", configurationPath, "--ingest", endpoints.ingest, "--events", endpoints.events,
            "--commands", endpoints.commands, "--model", InstalledFiles.absolute(options.model),
        ]
        switch options.journal {
        case .none: command.append("--no-journal")
        case .asConfigured: break
        case .file(let path): command += ["--journal", path]
        }
        if options.hasAcknowledgedIngest {
            command += ["--ingest-acknowledged", endpoints.acknowledged, "--history", endpoints.history]
        }
        command += options.servesPages ? ["--http-port", "0"] : ["--no-http"]
        command += options.servesStation ? ["--station-port", "\(options.stationPort)"] : ["--no-station"]
        command += options.arguments
        if let wrap = options.wrap { command = try wrap(command) }
        var environment = options.environment
        if let notifications { environment["NOTIFY_SOCKET"] = notifications.path }
        process = try ChildProcess(
            executable: command[0], arguments: Array(command.dropFirst()), environment: environment, logPath: logPath,
            standardError: options.standardError)
    }

    /// Waits until it says that it is ready; needs `Options.notifies`.
    /// - Returns: false where it does not within half a minute, or has ended.
    package func waitUntilReady() -> Bool {
        guard let notifications else { return false }
        let limit = monotonicNanoseconds() + Self.startLimit
        while monotonicNanoseconds() < limit, !hasEnded {
            if notifications.next(milliseconds: 100)?.contains("READY=1") == true { return true }
        }
        return false
    }

    /// Waits until it has logged that it is ready, half a minute at most: for one that does not notify.
    /// - Throws: `ToolError` with its last words if it has ended.
    package func waitUntilStarted() throws(ToolError) {
        let limit = monotonicNanoseconds() + Self.startLimit
        while monotonicNanoseconds() < limit, !hasEnded, logLines(with: " ready ") == 0, !Interruption.requested {
            usleep(20_000)
        }
        guard !hasEnded || Interruption.requested else {
            throw ToolError("the daemon does not start: \(lastLogLine)", nextStep: "See its log")
        }
    }

    private static let startLimit: Int64 = 30_000_000_000

    /// nil while it was never started.
    package var processID: pid_t? { process?.processID }

    package var hasEnded: Bool { process?.poll() != nil }

    /// Sends a signal; one that has ended is left alone.
    package func signal(_ number: Int32) {
        if let process, process.poll() == nil { kill(process.processID, number) }
    }

    /// Waits for its end.
    /// - Returns: nil where it still runs after that time, or was never started.
    package func wait(seconds: Double) -> ChildProcess.Ending? { process?.wait(seconds: seconds) }

    /// Sends a signal and waits up to 30 s for the end.
    /// - Returns: nil where it still runs then, or was never started.
    @discardableResult
    package func end(_ number: Int32) -> ChildProcess.Ending? {
        signal(number)
        return wait(seconds: 30)
    }

    /// Sends SIGTERM and waits; one that has not ended after `seconds` is killed.
    @discardableResult
    package func stop(within seconds: Double) -> ChildProcess.Ending? { process?.stop(within: seconds) }

    // MARK: What it says

    /// All that it wrote to standard output and standard error.
    package var log: String {
        (try? Data(contentsOf: URL(filePath: logPath))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// The last line of the log, to tell the user why it ended.
    package var lastLogLine: String { log.split(whereSeparator: \.isNewline).last.map { printable(String($0)) } ?? "" }

    /// How many lines of the log hold these words.
    package func logLines(with words: String) -> Int {
        log.split(whereSeparator: \.isNewline).count { $0.contains(words) }
    }

    /// The port of its pages; nil while it has not logged it since the last start, or without pages.
    package var httpPort: UInt16? {
        let words = String(decoding: log.utf8.dropFirst(earlierLog), as: UTF8.self).split { $0.isWhitespace }
        return words.last { $0.hasPrefix("http_port=") }.flatMap { UInt16($0.dropFirst("http_port=".count)) }
    }

    /// The port of the central station; nil while it has not logged it since the last start, or without a station.
    package var stationPort: UInt16? {
        let words = String(decoding: log.utf8.dropFirst(earlierLog), as: UTF8.self).split { $0.isWhitespace }
        guard let address = words.last(where: { $0.hasPrefix("station=http://") }) else { return nil }
        return address.split(separator: ":").last.flatMap { UInt16($0.filter(\.isNumber)) }
    }

    /// The page of metrics; nil where it does not answer within five seconds.
    package func metrics() -> MetricsReading? { httpPort.flatMap { MetricsReading.fetch(port: $0) } }
}
