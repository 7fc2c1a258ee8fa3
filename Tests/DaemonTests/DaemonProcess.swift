import Foundation
import Glibc
import Testing

/// A real daemon in a process of its own, on ipc endpoints in a temporary directory, told of by a service manager's
/// notify socket that the test holds.
final class DaemonProcess {
    let directory: String
    let notifications: NotifySocket
    let process: Process
    private(set) var httpPort: UInt16 = 0
    private var hasEnded = false
    /// Another one goes on in its directory.
    private var hasSuccessor = false

    var ingest: String { "ipc://\(directory)/ingest" }
    var events: String { "ipc://\(directory)/events" }
    var commands: String { "ipc://\(directory)/commands" }
    var acknowledged: String { "ipc://\(directory)/acknowledged" }
    var history: String { "ipc://\(directory)/history" }
    private let hasDisk: Bool
    /// A file system of the journal's own, as this process reaches it.
    var disk: String { "/proc/\(process.processIdentifier)/root\(directory)/disk" }
    var journal: String { journalPath ?? "\(directory)/\(hasDisk ? "disk/" : "")journal.sqlite" }
    private let journalPath: String?
    /// What makes it keep a journal, and answer for it.
    private var withJournal: [String] {
        ["--journal", journal, "--ingest-acknowledged", acknowledged, "--history", history]
    }
    var configurationPath: String { "\(directory)/ecgmond.toml" }
    var log: String { (try? String(contentsOfFile: "\(directory)/log", encoding: .utf8)) ?? "" }

    /// The package's root.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    static let model = "\(root)/Config/models/default.safetensors"

