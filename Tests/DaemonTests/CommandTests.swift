import ECGMonitor
import ECGSignal
import ECGWire
import Foundation
import Glibc
import SwiftProtobuf
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Commands about alarms, over real sockets to a real daemon.
@Suite(.serialized) struct CommandTests {
    /// Ten seconds of sinus rhythm, then a fast one without end: one alert, tachycardia, that stays on.
    private static func fast() -> Recording {
        var recording = Recording(samplingRate: 360, seconds: 60, seed: 3)
        var simulator = ECGSimulator(
            .init(script: [.init(.sinus(rate: 70), seconds: 10), .init(.sinus(rate: 131), seconds: 600)]))
        recording.millivolts = simulator.record(seconds: 60).millivolts
        return recording
    }

    private static func command(_ stream: String, _ action: WireCommand.OneOf_Action, by: String = "nurse 4711")
        -> WireCommand
    {
        var command = WireCommand()
        command.schemaVersion = 1
        command.stream = stream
        command.by = by
        command.action = action
        return command
    }

    private static let acknowledge = WireCommand.OneOf_Action.acknowledge(.init())

    private static func pause(_ seconds: Double, _ kind: WirePauseKind = .audio) -> WireCommand.OneOf_Action {
        var pause = WireCommand.Pause()
        pause.kind = kind
        pause.seconds = seconds
        return .pause(pause)
    }

    private static func limits(_ values: [String: Double], asConfigured: Bool = false) -> WireCommand.OneOf_Action {
        var wanted = WireCommand.SetLimits()
        (wanted.limits, wanted.asConfigured) = (values, asConfigured)
        return .setLimits(wanted)
    }

    private func send(_ blocks: some Collection<WireSampleBlock>, to daemon: DaemonProcess, _ context: ZeroMQContext)
        throws
    {
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let before = daemon.metric("ecgmon_segments_processed_total") ?? 0
        for block in blocks {
            let isSent = try client.send(block, timeout: .seconds(30))
            #expect(isSent)
        }
        #expect(daemon.wait(for: "ecgmon_segments_processed_total") { $0 >= before + Double(blocks.count) })
    }

    private func reply(_ client: inout CommandClient, _ command: WireCommand) throws -> WireCommandReply {
        let reply = try client.send(command, timeout: .seconds(30))
        return try #require(reply, "the daemon answers")
    }

