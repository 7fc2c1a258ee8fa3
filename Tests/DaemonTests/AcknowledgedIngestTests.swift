import ECGWire
import Foundation
import SwiftProtobuf
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// A source that speaks to the acknowledged endpoint by hand.
private final class HandSource {
    let socket: ZeroMQSocket

    init(_ daemon: DaemonProcess, _ context: ZeroMQContext) throws {
        let socket = try ZeroMQSocket(context, .dealer)
        try socket.set(.linger(.zero))
        try socket.connect(daemon.acknowledged)
        self.socket = socket
    }

    func send(_ block: WireSampleBlock) throws { _ = try socket.send(try block.serializedBytes() as [UInt8]) }

    func hello(_ stream: String, number: UInt64 = 0) throws {
        var block = WireSampleBlock()
        block.helloNumber = number
        block.schemaVersion = 1
        block.stream = stream
        block.session = Recording.session
        try send(block)
    }

    /// The next reply that fulfils a condition.
    func reply(_ condition: (WireIngestReply) -> Bool = { _ in true }) throws -> WireIngestReply {
        while true {
            let frames = try #require(try socket.receive(timeout: .seconds(30)), "a reply comes")
            let reply = try WireIngestReply(serializedBytes: try #require(frames.last))
            if condition(reply) { return reply }
        }
    }
}

@Suite(.serialized) struct AcknowledgedIngestTests {
    @Test func blockBeforeTheHelloIsRefusedSoNoneIsSkipped() throws {
        let daemon = try DaemonProcess(hasJournal: true)
        let context = try ZeroMQContext()
        let source = try HandSource(daemon, context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 21)
        try source.send(recording.block(stream: "a", 0..<90))
        #expect(try source.reply().cause == "hello_needed")
        try source.hello("a")
        let answer = try source.reply { $0.answersHello }
        #expect(answer.session == 0 && answer.expectedSampleIndex == 0 && answer.durable)
        #expect(answer.sendUpToSampleIndex == 30_000)
        // Another connection takes the stream over: the first one must ask again.
        let other = try HandSource(daemon, context)
        try other.hello("a")
        _ = try other.reply { $0.answersHello }
        try source.send(recording.block(stream: "a", 0..<90))
        #expect(try source.reply().cause == "hello_needed")
        try other.send(recording.block(stream: "a", 0..<90))
        try other.hello("a", number: 4711)
        let there = try other.reply { $0.answersHello && $0.helloNumber != 0 }
        #expect(there.helloNumber == 4711)
        #expect(there.expectedSampleIndex == 90 && there.session == Recording.session)
        #expect(daemon.metric("ecgmon_gaps_total") == 0)
        #expect(daemon.terminate() == 0)
    }