    /// The daemon was built beside this test's own executable.
    static let executable: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: own).deletingLastPathComponent().appending(path: "ecgmond").path()
    }()

    /// Starts the daemon and waits until it is ready.
    /// - Parameters:
    ///   - configuration: the text of its configuration file.
    ///   - hasJournal: it keeps a journal, takes acknowledged samples, and answers for the past.
    ///   - journal: where its journal is, if not beside its other files. Its folder is made.
    ///   - predecessor: one that has ended, in whose directory this one goes on.
    ///   - watchdogSeconds: what the service manager's watchdog asks for; nil: no watchdog.
    ///   - standardError: where its log goes instead of `log`.
    ///   - diskMegabytes: the journal is on a file system of this size, in memory, that only this daemon sees
    ///     (`OwnNamespace.isPermitted`); nil: it is beside the other files.
    init(
        configuration: String = "", arguments: [String] = [], environment more: [String: String] = [:],
        watchdogSeconds: Double? = nil, standardError: Int32? = nil, waitsUntilReady: Bool = true,
        hasJournal: Bool = false,
        journal: String? = nil, diskMegabytes: Int? = nil,
        after predecessor: DaemonProcess? = nil
    ) throws {
        hasDisk = diskMegabytes != nil
        journalPath = journal
        directory =
            predecessor?.directory
            ?? FileManager.default.temporaryDirectory.appending(path: "ecgmond-\(UUID().uuidString.prefix(8))").path()
        predecessor?.hasSuccessor = true
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if let folder = journal.map({ URL(filePath: $0).deletingLastPathComponent().path() }) {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        notifications = try NotifySocket(path: "\(directory)/notify")
        process = Process()
        try write(configuration: configuration)
        var command =
            [
                Self.executable, "--config", configurationPath, "--ingest", ingest, "--events", events, "--commands",
                commands,
                "--http-port", "0", "--model", Self.model,
            ] + arguments + (hasJournal ? withJournal : [])
        if let diskMegabytes {
            try FileManager.default.createDirectory(atPath: "\(directory)/disk", withIntermediateDirectories: true)
            command = OwnNamespace.command(mounting: "\(directory)/disk", megabytes: diskMegabytes, command)
        }
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        var environment = ProcessInfo.processInfo.environment.merging(more) { $1 }
        // The backtracer of a daemon that crashed was seen to hang, and a test to wait for it without end.
        environment["SWIFT_BACKTRACE"] = environment["SWIFT_BACKTRACE"] ?? "enable=no"
        environment["NOTIFY_SOCKET"] = notifications.path
        environment["WATCHDOG_USEC"] = watchdogSeconds.map { String(Int($0 * 1e6)) }
        environment["WATCHDOG_PID"] = nil
        process.environment = environment
        _ = FileManager.default.createFile(atPath: "\(directory)/log", contents: nil)
        process.standardError =
            standardError.map { FileHandle(fileDescriptor: $0, closeOnDealloc: false) }
            ?? FileHandle(forWritingAtPath: "\(directory)/log")
        try process.run()
        if waitsUntilReady { try waitUntilReady() }
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        if !hasSuccessor { try? FileManager.default.removeItem(atPath: directory) }
    }

    func write(configuration: String) throws {
        // A busy machine may pause for seconds: that is no silence, and the end may take longer, unless a test is about it.
        var patience = configuration.contains("[streams]") ? "" : "\n[streams]\nsilent_after_seconds = 600\n"
        if !configuration.contains("[stop]") { patience += "\n[stop]\nlimit_seconds = 120\n" }
        try (configuration + patience).write(toFile: configurationPath, atomically: true, encoding: .utf8)
    }

    private func waitUntilReady() throws {
        try #require(notifications.wait { $0.contains("READY=1") }, "the daemon says READY=1; its log: \(log)")
        // The log has a thread of its own.
        try #require(eventually { log.contains("info ready") || log.contains("model_sha256") }, "\(log)")
        let port = log.firstMatch(of: /http_port=(\d+)/).flatMap { UInt16($0.1) }
        httpPort = try #require(port, "the log tells the port: \(log)")
    }

    /// For a daemon that was not waited for.
    func useHTTPPort(_ port: UInt16) { httpPort = port }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end.
    /// - Returns: the exit code.
    func exitCode() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    func terminate() -> Int32 {
        signal(SIGTERM)
        let code = exitCode()
        if code != 0 { Issue.record("exit code \(code); its log ends with: \(log.suffix(1000))") }
        return code
    }

    // MARK: Pages

    func page(_ path: String) throws -> (status: Int, body: String) {
        try LoopbackHTTP.get(port: httpPort, path: path)
    }

    /// A sample of `/metrics` by its full name with labels; nil where there is none.
    func metric(_ name: String) -> Double? {
        guard let page = try? page("/metrics") else { return nil }
        for line in page.body.split(separator: "\n") where line.hasPrefix(name + " ") {
            return Double(line.dropFirst(name.count + 1))
        }
        return nil
    }

    func rejects(_ cause: String) -> Double { metric("ecgmon_rejects_total{cause=\"\(cause)\"}") ?? -1 }

    /// Waits until a metric fulfils a condition; half a minute is for ever on a machine that works.
    func wait(for name: String, until condition: (Double) -> Bool) -> Bool {
        eventually { self.metric(name).map(condition) ?? false }
    }
}

/// Tries again until a condition holds, half a minute at most.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<1500 {
        if condition() { return true }
        usleep(20_000)
    }
    return false
}

/// A service manager's end of sd_notify(3).
final class NotifySocket {
    let path: String
    private let descriptor: Int32

    init(path: String) throws {
        self.path = path
        unlink(path)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0, "bind \(path)")
    }

    deinit { close(descriptor) }

    /// The next notification; nil where none comes within the time.
    func next(milliseconds: Int32) -> String? {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&item, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count >= 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }

    /// Reads on until a notification fulfils a condition.
    func wait(_ condition: (String) -> Bool) -> Bool {
        while let text = next(milliseconds: 30_000) {
            if condition(text) { return true }
        }
        return false
    }

    /// Everything that has arrived.
    func drain() -> [String] {
        var all: [String] = []
        while let text = next(milliseconds: 0) { all.append(text) }
        return all
    }
}

/// The least of an HTTP client.
enum LoopbackHTTP {
    struct Failure: Error {}

    static func get(port: UInt16, path: String) throws -> (status: Int, body: String) {
        guard let connection = RawConnection(port: port) else { throw Failure() }
        connection.send(Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
        guard let text = connection.readToEnd() else { throw Failure() }
        guard let end = text.range(of: "\r\n\r\n"), let status = text.split(separator: " ").dropFirst().first else {
            throw Failure()
        }
        return (Int(status) ?? 0, String(text[end.upperBound...]))
    }
}