    @Test func anAcknowledgementReachesEverySubscriberAndTheLog() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let second = try Recorder(daemon, prefixes: ["alert."], context: context)
        try send(Self.fast().blocks(stream: "bed-1", size: 360), to: daemon, context)
        var client = try CommandClient(endpoint: daemon.commands, context: context)
        let listed = try reply(&client, Self.command("bed-1", .list(.init())))
        #expect(listed.result == .done && listed.alerts.map(\.kind) == [.tachycardia] && !listed.alerts[0].acknowledged)
        let done = try reply(&client, Self.command("bed-1", Self.acknowledge))
        #expect(done.result == .done && done.acknowledged == 1 && done.session == Recording.session)
        #expect(done.appliedAtSampleIndex == 60 * 360 - 1)
        #expect(done.alerts.map(\.acknowledgedBy) == ["nurse 4711"])
        #expect(try reply(&client, Self.command("bed-1", Self.acknowledge)).result == .nothingToDo)
        for one in [recorder, second] {
            #expect(
                eventually {
                    let events = (try? one.events(of: "bed-1")) ?? []
                    return events.contains {
                        $0.alert.change == .acknowledged && $0.alert.acknowledgedBy == "nurse 4711"
                    }
                })
        }
        #expect(
            eventually { daemon.log.contains("by=\"nurse 4711\"") || daemon.log.contains("by=nurse 4711") },
            "\(daemon.log)")
        #expect(daemon.metric("ecgmon_commands_total{result=\"done\"}") == 2)
        #expect(daemon.metric("ecgmon_commands_total{result=\"nothing_to_do\"}") == 1)
        #expect(daemon.terminate() == 0)
    }

    @Test func pauseIsPublishedCountedDownAndRefusedIfTooLong() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, prefixes: ["status."], context: context)
        let blocks = Self.fast().blocks(stream: "bed-1", size: 360)
        try send(blocks[..<5], to: daemon, context)
        var client = try CommandClient(endpoint: daemon.commands, context: context)
        let done = try reply(&client, Self.command("bed-1", Self.pause(20)))
        #expect(done.result == .done && done.pause.kind == .audio && done.pause.remainingSeconds == 20)
        let long = try reply(&client, Self.command("bed-1", Self.pause(1e9)))
        #expect(long.result == .tooLong && long.pause.remainingSeconds == 20)
        try send(blocks[5..<40], to: daemon, context)
        #expect(
            eventually {
                let statuses = ((try? recorder.events(of: "bed-1")) ?? []).map(\.status)
                let left = statuses.filter(\.hasPause).map(\.pause.remainingSeconds)
                return left.count >= 4 && left == left.sorted(by: >) && statuses.last?.hasPause == false
            })
        #expect(try reply(&client, Self.command("bed-1", .resume(.init()))).result == .nothingToDo)
        #expect(eventually { daemon.log.contains("alarm pause over") })
        #expect(daemon.terminate() == 0)
    }

    /// A rate of 131 raises no alarm where the limit is 139; the kill is to show that the limit is in the journal.
    @Test func limitsOfABedDecideWhatIsAnAlarmAndOutliveAKill() throws {
        let first = try DaemonProcess(hasJournal: true)
        let context = try ZeroMQContext()
        let blocks = Self.fast().blocks(stream: "bed-1", size: 360)
        try send(blocks[..<5], to: first, context)
        var client = try CommandClient(endpoint: first.commands, context: context)
        let wish = Self.limits(["tachycardia_above": 139])
        #expect(try reply(&client, Self.command("nobody", wish)).result == .unknownStream)
        let done = try reply(&client, Self.command("bed-1", wish, by: "dr. 12"))
        #expect(done.result == .done && done.text == "tachycardia above 139 /min, before 120 /min")
        #expect(done.appliedAtSampleIndex == 5 * 360 - 1 && done.session == Recording.session)
        #expect(eventually { first.log.contains("limits set") && first.log.contains("by=\"dr. 12\"") })
        let again = try reply(&client, Self.command("bed-1", wish))
        #expect(again.result == .nothingToDo && again.limits.setBy == "dr. 12")
        try send(blocks[5..<40], to: first, context)
        first.signal(SIGKILL)
        _ = first.exitCode()

        let second = try DaemonProcess(hasJournal: true, after: first)
        let recorder = try Recorder(second, prefixes: ["alert."], context: context)
        try send(blocks[..<50], to: second, context)
        var later = try CommandClient(endpoint: second.commands, context: context)
        let listed = try reply(&later, Self.command("bed-1", .list(.init())))
        #expect(listed.limits.setBy == "dr. 12" && listed.limits.setAtTimeNs > 0)
        #expect(listed.limits.current["tachycardia_above"] == 139)
        #expect(listed.limits.configured["tachycardia_above"] == 120)
        #expect(listed.alerts.isEmpty)
        let reset = try reply(&later, Self.command("bed-1", Self.limits([:], asConfigured: true)))
        #expect(reset.result == .done && reset.limits.current == reset.limits.configured)
        try send(blocks[50...], to: second, context)
        #expect(eventually { ((try? recorder.events(of: "bed-1")) ?? []).contains { $0.alert.kind == .tachycardia } })
        #expect(second.terminate() == 0)
    }

    @Test func jsonFromAREQSocketIsAnsweredInJSON() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        try send(Self.fast().blocks(stream: "bed-1", size: 3_600), to: daemon, context)
        let socket = try ZeroMQSocket(context, .req)
        try socket.connect(daemon.commands)
        let text =
            #"{"schemaVersion":1,"number":"5","stream":"bed-1","by":"Schwester Ü","acknowledge":{"kind":"ALERT_KIND_TACHYCARDIA"}}"#
        try socket.send(text, timeout: .seconds(30))
        let frames = try socket.receive(timeout: .seconds(30))
        let answer = try #require(frames?.last)
        let reply = try WireCommandReply(jsonUTF8Bytes: answer)
        #expect(answer.first == UInt8(ascii: "{") && reply.number == 5 && reply.acknowledged == 1)
        #expect(reply.alerts.first?.acknowledgedBy == "Schwester Ü")
        #expect(daemon.terminate() == 0)
    }

    @Test func hostileCommandsAreAnsweredCountedAndHarmNothing() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let recording = Self.fast()
        let blocks = recording.blocks(stream: "bed-1", size: 360)
        try send(blocks[..<30], to: daemon, context)
        let socket = try ZeroMQSocket(context, .dealer)
        try socket.connect(daemon.commands)
        func answer(_ parts: [[UInt8]]) throws -> WireCommandReply {
            try socket.send(parts: parts, timeout: .seconds(30))
            let frames = try socket.receive(timeout: .seconds(30))
            let body = try #require(frames?.last)
            return body.first == UInt8(ascii: "{")
                ? try WireCommandReply(jsonUTF8Bytes: body) : try WireCommandReply(serializedBytes: body)
        }
        func body(_ change: (inout WireCommand) -> Void) throws -> [UInt8] {
            var command = Self.command("bed-1", Self.acknowledge)
            command.number = 9
            change(&command)
            return try command.serializedBytes()
        }
        var bad: [[UInt8]] = [
            [], [0xff, 0xff, 0xff], Array("{".utf8), Array("{\"stream\":7}".utf8),
            Array(repeating: UInt8(ascii: "{"), count: 10_000),
            [UInt8](repeating: 7, count: 100_000),
        ]
        bad.append(try body { $0.schemaVersion = 2 })
        bad.append(try body { $0.stream = "" })
        bad.append(try body { $0.stream = String(repeating: "b", count: 10_000) })
        bad.append(try body { $0.stream = "bed\n1" })
        bad.append(try body { $0.by = "" })
        bad.append(try body { $0.by = "eve\nalarm command stream=bed-1" })
        bad.append(try body { $0.by = String(repeating: "x", count: 12_000) })
        bad.append(try body { $0.action = nil })
        bad.append(try body { $0.action = Self.pause(.nan) })
        bad.append(try body { $0.action = Self.pause(-1) })
        bad.append(try body { $0.action = Self.limits([:]) })
        bad.append(try body { $0.action = Self.limits(["tachycardia_above": .nan]) })
        bad.append(try body { $0.action = Self.limits(["tachycardia_above": 1e300]) })
        bad.append(try body { $0.action = Self.limits(["tachycardia_above": 130], asConfigured: true) })
        bad.append(try body { $0.action = Self.limits(["recovery_seconds": 1]) })
        bad.append(try body { $0.action = Self.limits(["bradycardia_below": 130]) })
        bad.append(try body { $0.action = Self.pause(10, .unspecified) })
        bad.append(try body { $0.action = Self.pause(10, .UNRECOGNIZED(77)) })
        bad.append(
            try body {
                var which = WireCommand.Acknowledge()
                which.kind = .UNRECOGNIZED(9_999)
                $0.action = .acknowledge(which)
            })
        bad.append(
            try body {
                var which = WireCommand.Acknowledge()
                which.alertNumber = .max
                $0.action = .acknowledge(which)
            })
        for (index, message) in bad.enumerated() {
            let reply = try answer([message])
            #expect(reply.result == .invalid && !reply.text.isEmpty, "message \(index): \(reply.text)")
        }
        #expect(try answer([[1], [2], [3]]).result == .invalid)
        #expect(try answer([try body { $0.stream = "nobody" }]).result == .unknownStream)
        #expect(daemon.metric("ecgmon_commands_total{result=\"invalid\"}") == Double(bad.count + 1))
        #expect(daemon.metric("ecgmon_commands_total{result=\"unknown_stream\"}") == 1)
        #expect(daemon.metric("ecgmon_streams") == 1, "an unknown stream is not opened")
        #expect(!daemon.log.contains("alarm command"))
        // Somebody who asks and asks and never reads.
        let deaf = try ZeroMQSocket(context, .dealer)
        try deaf.set(.receiveHighWaterMark(1))
        try deaf.connect(daemon.commands)
        for _ in 0..<3_000 { _ = try deaf.send(try body { $0.action = .list(.init()) }, timeout: .seconds(5)) }
        // The stream goes on as if nothing were.
        try send(blocks[30...], to: daemon, context)
        #expect(daemon.terminate() == 0)
        let expected = try recording.expectedEvents(stream: "bed-1")
        #expect(eventually { recorder.count >= expected.count })
        expectSame(try recorder.events(of: "bed-1"), expected, "bed-1")
    }

    @Test func wardLimitsApplyToItsStreamsAndReloadWhileRunning() throws {
        let daemon = try DaemonProcess(
            configuration: "[ward.sport]\nstreams = [\"sport-*\"]\ntachycardia_above = 139\n")
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, prefixes: ["alert."], context: context)
        let recording = Self.fast()
        for stream in ["sport-1", "bed-1"] {
            try send(recording.blocks(stream: stream, size: 360)[..<40], to: daemon, context)
        }
        // What the classes of simulated beats raise besides is not looked at.
        func hasTachycardia(_ stream: String) -> Bool {
            ((try? recorder.events(of: stream)) ?? []).contains {
                $0.alert.phase == .started && $0.alert.kind == .tachycardia
            }
        }
        #expect(eventually { hasTachycardia("bed-1") })
        #expect(!hasTachycardia("sport-1"))
        try daemon.write(configuration: "[patient.\"bed-1\"]\nalarms.off = [\"tachycardia\"]\n")
        daemon.signal(SIGHUP)
        #expect(daemon.wait(for: "ecgmon_reloads_total{result=\"ok\"}") { $0 == 1 })
        for stream in ["sport-1", "bed-1"] {
            try send(recording.blocks(stream: stream, size: 360)[40...], to: daemon, context)
        }
        #expect(eventually { hasTachycardia("sport-1") })
        #expect(
            eventually {
                ((try? recorder.events(of: "bed-1")) ?? []).contains { $0.alert.endedBecause == .switchedOff }
            })
        #expect(daemon.terminate() == 0)
    }
}
