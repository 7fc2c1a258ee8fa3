import ECGWire
import Foundation
import SwiftProtobuf
import Testing
import ZeroMQ

@testable import MonitorDaemon

@Suite(.serialized) struct HistoryTests {
    private static let recording = Recording(samplingRate: 360, seconds: 120, seed: 31)

    /// A daemon that has seen the recording on some streams.
    private func daemon(
        streams: [String], _ context: ZeroMQContext, configuration: String = ""
    ) throws -> DaemonProcess {
        let daemon = try DaemonProcess(configuration: configuration, hasJournal: true)
        try Self.send(streams, to: daemon, context)
        return daemon
    }

    private static func send(_ streams: [String], to daemon: DaemonProcess, _ context: ZeroMQContext) throws {
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        for stream in streams {
            for block in recording.blocks(stream: stream, size: 360) {
                while try !client.send(block, timeout: .seconds(1)) {}
            }
        }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(60)) == true)
    }

    @Test func publishedEventsCanBeQueriedPageByPage() throws {
        let context = try ZeroMQContext()
        let daemon = try daemon(streams: ["a", "b"], context)
        var client = try HistoryClient(endpoint: daemon.history, context: context)
        let expected = try Self.recording.expectedEvents(stream: "a").filter { $0.id.contains("/beat/") }
        var after = WireHistoryRequest.After()
        after.limit = 20
        var found: [WireEvent] = []
        var more = true
        while more {
            var position = WireTopicPosition()
            position.topic = "beat.a"
            position.sequence = found.last?.sequence ?? 0
            after.positions = [position]
            let reply = try #require(try client.ask(.after(after), timeout: .seconds(30)))
            #expect(reply.events.count <= 20)
            found += reply.events
            more = reply.more
        }
        // The last beats wait for what follows upon them.
        #expect(found.count > expected.count - 4)
        expectSame(found, Array(expected.prefix(found.count)), "beats")

        var positions = WireHistoryRequest.Positions()
        positions.prefixes = ["beat.", "alert.b"]
        let reply = try #require(try client.ask(.positions(positions), timeout: .seconds(30)))
        #expect(reply.positions.map(\.topic).sorted() == ["alert.b", "beat.a", "beat.b"])
        #expect(reply.positions.first { $0.topic == "beat.a" }?.sequence == UInt64(found.count))
        positions.sincePlace = reply.place
        #expect(try client.ask(.positions(positions), timeout: .seconds(30))?.positions.isEmpty == true)

        var find = WireHistoryRequest.Find()
        find.kind = "beat"
        find.stream = "a"
        find.fromTimeNs = Recording.startTime + 20_000_000_000
        find.untilTimeNs = Recording.startTime + 40_000_000_000
        let stretch = try #require(try client.ask(.find(find), timeout: .seconds(30))).events
        #expect(stretch == found.filter { (20 * 360..<40 * 360).contains(Int($0.sampleIndex)) })
        find.newestFirst = true
        find.limit = 3
        let newest = try #require(try client.ask(.find(find), timeout: .seconds(30))).events
        #expect(newest == Array(stretch.reversed().prefix(3)))
        #expect(daemon.terminate() == 0)
    }

    @Test func invalidRequestsAreAnsweredAndHarmless() throws {
        let context = try ZeroMQContext()
        let daemon = try DaemonProcess(hasJournal: true)
        let socket = try ZeroMQSocket(context, .dealer)
        try socket.connect(daemon.history)
        func ask(_ parts: [[UInt8]]) throws -> WireHistoryReply {
            _ = try socket.send(parts: parts)
            let frames = try #require(try socket.receive(timeout: .seconds(30)))
            let body = frames[frames.count - 1]
            // The answer is in the encoding of the question, however bad that is.
            #expect((body.first == UInt8(ascii: "{")) == (parts.last?.first == UInt8(ascii: "{")))
            return body.first == UInt8(ascii: "{")
                ? try WireHistoryReply(jsonUTF8Bytes: body) : try WireHistoryReply(serializedBytes: body)
        }
        for hostile in [
            [[0xFF, 0xFF, 0xFF]], [Array("{}".utf8)], [Array("{\"schemaVersion\":1}".utf8)], [[]], [[1], [2], [3]],
            [Array("{\"schemaVersion\":1,\"find\":{\"kind\":\"waveform\"}}".utf8)],
            [Array("{\"schemaVersion\":1,\"find\":{\"kind\":\"alert\",\"stream\":\"' OR 1=1\"}}".utf8)],
            [Array("{\"schemaVersion\":1,\"find\":{\"kind\":\"alert\",\"limit\":100000}}".utf8)],
            [Array("{\"schemaVersion\":1,\"after\":{\"positions\":[{\"topic\":\"health\"}]}}".utf8)],
            [[UInt8](repeating: 0x20, count: 100_000)], [[UInt8](repeating: UInt8(ascii: "{"), count: 100_000)],
        ] as [[[UInt8]]] {
            #expect(try !ask(hostile).error.isEmpty)
        }
        let fine = try ask([
            Array(
                "{\"schemaVersion\":1,\"number\":\"7\",\"find\":{\"kind\":\"alert\",\"afterPlace\":\"18446744073709551615\"}}"
                    .utf8)
        ])
        #expect(fine.error.isEmpty && fine.number == 7 && fine.events.isEmpty)
        #expect(daemon.metric("ecgmon_history_refused_total") == 11)
        #expect(daemon.terminate() == 0)
    }

    /// The daemon keeps twenty messages for a subscriber, and sends thousands while this one does not read.
    @Test func slowOrLateSubscriberMissesNothing() throws {
        let context = try ZeroMQContext()
        let daemon = try DaemonProcess(
            configuration: "[events]\nsubscriber_queue_messages = 20\n", hasJournal: true)
        // One that never reads must not matter to anybody.
        let dead = try ZeroMQSocket(context, .sub)
        try dead.set(.receiveHighWaterMark(1))
        try dead.set(.subscribe(""))
        try dead.connect(daemon.events)
        var slow = try HistorySubscriberClient(
            endpoint: daemon.events, history: daemon.history, filters: [.all(.beat), .all(.alert)], start: .beginning,
            context: context)
        #expect(try slow.receive(timeout: .milliseconds(200)) == nil)
        let streams = (0..<8).map { "bed-\($0)" }
        try Self.send(streams, to: daemon, context)
        var late = try HistorySubscriberClient(
            endpoint: daemon.events, history: daemon.history, filters: [.all(.beat), .all(.alert)], start: .beginning,
            context: context)
        let expected = try Past(daemon, context).events("beat", "alert")
        #expect(expected.count > 500)
        for number in 0..<2 {
            var found: [WireEvent] = []
            while found.count < expected.count {
                let next =
                    number == 0 ? try slow.receive(timeout: .seconds(15)) : try late.receive(timeout: .seconds(15))
                guard let publication = next else { break }
                #expect(publication.missedBefore == 0)
                if let event = publication.event { found.append(event) }
            }
            for stream in streams {
                for kind in ["beat", "alert"] {
                    let topic = "\(stream)/\(Recording.session)/\(kind)/"
                    expectSame(
                        found.filter { $0.id.hasPrefix(topic) }, expected.filter { $0.id.hasPrefix(topic) }, topic)
                }
            }
        }
        #expect(slow.fromHistory > 0)
        #expect(try slow.receive(timeout: .milliseconds(200)) == nil, "nothing comes twice")
        #expect(daemon.terminate() == 0)
    }

    @Test func whatIsPublishedBeforeTheFirstReceiveIsDelivered() throws {
        let context = try ZeroMQContext()
        let daemon = try daemon(streams: ["a"], context)
        let before = try Past(daemon, context).events("beat").count
        var client = try HistorySubscriberClient(
            endpoint: daemon.events, history: daemon.history, filters: [.all(.beat)], context: context)
        // Another stream, and no receive meanwhile: the subscription may not even have reached the publisher.
        try Self.send(["b"], to: daemon, context)
        let expected = try Past(daemon, context).events("beat").filter { $0.stream == "b" }
        #expect(before > 0 && !expected.isEmpty)
        var found: [WireEvent] = []
        while found.count < expected.count, let publication = try client.receive(timeout: .seconds(15)) {
            #expect(publication.missedBefore == 0)
            if let event = publication.event { found.append(event) }
        }
        expectSame(found, expected, "b")
        #expect(daemon.terminate() == 0)
    }

    @Test func newSubscriberGetsTheActiveAlerts() throws {
        let context = try ZeroMQContext()
        let daemon = try daemon(streams: ["a"], context, configuration: "[monitor.alarms]\nlatching = [\"high\"]\n")
        var client = try HistorySubscriberClient(
            endpoint: daemon.events, history: daemon.history, filters: [.everything], context: context)
        var kinds: Set<WireAlertKind> = []
        while let publication = try client.receive(timeout: .milliseconds(500)), let event = publication.event {
            #expect(event.alert.phase != .ended)
            kinds.insert(event.alert.kind)
        }
        let standing = try Past(daemon, context).events("alert").filter { $0.alert.phase != .ended }.map(\.alert.kind)
        #expect(!kinds.isEmpty)
        #expect(kinds.isSubset(of: standing))
        #expect(daemon.terminate() == 0)
    }

    @Test func numbersStayWithTheirEventsIfASourceResumesElsewhere() throws {
        let context = try ZeroMQContext()
        let first = try DaemonProcess(configuration: "[journal]\nsnapshot_seconds = 3600\n", hasJournal: true)
        let push = try AcquisitionClient(endpoint: first.ingest, context: context)
        for block in Self.recording.blocks(stream: "a", size: 360).prefix(60) {
            _ = try push.send(block, timeout: .seconds(30))
        }
        #expect(first.wait(for: "ecgmon_journal_events_total") { $0 > 60 })
        let before = try Past(first, context).events("beat", "status", "alert")
        first.signal(SIGKILL)
        _ = first.exitCode()
        let second = try DaemonProcess(hasJournal: true, after: first)
        #expect(second.wait(for: "ecgmon_streams_restored_total") { $0 == 1 })
        // Fire and forget: what the first daemon had is not sent again.
        let other = try AcquisitionClient(endpoint: second.ingest, context: context)
        for block in Self.recording.blocks(stream: "a", size: 360).dropFirst(70) {
            _ = try other.send(block, timeout: .seconds(30))
        }
        #expect(second.wait(for: "ecgmon_samples_total") { $0 >= 49 * 360 })
        #expect(second.terminate() == 0)
        let third = try DaemonProcess(hasJournal: true, after: second)
        let after = try Past(third, context).events("beat", "status", "alert")
        var seen: Set<String> = []
        for event in after { seen.insert("\(event.id.split(separator: "/")[2]) \(event.sequence)") }
        #expect(seen.count == after.count, "no number stands for two")
        for event in before {
            let isThere = after.contains(event)
            #expect(isThere, "what was published stays as it was: \(event.id)")
        }
        #expect(after.contains { $0.status.hasGap })
        #expect(third.terminate() == 0)
    }
}
