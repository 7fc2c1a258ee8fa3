import DaemonHarness
import Foundation
import Glibc
import TestSupport
import Testing
import ToolSupport

/// A real daemon in a process of its own, on ipc endpoints in a temporary directory, told of by a service manager's
/// notify socket that the test holds.
final class DaemonProcess {
    private let daemon: LocalDaemon
    private(set) var httpPort: UInt16 = 0
    var stationPort: UInt16 { daemon.stationPort ?? 0 }
    /// Another one goes on in its directory.
    private var hasSuccessor = false

    var directory: String { daemon.directory }
    var ingest: String { daemon.endpoints.ingest }
    var events: String { daemon.endpoints.events }
    var commands: String { daemon.endpoints.commands }
    var acknowledged: String { daemon.endpoints.acknowledged }
    var history: String { daemon.endpoints.history }
    let notifications: NotifySocket
    /// -1 before it was started.
    var processIdentifier: pid_t { daemon.processID ?? -1 }
    /// A file system of the journal's own, as this process reaches it.
    var disk: String { "/proc/\(processIdentifier)/root\(directory)/disk" }
    let journal: String
    var configurationPath: String { daemon.configurationPath }
    var log: String { daemon.log }

    /// The package's root.
    static let root = Checkout.root
    static let model = Checkout.model
    static let executable = Checkout.program("ecgmond")

    /// Starts the daemon and waits until it is ready.
    /// - Parameters:
    ///   - configuration: the text of its configuration file.
    ///   - hasJournal: it keeps a journal, takes acknowledged samples, and answers for the past.
    ///   - hasStation: it serves the central station, on `stationPort`.
    ///   - journal: where its journal is, if not beside its other files. Its folder is made.
    ///   - predecessor: one that has ended, in whose directory this one goes on.
    ///   - watchdogSeconds: what the service manager's watchdog asks for; nil: no watchdog.
    ///   - standardError: where its log goes instead of `log`.
    ///   - diskMegabytes: the journal is on a file system of this size, in memory, that only this daemon sees
    ///     (`OwnNamespace.isPermitted`); nil: it is beside the other files.
    init(
        configuration: String = "", arguments: [String] = [], environment: [String: String] = [:],
        watchdogSeconds: Double? = nil, standardError: Int32? = nil, waitsUntilReady: Bool = true,
        hasJournal: Bool = false, hasStation: Bool = false, journal: String? = nil, diskMegabytes: Int? = nil,
        after predecessor: DaemonProcess? = nil
    ) throws {
        let directory =
            predecessor?.directory
            ?? FileManager.default.temporaryDirectory.appending(path: "ecgmond-\(UUID().uuidString.prefix(8))").path()
        predecessor?.hasSuccessor = true
        self.journal = journal ?? "\(directory)/\(diskMegabytes == nil ? "" : "disk/")journal.sqlite"
        if let folder = journal.map({ URL(filePath: $0).deletingLastPathComponent().path() }) {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        var options = LocalDaemon.Options(programs: [Self.executable], model: Self.model)
        options.configuration = Self.withPatience(configuration)
        options.arguments = arguments
        options.journal = hasJournal ? .file(self.journal) : .asConfigured
        options.hasAcknowledgedIngest = hasJournal
        options.servesPages = true
        options.servesStation = hasStation
        options.notifies = true
        options.standardError = standardError
        // The backtracer of a daemon that crashed was seen to hang, and a test to wait for it without end.
        options.environment = ["SWIFT_BACKTRACE": "enable=no"].merging(environment) { $1 }
        options.environment["WATCHDOG_USEC"] = .some(watchdogSeconds.map { String(Int($0 * 1e6)) })
        options.environment["WATCHDOG_PID"] = .some(nil)
        if let diskMegabytes {
            try FileManager.default.createDirectory(atPath: "\(directory)/disk", withIntermediateDirectories: true)
            options.wrap = { OwnNamespace.command(mounting: "\(directory)/disk", megabytes: diskMegabytes, $0) }
        }
        daemon = try LocalDaemon(options, directory: directory)
        notifications = try #require(daemon.notifications)
        try daemon.start()
        if waitsUntilReady { try waitUntilReady() }
    }

    deinit {
        daemon.end(SIGKILL)
        if !hasSuccessor { try? FileManager.default.removeItem(atPath: directory) }
    }

    func write(configuration: String) throws { try daemon.write(configuration: Self.withPatience(configuration)) }

    /// A busy machine may pause for seconds: that is no silence, and the end may take longer, unless a test is about it.
    private static func withPatience(_ configuration: String) -> String {
        var patience = configuration.contains("[streams]") ? "" : "\n[streams]\nsilent_after_seconds = 600\n"
        if !configuration.contains("[stop]") { patience += "\n[stop]\nlimit_seconds = 120\n" }
        return configuration + patience
    }

    private func waitUntilReady() throws {
        try #require(daemon.waitUntilReady(), "the daemon says READY=1; its log: \(log)")
        // The log has a thread of its own.
        try #require(eventually { daemon.httpPort != nil }, "the log tells the port: \(log)")
        httpPort = try #require(daemon.httpPort)
    }

    /// For a daemon that was not waited for.
    func useHTTPPort(_ port: UInt16) { httpPort = port }

    func signal(_ number: Int32) { daemon.signal(number) }

    /// Waits for the end.
    /// - Returns: the exit code, or the number of the signal that ended it; -1 where it goes on for ten minutes.
    func exitCode() -> Int32 {
        switch daemon.wait(seconds: 600) {
        case .exited(let code): code
        case .killed(let signal): signal
        case nil: -1
        }
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
