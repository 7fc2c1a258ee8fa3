import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// A journal that cannot be written for a while.
@Suite(.serialized) struct JournalFailureTests {
    /// Sets how large a file the daemon may write, as a disk that is full does, by prlimit(1).
    private func limitFiles(of daemon: DaemonProcess, to bytes: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/prlimit")
        process.arguments = ["--pid", "\(daemon.processIdentifier)", "--fsize=\(bytes):"]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/prlimit"), "needs prlimit (util-linux)"))
    func alertsGoOutOnAFullDiskAndAreWrittenOnceThereIsRoom() throws {
        let recording = Recording(samplingRate: 360, seconds: 120, seed: 41)
        let daemon = try DaemonProcess(
            configuration: "[journal]\npatience_seconds = 0.2\n[streams]\nsilent_after_seconds = 600\n",
            hasJournal: true)
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        let blocks = recording.blocks(stream: "a", size: 90)
        for block in blocks.prefix(60) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)

        try limitFiles(of: daemon, to: "4096")
        for block in blocks.dropFirst(60) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(
            try client.waitUntilAcknowledged(timeout: .seconds(4)) == false,
            "nothing that is not written is acknowledged")
        #expect(daemon.wait(for: "ecgmon_journal_failing") { $0 == 1 })
        #expect(eventually { daemon.log.contains("the journal cannot be written") })
        let last = try #require(
            try recording.expectedEvents(stream: "a").last {
                $0.id.contains("/alert/") && $0.decidedAtSampleIndex < 110 * 360
            })
        #expect(eventually { (try? recorder.events(of: "a").contains(last)) ?? false }, "a ward needs it now")
        #expect((daemon.metric("ecgmon_journal_published_unwritten_total") ?? 0) > 0)
        #expect(
            eventually {
                recorder.bodies(topic: "health").last.map {
                    String(decoding: $0, as: UTF8.self).contains("journal cannot")
                } ?? false
            }, "health says degraded, and why")

        try limitFiles(of: daemon, to: "unlimited")
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)
        #expect(daemon.wait(for: "ecgmon_journal_failing") { $0 == 0 })
        #expect(daemon.metric("ecgmon_journal_dropped_total{cause=\"pending_full\"}") == 0)
        let written = try Past(daemon, context).events("beat", "alert", "status", "suspicion")
        for kind in ["beat", "alert", "status", "suspicion"] {
            let published = try recorder.events(of: "a").filter { $0.id.contains("/\(kind)/") }
            expectSame(written.filter { $0.id.contains("/\(kind)/") }, published, kind)
        }
        #expect(daemon.terminate() == 0)
    }

    @Test(.enabled(if: OwnNamespace.isPermitted, OwnNamespace.need))
    func alertsGoOutOnAGenuinelyFullDiskAndNothingIsLost() throws {
        let recording = Recording(samplingRate: 360, seconds: 120, seed: 42)
        let daemon = try DaemonProcess(
            configuration: "[journal]\npatience_seconds = 0.2\n[streams]\nsilent_after_seconds = 600\n",
            hasJournal: true,
            diskMegabytes: 24)
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        let blocks = recording.blocks(stream: "a", size: 90)
        for block in blocks.prefix(60) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)

        let filler = "\(daemon.disk)/filler"
        #expect(Self.fill(filler) == ENOSPC)
        for block in blocks.dropFirst(60) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(
            try client.waitUntilAcknowledged(timeout: .seconds(4)) == false,
            "nothing that is not written is acknowledged")
        #expect(client.unacknowledgedSamples == recording.millivolts.count - 60 * 90)
        #expect(daemon.wait(for: "ecgmon_journal_failing") { $0 == 1 })
        #expect(eventually { daemon.log.contains("database or disk is full") })
        let expected = try recording.expectedEvents(stream: "a").filter { $0.decidedAtSampleIndex < 110 * 360 }
        let last = try #require(expected.last { $0.id.contains("/alert/") })
        #expect(eventually { (try? recorder.events(of: "a").contains(last)) ?? false }, "a ward needs it now")
        // Who asks for the past gets what was written before.
        let before = try Past(daemon, context).events("beat", "alert", "status", "suspicion")
        #expect(!before.isEmpty && before.allSatisfy { $0.decidedAtSampleIndex < 60 * 90 })

        #expect(unlink(filler) == 0)
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)) == true)
        #expect(daemon.wait(for: "ecgmon_journal_failing") { $0 == 0 })
        #expect(daemon.metric("ecgmon_journal_dropped_total{cause=\"pending_full\"}") == 0)
        let written = try Past(daemon, context).events("beat", "alert", "status", "suspicion").filter {
            $0.decidedAtSampleIndex < 110 * 360
        }
        for kind in ["beat", "alert", "status", "suspicion"] {
            expectSame(
                written.filter { $0.id.contains("/\(kind)/") }, expected.filter { $0.id.contains("/\(kind)/") },
                "\(kind), as undisturbed")
        }
        #expect(daemon.terminate() == 0)
    }

    /// Writes a file until no more goes in.
    /// - Returns: why not.
    private static func fill(_ path: String) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let page = [UInt8](repeating: 0x5A, count: 4096)
        while true {
            if write(descriptor, page, page.count) < 0 { return errno }
        }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/prlimit"), "needs prlimit (util-linux)"))
    func eventsThatNeverReachedTheJournalAreCountedByStream() throws {
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 42)
        let daemon = try DaemonProcess(
            configuration: "[journal]\npatience_seconds = 0.1\npending_events = 100\n", hasJournal: true)
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        try limitFiles(of: daemon, to: "4096")
        for stream in ["a", "b"] {
            for block in recording.blocks(stream: stream, size: 360) {
                _ = try client.send(block, timeout: .seconds(30))
            }
        }
        #expect(daemon.wait(for: "ecgmon_stream_journal_dropped_total{cause=\"pending_full\",stream=\"a\"}") { $0 > 0 })
        #expect(daemon.wait(for: "ecgmon_journal_pending_events") { $0 <= 100 })
        #expect(
            eventually { daemon.metric("ecgmon_samples_total") == Double(2 * recording.millivolts.count) })
        MetricsText(try daemon.page("/metrics").body).expectThatStreamsSumUp()
        _ = daemon.terminate()
    }

    @Test func unusableJournalIsReportedInOneLine() throws {
        let daemon = try DaemonProcess(arguments: ["--journal", "/nowhere/journal.sqlite"], waitsUntilReady: false)
        #expect(daemon.exitCode() == ExitStatus.cannotCreate)
        #expect(eventually { daemon.log.contains("cannot open the journal /nowhere/journal.sqlite") })
        #expect(eventually { daemon.log.contains("--no-journal") })
    }

    @Test func twoDaemonsDoNotWriteOneJournal() throws {
        let first = try DaemonProcess(hasJournal: true)
        let second = try DaemonProcess(arguments: ["--journal", first.journal], waitsUntilReady: false)
        #expect(second.exitCode() == ExitStatus.cannotCreate)
        #expect(eventually { second.log.contains("another daemon writes it") })
        #expect(first.terminate() == 0)
    }
}
