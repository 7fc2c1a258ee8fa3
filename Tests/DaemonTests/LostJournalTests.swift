import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// The journal's files deleted or replaced while the daemon has them open.
@Suite(.serialized) struct LostJournalTests {
    private static let kinds = ["beat", "alert", "status", "suspicion"]

    /// What happens to the files.
    enum Loss: String, CaseIterable {
        case everything, file, writeAheadLog, sharedMemory, replaced

        func happen(to journal: String) throws {
            let suffixes: [String] =
                switch self {
                case .everything: ["", "-wal", "-shm", ".lock"]
                case .file: [""]
                case .writeAheadLog: ["-wal"]
                case .sharedMemory: ["-shm"]
                case .replaced: []
                }
            for suffix in suffixes { try #require(unlink(journal + suffix) == 0) }
            if self == .replaced { try "precious".write(toFile: journal, atomically: true, encoding: .utf8) }
        }
    }

    private func expectUndisturbed(_ daemon: DaemonProcess, _ context: ZeroMQContext, _ expected: [WireEvent]) throws {
        let last = expected.map(\.decidedAtSampleIndex).max() ?? 0
        let found = try Past(daemon, context).events("beat", "alert", "status", "suspicion")
        for kind in Self.kinds {
            expectSame(
                found.filter { $0.id.contains("/\(kind)/") && $0.decidedAtSampleIndex <= last },
                expected.filter { $0.id.contains("/\(kind)/") }, kind)
        }
    }

    @Test(arguments: Loss.allCases)
    func lostJournalIsRecreatedWithAllItHeld(loss: Loss) throws {
        let recording = Recording(samplingRate: 360, seconds: 120, seed: 74)
        let daemon = try DaemonProcess(hasJournal: true)
        let context = try ZeroMQContext()
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        let blocks = recording.blocks(stream: "a", size: 360)
        for block in blocks.prefix(60) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)
        #expect(daemon.metric("ecgmon_journal_replaced_total") == 0)

        try loss.happen(to: daemon.journal)
        for block in blocks[60..<90] { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(daemon.wait(for: "ecgmon_journal_replaced_total") { $0 == 1 })
        #expect(eventually { daemon.log.contains("the events of the old journal have been copied") })
        for block in blocks.dropFirst(90) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)
        let expected = try recording.expectedEvents(stream: "a").filter { $0.decidedAtSampleIndex < 110 * 360 }
        try expectUndisturbed(daemon, context, expected)

        // Said once; the new one is not taken for lost again; no other daemon may write it.
        #expect(daemon.log.split(separator: "the journal's files were deleted or replaced").count == 2)
        #expect(daemon.metric("ecgmon_journal_replaced_total") == 1)
        #expect(daemon.metric("ecgmon_journal_failing") == 0)
        let second = try DaemonProcess(arguments: ["--journal", daemon.journal], waitsUntilReady: false)
        #expect(second.exitCode() == ExitStatus.cannotCreate)

        daemon.signal(SIGKILL)
        _ = daemon.exitCode()
        let next = try DaemonProcess(hasJournal: true, after: daemon)
        // Streams are restored a little after the daemon is ready.
        #expect(next.wait(for: "ecgmon_streams_restored_total") { $0 == 1 })
        try expectUndisturbed(next, context, expected)
        #expect(next.terminate() == 0)

        let aside = try FileManager.default.contentsOfDirectory(atPath: daemon.directory)
            .filter { $0.contains(".replaced-") }
        if loss == .replaced {
            let file = try #require(aside.first { !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") })
            #expect(try String(contentsOfFile: "\(daemon.directory)/\(file)", encoding: .utf8) == "precious")
        } else {
            #expect(aside.isEmpty, "its own files are of no use any more")
        }
    }

    @Test func nothingIsAcknowledgedWhileNoJournalCanBeCreated() throws {
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 75)
        let folder = FileManager.default.temporaryDirectory.appending(path: "lost-\(UUID().uuidString.prefix(8))")
            .path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let daemon = try DaemonProcess(
            configuration: "[journal]\npatience_seconds = 0.1\n", hasJournal: true,
            journal: "\(folder)/inner/journal.sqlite")
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        let blocks = recording.blocks(stream: "a", size: 360)
        for block in blocks.prefix(20) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)

        // A file in the place of the folder: there is no way to make a journal.
        try FileManager.default.removeItem(atPath: "\(folder)/inner")
        try "in the way".write(toFile: "\(folder)/inner", atomically: true, encoding: .utf8)
        #expect(daemon.wait(for: "ecgmon_journal_failing") { $0 == 1 })
        for block in blocks[20..<50] { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(2)) == false)
        let expected = try recording.expectedEvents(stream: "a").filter { $0.decidedAtSampleIndex < 45 * 360 }
        let last = try #require(expected.last)
        #expect(eventually { (try? recorder.events(of: "a").contains(last)) ?? false }, "a ward needs it now")
        #expect(
            eventually {
                recorder.bodies(topic: "health").last.map {
                    String(decoding: $0, as: UTF8.self).contains("journal cannot")
                } ?? false
            })

        try FileManager.default.removeItem(atPath: "\(folder)/inner")
        try FileManager.default.createDirectory(atPath: "\(folder)/inner", withIntermediateDirectories: true)
        #expect(daemon.wait(for: "ecgmon_journal_failing") { $0 == 0 })
        for block in blocks.dropFirst(50) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)
        #expect(eventually { daemon.log.contains("the events of the old journal have been copied") })
        try expectUndisturbed(daemon, context, expected)
        #expect(daemon.terminate() == 0)
    }
}
