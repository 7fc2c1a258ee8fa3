import Foundation
import Glibc
import Testing

@testable import MonitorDaemon

/// Logs to systemd's journal by its native protocol, received by a journal of the test's own in a mount namespace.
@Suite struct JournalTests {
    /// Binds the journal's socket, starts the daemon with standard error "connected to the journal", prints the fields
    /// of what it logs.
    private static let script = """
        import os, signal, socket, subprocess, sys
        program, directory, model = sys.argv[1:]
        os.makedirs("/run/systemd/journal")
        journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        journal.bind("/run/systemd/journal/socket")
        journal.settimeout(30)
        stderr = open(directory + "/stderr", "wb")
        status = os.fstat(stderr.fileno())
        environment = dict(os.environ, JOURNAL_STREAM="%d:%d" % (status.st_dev, status.st_ino))
        daemon = subprocess.Popen(
            [program, "--ingest", "ipc://" + directory + "/i", "--events", "ipc://" + directory + "/e", "--commands", "ipc://" + directory + "/c",
             "--no-http", "--no-station",
             "--model", model], stderr=stderr, env=environment)
        def printUntil(message):
            text = ""
            while not text.startswith(message):
                text = journal.recv(65536).decode()
                print(text)
        try:
            printUntil("MESSAGE=ready")
            daemon.send_signal(signal.SIGTERM)
            printUntil("MESSAGE=stopping")
        finally:
            daemon.terminate()
            daemon.wait()
        print("standard error has", os.path.getsize(directory + "/stderr"), "bytes")
        """

    private static func inNamespace(_ command: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        process.arguments = ["--mount", "sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$@\"", "sh"] + command
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    private static let isPermitted = (try? inNamespace(["python3", "-c", "pass"]).code) == 0

    @Test(.enabled(if: JournalTests.isPermitted, "a mount namespace of its own needs unshare, python3 and root"))
    func logsGoToJournaldWithFieldsIfStandardErrorIsConnectedToIt() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "ecgmond-\(UUID().uuidString.prefix(8))")
            .path()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let result = try Self.inNamespace([
            "python3", "-c", Self.script, DaemonProcess.executable, directory, DaemonProcess.model,
        ])
        #expect(result.code == 0)
        for field in [
            "MESSAGE=ready commands=ipc://\(directory)/c", "PRIORITY=6", "SYSLOG_IDENTIFIER=ecgmond",
            "ECGMON_INGEST=ipc://\(directory)/i", "MESSAGE=stopping limit_seconds=15.0", "ECGMON_LIMIT_SECONDS=15.0",
            "standard error has 0 bytes",
        ] {
            #expect(result.output.contains(field), "\(field) in \(result.output)")
        }
    }
}