    @Test func sourceThatReadsNoRepliesLosesThemAndDelaysNobody() throws {
        let daemon = try DaemonProcess(hasJournal: true)
        let context = try ZeroMQContext()
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 22)
        var other = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        _ = try other.send(recording.block(stream: "a", 0..<90), timeout: .seconds(30))
        #expect(try other.waitUntilAcknowledged(timeout: .seconds(30)) == true)
        let deaf = try HandSource(daemon, context)
        // Until its own queue, the daemon's and the kernel's between are full of answers.
        var rounds = 0
        while rounds < 20, daemon.metric("ecgmon_ingest_replies_dropped_total") == 0 {
            for _ in 0..<5000 { try deaf.hello("deaf") }
            rounds += 1
        }
        #expect(daemon.wait(for: "ecgmon_stream_ingest_replies_dropped_total{stream=\"deaf\"}") { $0 > 0 })
        _ = try other.send(recording.block(stream: "a", 90..<180), timeout: .seconds(30))
        try other.service(timeout: .milliseconds(50))
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 180 })
        #expect(try other.waitUntilAcknowledged(timeout: .seconds(30)) == true)
        #expect(daemon.terminate() == 0)
    }

    @Test func samplesAreReleasedOnceTheyAreInTheJournal() throws {
        let daemon = try DaemonProcess(hasJournal: true)
        let context = try ZeroMQContext()
        let source = try HandSource(daemon, context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 22)
        try source.hello("a")
        _ = try source.reply { $0.answersHello }
        for block in recording.blocks(stream: "a", size: 90).prefix(60) { try source.send(block) }
        let reply = try source.reply { $0.neededFromSampleIndex >= 60 * 90 }
        #expect(reply.neededFromSampleIndex == 60 * 90 && reply.durable, "within some seconds after the last")
        #expect((daemon.metric("ecgmon_journal_snapshots_total") ?? 0) >= 1)
        #expect(daemon.terminate() == 0)
    }

    @Test func samplesOfAForgottenStreamAreReleasedBeforeItIs() throws {
        let daemon = try DaemonProcess(
            configuration: "[streams]\nsilent_after_seconds = 0.5\nforgotten_after_seconds = 1.0\n", hasJournal: true)
        let context = try ZeroMQContext()
        let source = try HandSource(daemon, context)
        let recording = Recording(samplingRate: 360, seconds: 4, seed: 22)
        try source.hello("a")
        _ = try source.reply { $0.answersHello }
        for block in recording.blocks(stream: "a", size: 90) { try source.send(block) }
        let reply = try source.reply { $0.neededFromSampleIndex >= 4 * 360 }
        #expect(reply.neededFromSampleIndex == 4 * 360 && reply.durable)
        #expect(daemon.wait(for: "ecgmon_streams_expired_total") { $0 == 1 })
        try source.hello("a", number: 2)
        #expect(try source.reply { $0.answersHello }.session == 0, "it begins anew")
        #expect(daemon.terminate() == 0)
    }

    /// Another source of the stream takes the reports over before they say that the samples are in the journal.
    @Test func aSourceWhoseReleaseWentElsewhereAsksForIt() throws {
        let daemon = try DaemonProcess(configuration: "[journal]\nsnapshot_seconds = 60\n", hasJournal: true)
        let context = try ZeroMQContext()
        var source = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 25)
        for block in recording.blocks(stream: "a", size: 360) {
            #expect(try source.send(block, timeout: .seconds(30)))
        }
        while source.samplesSent < 30 * 360 { try source.service(timeout: .milliseconds(20)) }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 30 * 360 })
        let other = try HandSource(daemon, context)
        try other.hello("a")
        _ = try other.reply { $0.answersHello }
        #expect(try source.waitUntilAcknowledged(timeout: .seconds(60)))
        #expect(daemon.terminate() == 0)
    }

    @Test func badBlockIsAnsweredAndDisturbsNoOtherStream() throws {
        let daemon = try DaemonProcess(hasJournal: true)
        let context = try ZeroMQContext()
        let source = try HandSource(daemon, context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 23)
        for stream in ["a", "b"] {
            try source.hello(stream)
            _ = try source.reply { $0.answersHello && $0.stream == stream }
        }
        _ = try source.socket.send([0xFF, 0x00, 0xFF])
        #expect(try source.reply().cause == "not_decodable")
        var block = recording.block(stream: "a", 0..<90)
        block.samplingRate = .nan
        try source.send(block)
        let invalid = try source.reply { !$0.cause.isEmpty }
        #expect(invalid.cause == "sampling_rate_out_of_range")
        #expect(invalid.stream == "a" && invalid.refusedSampleIndex == 0)
        try source.send(recording.block(stream: "a", 0..<90))
        try source.send(recording.block(stream: "b", 0..<90))
        // Far ahead: the worker refuses it, by the stream's past.
        block = recording.block(stream: "a", 0..<90)
        block.firstSampleIndex = 1 << 50
        try source.send(block)
        let refused = try source.reply { !$0.cause.isEmpty }
        #expect(refused.cause == "index_too_far_ahead" && refused.refusedSampleIndex == 1 << 50)
        for stream in ["a", "b"] {
            try source.send(recording.block(stream: stream, 90..<180))
            try source.hello(stream)
            #expect(try source.reply { $0.answersHello }.expectedSampleIndex == 180)
        }
        _ = try source.socket.send(parts: [[1], [2], [3], [4]])
        #expect(try source.reply { !$0.cause.isEmpty }.cause == "too_many_frames")
        #expect(daemon.terminate() == 0)
    }

    @Test func blocksBeyondTheWindowAreRefusedAndSentAgain() throws {
        let daemon = try DaemonProcess(
            configuration: "[ingest]\nacknowledged_window_samples = 1000\n", hasJournal: true)
        let context = try ZeroMQContext()
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 24)
        for block in recording.blocks(stream: "a", size: 90) {
            while try !client.send(block, timeout: .seconds(1)) {}
        }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(60)) == true)
        #expect(client.takeProblems() == [])
        #expect(daemon.metric("ecgmon_samples_total") == Double(recording.millivolts.count))
        #expect(daemon.rejects("beyond_credit") == 0, "this source keeps to it")
        let source = try HandSource(daemon, context)
        try source.hello("b")
        _ = try source.reply { $0.answersHello }
        for block in recording.blocks(stream: "b", size: 900) { try source.send(block) }
        #expect(try source.reply { !$0.cause.isEmpty }.cause == "beyond_credit")
        #expect(daemon.metric("ecgmon_gaps_total") == 0)
        #expect(daemon.terminate() == 0)
    }

    @Test func fullBufferIsReportedToTheSource() throws {
        let context = try ZeroMQContext()
        var client = try AcknowledgedAcquisitionClient(
            endpoint: "ipc:///tmp/ecgmon-nobody-\(UUID().uuidString.prefix(8))", context: context, bufferSamples: 1000)
        let recording = Recording(samplingRate: 360, seconds: 10, seed: 25)
        let blocks = recording.blocks(stream: "a", size: 300)
        for block in blocks.prefix(3) { #expect(try client.send(block) == true) }
        #expect(try client.send(blocks[3], timeout: .milliseconds(50)) == false)
        #expect(client.unacknowledgedSamples == 900)
    }

    @Test func terminationKeepsEveryStreamForTheNextDaemon() throws {
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 26)
        let blocks = recording.blocks(stream: "a", size: 90)
        let context = try ZeroMQContext()
        let first = try DaemonProcess(hasJournal: true)
        var client = try AcknowledgedAcquisitionClient(endpoint: first.acknowledged, context: context)
        for block in blocks.prefix(100) { _ = try client.send(block, timeout: .seconds(30)) }
        while client.samplesSent < 4500 { try client.service(timeout: .milliseconds(20)) }
        #expect(first.wait(for: "ecgmon_samples_total") { $0 > 0 })
        #expect(first.terminate() == 0)
        let second = try DaemonProcess(hasJournal: true, after: first)
        #expect(second.wait(for: "ecgmon_streams_restored_total") { $0 == 1 })
        for block in blocks.dropFirst(100) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(60)) == true)
        #expect(second.metric("ecgmon_gaps_total") == 0)
        let found = try Past(second, context).events("beat", "alert", "status", "suspicion").filter {
            $0.status.state != .ended
        }
        // The end of a stream is no part of it: it goes on.
        let expected = try recording.expectedEvents(stream: "a").filter { $0.decidedAtSampleIndex < 60 * 360 - 1200 }
        let early = found.filter { $0.decidedAtSampleIndex < 60 * 360 - 1200 }
        for kind in ["beat", "alert", "status", "suspicion"] {
            expectSame(
                early.filter { $0.id.contains("/\(kind)/") }, expected.filter { $0.id.contains("/\(kind)/") }, kind)
        }
        #expect(second.terminate() == 0)
    }

    @Test func withoutAJournalItSaysSo() throws {
        let directory = "/tmp/ecgmon-\(UUID().uuidString.prefix(8))"
        let daemon = try DaemonProcess(arguments: ["--ingest-acknowledged", "ipc://\(directory)"])
        let context = try ZeroMQContext()
        let socket = try ZeroMQSocket(context, .dealer)
        try socket.connect("ipc://\(directory)")
        var hello = WireSampleBlock()
        hello.schemaVersion = 1
        hello.stream = "a"
        _ = try socket.send(try hello.serializedBytes() as [UInt8])
        let frames = try #require(try socket.receive(timeout: .seconds(30)))
        #expect(try !WireIngestReply(serializedBytes: frames[frames.count - 1]).durable)
        #expect(eventually { daemon.log.contains("journal=none") })
        #expect(daemon.terminate() == 0)
        try? FileManager.default.removeItem(atPath: directory)
    }
}

/// What a daemon's journal holds, asked for over the wire.
struct Past {
    private let endpoint: String
    private let context: ZeroMQContext

    init(_ daemon: DaemonProcess, _ context: ZeroMQContext) {
        endpoint = daemon.history
        self.context = context
    }

    /// All events of these kinds, kind by kind.
    func events(_ kinds: String...) throws -> [WireEvent] {
        var client = try HistoryClient(endpoint: endpoint, context: context)
        var events: [WireEvent] = []
        for kind in kinds {
            var find = WireHistoryRequest.Find()
            find.kind = kind
            while true {
                let reply = try #require(try client.ask(.find(find), timeout: .seconds(30)))
                #expect(reply.error == "")
                events += reply.events
                guard reply.more else { break }
                find.afterPlace = reply.place
            }
        }
        return events
    }
}
