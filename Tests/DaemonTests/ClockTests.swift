import DaemonHarness
import ECGSecurity
import ECGWire
import Foundation
import Glibc
import SwiftProtobuf
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// The clock of the day jumps: it stamps, and decides nothing else.
@Suite(.serialized) struct ClockTests {
    private static let day = 86_400
    /// What is kept for a time by the clock of the day is kept for long.
    private static let keeping = "[journal]\nkeep_beats_hours = 87600\nkeep_days = 3650\n"
    private static let kinds = ["beat", "alert", "status", "suspicion"]

    @Test(.enabled(if: DayClock.isPermitted, DayClock.need))
    func clockJumpsHangNothingAndChangeNoEvent() throws {
        let recording = Recording(samplingRate: 360, seconds: 120, seed: 51)
        let clock = try DayClock()
        let daemon = try DaemonProcess(
            configuration: Self.keeping
                + "[events]\nhealth_period_seconds = 0.2\n[streams]\nsilent_after_seconds = 600\n",
            environment: clock.environment, watchdogSeconds: 3, hasJournal: true)
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        let blocks = recording.blocks(stream: "a", size: 90)
        // A day back and forth, and six years.
        let jumps = [0, -Self.day, 0, Self.day, -200_000_000, 0]
        let part = blocks.count / jumps.count
        for (number, seconds) in jumps.enumerated() {
            try clock.set(seconds: seconds)
            #expect(
                eventually { abs((secondsAhead(recorder) ?? 1 << 40) - seconds) < 600 },
                "it sees a clock set by \(seconds) s")
            let range = number * part..<(number + 1 == jumps.count ? blocks.count : (number + 1) * part)
            for block in blocks[range] { _ = try client.send(block, timeout: .seconds(30)) }
            let sent = blocks[..<range.upperBound].reduce(0) { $0 + $1.sampleCount }
            try service(&client, untilSent: sent)
            #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(sent) })
            _ = daemon.notifications.drain()
            #expect(daemon.notifications.wait { $0 == "WATCHDOG=1" })
        }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)))
        #expect(daemon.metric("ecgmon_watchdog_withheld_total") == 0)
        #expect(daemon.metric("ecgmon_journal_dropped_total{cause=\"old\"}") == 0)
        let expected = try recording.expectedEvents(stream: "a").filter { $0.decidedAtSampleIndex < 110 * 360 }
        let published = try recorder.events(of: "a").filter { $0.decidedAtSampleIndex < 110 * 360 }
        expectSame(published, expected, "published")
        for kind in Self.kinds {
            let written = try Past(daemon, context).events(kind).filter { $0.decidedAtSampleIndex < 110 * 360 }
            expectSame(written, expected.filter { $0.id.contains("/\(kind)/") }, kind)
        }
        // Before 1970.
        try clock.set(seconds: -2_000_000_000)
        #expect(eventually { (secondsAhead(recorder) ?? 0) < -1_000_000_000 })
        _ = daemon.notifications.drain()
        #expect(daemon.notifications.wait { $0 == "WATCHDOG=1" })
        #expect(try daemon.page("/healthz").status == 200)
        #expect(daemon.terminate() == 0)
    }

    /// Half a minute at most.
    private func service(_ client: inout AcknowledgedAcquisitionClient, untilSent count: Int) throws {
        let end = ContinuousClock.now + .seconds(30)
        while client.samplesSent < count, ContinuousClock.now < end { try client.service(timeout: .milliseconds(20)) }
        #expect(client.samplesSent >= count)
    }

    /// What the daemon's newest health says of its clock: seconds that it is ahead of this one.
    private func secondsAhead(_ recorder: Recorder) -> Int? {
        guard let body = recorder.bodies(topic: "health").last, let health = try? WireHealth(jsonUTF8Bytes: body) else {
            return nil
        }
        return Int(health.timeNs / 1_000_000_000) - Int(Date().timeIntervalSince1970)
    }

    @Test(.enabled(if: DayClock.isPermitted, DayClock.need))
    func repeatedKillsWithTheClockSetBackLoseNothing() throws {
        let clock = try DayClock()
        try clock.set(seconds: -Self.day)
        let yesterday = "\(clock.folder)/ecgmond-of-yesterday"
        let settings = clock.environment.map { "\($0)='\($1)'" }.joined(separator: " ")
        try "#!/bin/sh\n\(settings) exec '\(DaemonProcess.executable)' \"$@\"\n".write(
            toFile: yesterday, atomically: true, encoding: .utf8)
        chmod(yesterday, 0o755)
        let tool = Process()
        let output = Pipe()
        tool.executableURL = URL(filePath: DaemonProcess.executable).deletingLastPathComponent().appending(
            path: "ecgmon")
        tool.arguments = [
            "evaluate", "recovery", "--kills", "8", "--records", "simulator", "--seconds", "240", "--daemon",
            DaemonProcess.executable, "--daemon", yesterday, "--configuration", Self.keeping,
        ]
        tool.currentDirectoryURL = URL(filePath: DaemonProcess.root)
        tool.standardOutput = output
        tool.standardError = FileHandle.nullDevice
        try tool.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        tool.waitUntilExit()
        #expect(tool.terminationStatus == 0, "\(text)")
        #expect(text.contains("8 x SIGKILL") && text.contains("0 missing, 0 too many, 0 different"))
    }

    /// A day passes, or the clock says so, while the daemon is away. Who comes back goes on, who does not is forgotten.
    @Test(.enabled(if: DayClock.isPermitted, DayClock.need))
    func streamADayOldByTheClockResumesWhenItsSourceReturns() throws {
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 52)
        let clock = try DayClock()
        let context = try ZeroMQContext()
        let first = try DaemonProcess(configuration: Self.keeping, environment: clock.environment, hasJournal: true)
        var client = try AcknowledgedAcquisitionClient(endpoint: first.acknowledged, context: context)
        var other = try AcknowledgedAcquisitionClient(endpoint: first.acknowledged, context: context)
        let blocks = recording.blocks(stream: "a", size: 90)
        for block in recording.blocks(stream: "b", size: 90).prefix(50) {
            _ = try other.send(block, timeout: .seconds(30))
        }
        for block in blocks.prefix(100) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)))
        #expect(try other.waitUntilAcknowledged(timeout: .seconds(30)))
        first.signal(SIGKILL)
        _ = first.exitCode()
        try clock.set(seconds: Self.day)
        let second = try DaemonProcess(
            configuration: Self.keeping, environment: clock.environment, hasJournal: true, after: first)
        #expect(second.wait(for: "ecgmon_streams_restored_total") { $0 == 2 })
        // A source takes a moment to notice and connect again.
        usleep(1_500_000)
        for block in blocks.dropFirst(100) { _ = try client.send(block, timeout: .seconds(30)) }
        try service(&client, untilSent: recording.millivolts.count)
        #expect(second.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count - 100 * 90) })
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(30)))
        let expected = try recording.expectedEvents(stream: "a").filter { $0.decidedAtSampleIndex < 50 * 360 }
        for kind in Self.kinds {
            let written = try Past(second, context).events(kind).filter {
                $0.stream == "a" && $0.decidedAtSampleIndex < 50 * 360
            }
            expectSame(written, expected.filter { $0.id.contains("/\(kind)/") }, kind)
        }
        #expect(second.wait(for: "ecgmon_streams_expired_total") { $0 == 1 }, "b did not come back")
        #expect(
            try Past(second, context).events("alert").allSatisfy { $0.stream == "a" || $0.alert.kind != .signalLost })
        #expect(second.terminate() == 0)
    }

    @Test(.enabled(if: DayClock.isPermitted, DayClock.need))
    func bannedKeyStaysBannedWhenTheClockIsSetForward() throws {
        let ring = try Keyring(["desk": "read = [\"*\"]"])
        let clock = try DayClock()
        let daemon = try DaemonProcess(configuration: ring.configuration, environment: clock.environment)
        let context = try ZeroMQContext()
        func connect() throws -> ZeroMQSocket {
            let socket = try ZeroMQSocket(context, .xsub)
            try socket.set(.linger(.zero))
            try socket.useCurve(try ring.client("desk"))
            try socket.connect(daemon.events)
            return socket
        }
        let hostile = try connect()
        #expect(daemon.wait(for: "ecgmon_subscriber_connections") { $0 == 1 })
        try hostile.send([2, 1, 1], timeout: .seconds(30))
        let refused = "ecgmon_handshakes_refused_total{cause=\"banned_key\"}"
        #expect(daemon.wait(for: refused) { $0 >= 1 })
        try clock.set(seconds: Self.day)
        usleep(300_000)
        let before = try #require(daemon.metric(refused))
        let again = try connect()
        #expect(daemon.wait(for: refused) { $0 > before })
        #expect(daemon.metric("ecgmon_subscriber_connections") == 0)
        withExtendedLifetime(again) {}
        #expect(daemon.terminate() == 0)
    }

    @Test func keyThatExpiresAgainAfterAClockChangeIsCutOffAgain() throws {
        let pair = try CurveKeyPair.generate()
        var desk = AuthorizedKey(name: "desk", key: try CurveKeyPair.generate().publicKey)
        desk.read = [TopicPattern("*")].compactMap(\.self)
        desk.expires = 1000
        let access = AccessControl(ReloadableSecurity(.init(serverKey: pair, permissions: Permissions([desk]))), at: 900)
        #expect(!access.readersChanged(at: 999))
        #expect(access.readersChanged(at: 1000))
        #expect(!access.readersChanged(at: 1001))
        #expect(!access.readersChanged(at: 950), "valid again")
        #expect(!access.readersChanged(at: 960))
        #expect(access.readersChanged(at: 1002))
    }
}
