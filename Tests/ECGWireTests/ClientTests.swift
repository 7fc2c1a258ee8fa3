import ECGWire
import Foundation
import SwiftProtobuf
import Testing
import ZeroMQ

/// Runs something that blocks on a thread of its own, so that it does not hold up the other tests.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// Long enough for anything that is going to happen, on the slowest machine.
let patience = Duration.seconds(30)

/// The files of ipc endpoints outlive their sockets: they go when the tests end.
private let folderOfSockets: URL = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ecgwire-\(getpid())")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(at: folderOfSockets) }
    return folder
}()

func freshEndpoint(_ transport: String) -> String {
    switch transport {
    case "tcp": "tcp://127.0.0.1:*"
    default: "ipc://" + folderOfSockets.appendingPathComponent(UUID().uuidString).path
    }
}

extension ZeroMQSocket {
    func publish(_ topic: String, _ body: [UInt8]) throws {
        try send(parts: [Array(topic.utf8), body])
    }

    func publish(_ topic: Topic, _ event: WireEvent, _ encoding: BodyEncoding = .json) throws {
        try publish(topic.name, PublishedBody.event(event).encoded(as: encoding))
    }

    /// Closing a socket goes on in the background: its endpoint becomes free a little later.
    func bindAsSoonAsFree(_ endpoint: String) throws {
        while true {
            do {
                return try bind(endpoint)
            } catch  where error.code == .addressInUse {
                Thread.sleep(forTimeInterval: 0.01)
            }
        }
    }

    /// Waits until somebody subscribed.
    func waitForSubscriber() throws {
        try #require(try receive(timeout: patience) != nil)
    }
}

private func event(_ sequence: UInt64, _ text: String = "x") -> WireEvent {
    var event = WireEvent()
    event.schemaVersion = 1
    event.sequence = sequence
    event.alert.text = text
    return event
}

@Suite struct AcquisitionClientTests {
    @Test(arguments: ["tcp", "ipc"])
    func blocksArriveAtAPullSocketInOrder(transport: String) async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            try pull.set(.maximumMessageSize(SampleBlockLimits.maximumMessageSize))
            try pull.bind(freshEndpoint(transport))
            let client = try AcquisitionClient(endpoint: try pull.lastEndpoint(), context: context)
            var blocks = SampleBlockSequence(stream: "bed-1", session: 1, samplingRate: 360, lead: "II")
            var message = ZeroMQMessage()
            for size in [1, 36, 5000, 120_000] {
                let sent = blocks.block(millivolts: (0..<size).map { Float($0) / 1000 })
                #expect(try client.send(sent, timeout: patience))
                #expect(try pull.receive(into: &message, timeout: patience))
                #expect(message.frameCount == 1)
                let received = try message.withFrame(0) { try WireSampleBlock(frame: $0) }
                try received.validate()
                #expect(received == sent)
            }
        }
    }

    @Test func whatTheDaemonWouldRejectIsNotSent() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            try pull.bind(freshEndpoint("ipc"))
            let client = try AcquisitionClient(endpoint: try pull.lastEndpoint(), context: context)
            var blocks = SampleBlockSequence(stream: "bed 1", session: 1, samplingRate: 360)
            let block = blocks.block(millivolts: [1])
            #expect(throws: WireError.rejected(.badStreamName)) { try client.send(block, timeout: patience) }
            #expect(try client.send(body: [1, 2, 3], timeout: patience))
            #expect(try pull.receive(timeout: patience) == [[1, 2, 3]])
        }
    }

    @Test func sendingWithoutADaemonSaysSo() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let client = try AcquisitionClient(endpoint: freshEndpoint("ipc"), context: context, linger: .zero)
            var blocks = SampleBlockSequence(stream: "bed-1", session: 1, samplingRate: 360)
            #expect(try !client.send(blocks.block(millivolts: [1]), timeout: .milliseconds(20)))
        }
    }

    @Test func invalidEndpointIsNamed() throws {
        let context = try ZeroMQContext()
        let error = #expect(throws: WireError.self) {
            _ = try AcquisitionClient(endpoint: "tcp://nowhere", context: context)
        }
        #expect(error?.description.hasPrefix("connect tcp://nowhere: ") == true)
    }
}

@Suite struct SubscriberClientTests {
    /// With libzmq's heartbeats the process ended by an assertion of libzmq at the next beat, 5 s later.
    @Test func aSubscriberThatDoesNotReadOutlivesItsPublisher() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let endpoint = freshEndpoint("ipc")
            let client: SubscriberClient
            do {
                let publisher = try ZeroMQSocket(context, .xpub)
                try publisher.set(.linger(.zero))
                try publisher.bind(endpoint)
                client = try SubscriberClient(endpoint: endpoint, context: context, queueLength: 10)
                try publisher.waitForSubscriber()
                for sequence in 1...20_000 as ClosedRange<UInt64> {
                    try publisher.publish(.alert(stream: "bed-1"), event(sequence))
                }
                Thread.sleep(forTimeInterval: 0.3)
            }
            Thread.sleep(forTimeInterval: 6)
            var reader = client
            #expect(try reader.receive(timeout: patience)?.event?.sequence == 1)
        }
    }

    @Test(arguments: ["tcp", "ipc"], BodyEncoding.allCases)
    func eventsAndHealthArriveInEitherEncoding(transport: String, encoding: BodyEncoding) async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            try xpub.bind(freshEndpoint(transport))
            var client = try SubscriberClient(endpoint: try xpub.lastEndpoint(), context: context)
            try xpub.waitForSubscriber()
            var health = WireHealth()
            health.sequence = 1
            health.streams = 3
            try xpub.publish(.alert(stream: "bed-1"), event(1, "asystole"), encoding)
            try xpub.publish(Topic.health.name, PublishedBody.health(health).encoded(as: encoding))
            let first = try client.receive(timeout: patience)
            #expect(first?.topic == .alert(stream: "bed-1"))
            #expect(first?.event?.alert.text == "asystole")
            let second = try client.receive(timeout: patience)
            #expect(second?.topic == .health)
            #expect(second?.health == health)
            #expect(try client.receive(timeout: .zero) == nil)
        }
    }

    @Test func onlyRequestedTopicsArriveAndOnlyOnce() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            try xpub.bind(freshEndpoint("ipc"))
            var client = try SubscriberClient(
                endpoint: try xpub.lastEndpoint(),
                filters: [.only(.alert(stream: "bed-1")), .all(.suspicion), .only(.suspicion(stream: "bed-2"))],
                context: context)
            for _ in 0..<3 { try xpub.waitForSubscriber() }
            try xpub.publish(.alert(stream: "bed-10"), event(1, "not mine"))
            try xpub.publish(.beat(stream: "bed-1"), event(1, "not asked for"))
            try xpub.publish(.alert(stream: "bed-1"), event(1, "mine"))
            try xpub.publish(.suspicion(stream: "bed-2"), event(1, "any"))
            #expect(try client.receive(timeout: patience)?.event?.alert.text == "mine")
            #expect(try client.receive(timeout: patience)?.event?.alert.text == "any")
            #expect(try client.receive(timeout: .milliseconds(50)) == nil)
        }
    }

    @Test func lossesAreCountedPerTopicAndARestartIsNoLoss() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            try xpub.bind(freshEndpoint("ipc"))
            var client = try SubscriberClient(endpoint: try xpub.lastEndpoint(), context: context)
            try xpub.waitForSubscriber()
            for (stream, sequence) in [("a", 5), ("b", 1), ("a", 6), ("a", 9), ("b", 2), ("a", 1), ("a", 2)]
                as [(String, UInt64)]
            {
                try xpub.publish(.beat(stream: stream), event(sequence))
            }
            var missed: [UInt64] = []
            for _ in 0..<7 { missed.append(try client.receive(timeout: patience)?.missedBefore ?? 99) }
            #expect(missed == [0, 0, 0, 2, 0, 0, 0])
        }
    }

    @Test func unreadableMessageIsAnErrorAndTheNextArrives() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            try xpub.bind(freshEndpoint("ipc"))
            var client = try SubscriberClient(endpoint: try xpub.lastEndpoint(), context: context)
            try xpub.waitForSubscriber()
            try xpub.publish("alert.a", Array("{broken".utf8))
            try xpub.publish("no\u{1B}topic", Array("{}".utf8))
            try xpub.send("alert.a")
            try xpub.send(parts: [Array("alert.a".utf8), [], []])
            try xpub.publish(.alert(stream: "a"), event(1, "well"))
            for topic in ["alert.a", "no?topic", "alert.a", "alert.a"] {
                #expect(throws: WireError.unreadable(topic: topic)) { _ = try client.receive(timeout: patience) }
            }
            #expect(try client.receive(timeout: patience)?.event?.alert.text == "well")
        }
    }

    @Test func restartedDaemonIsFoundAgain() async throws {
        let context = try ZeroMQContext()
        let endpoint = try await onThread {
            let somebodyElse = try ZeroMQSocket(context, .pull)
            try somebodyElse.bind(freshEndpoint("tcp"))
            return try somebodyElse.lastEndpoint()
        }
        // A subscriber subscribes again while it waits, so it waits on a thread of its own. It may start before the
        // daemon.
        async let received = onThread {
            var client = try SubscriberClient(endpoint: endpoint, context: context)
            return try (1...2).map { _ in try client.receive(timeout: patience)?.event?.alert.text }
        }
        try await onThread {
            for round in 1...2 as ClosedRange<UInt64> {
                let xpub = try ZeroMQSocket(context, .xpub)
                try xpub.bindAsSoonAsFree(endpoint)
                try xpub.waitForSubscriber()
                try xpub.publish(.alert(stream: "a"), event(round, "\(round)"))
            }
        }
        #expect(try await received == ["1", "2"])
    }

    @Test func aSubscriberCanBeWaitedForAmongOthers() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            try xpub.bind(freshEndpoint("ipc"))
            var client = try SubscriberClient(endpoint: try xpub.lastEndpoint(), context: context)
            try xpub.waitForSubscriber()
            var poller = ZeroMQPoller()
            let place = client.add(to: &poller)
            try xpub.publish(.alert(stream: "a"), event(1))
            #expect(try poller.wait(timeout: patience) == 1)
            #expect(poller[place] == .readable)
            #expect(try client.receive(timeout: .zero) != nil)
        }
    }
}
