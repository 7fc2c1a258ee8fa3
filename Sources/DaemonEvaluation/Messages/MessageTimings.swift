import DaemonHarness
import Dispatch
package import ECGWire
import Glibc
import Synchronization
package import ToolSupport
import ZeroMQ

/// What messages cost apart from what they say: samples and events through sockets, without a detector or a classifier.
package struct MessageTimings: Sendable {
    /// A stage's figures.
    package struct Figure: Sendable, Encodable {
        package var stage: String
        /// Messages a second, by the clock.
        package var messagesPerSecond: Double
        /// Processor time of a message, of sender, receiver and ZeroMQ's threads together, in microseconds.
        package var microseconds: Double

        private enum CodingKeys: String, CodingKey {
            case stage, microseconds
            case messagesPerSecond = "messages_per_second"
        }

        package init(stage: String, messagesPerSecond: Double, microseconds: Double) {
            self.stage = stage
            self.messagesPerSecond = messagesPerSecond
            self.microseconds = microseconds
        }
    }

    /// Messages of each measurement.
    package var count: Int
    /// A block of samples as a source sends it, and an event as the daemon publishes it.
    package var block: [UInt8], event: [UInt8]

    package init(count: Int, block: [UInt8], event: [UInt8]) {
        self.count = count
        self.block = block
        self.event = event
    }

    /// How a sender's messages travel.
    package enum Transport: String, Sendable, CaseIterable {
        case ipc = "ipc"
        case tcp = "TCP"
        case curve = "TCP with CURVE"
    }

    /// A thread's failure.
    private struct Failure: Error { var text: String }

    /// Blocks from a PUSH to a PULL socket.
    package func carry(by transport: Transport) throws(ToolError) -> Figure {
        let folder = try TemporaryDirectory()
        let context = try ZeroMQContext.orToolError()
        return try timed("block of samples, \(transport.rawValue)") { begin in
            let keys = transport == .curve ? (try CurveKeyPair.generate(), try CurveKeyPair.generate()) : nil
            let pull = try ZeroMQSocket(context, .pull)
            if let keys { try pull.serveCurve(keys.0, domain: "benchmark") }
            try pull.bind(transport == .ipc ? "ipc://\(folder.path)/s" : "tcp://127.0.0.1:*")
            let (endpoint, count, block) = (try pull.lastEndpoint(), count, block)
            let sender = Task(name: "sender") {
                let push = try ZeroMQSocket(context, .push)
                if let keys { try push.useCurve(CurveClientKeys(own: keys.1, server: keys.0.publicKey)) }
                try push.connect(endpoint)
                for _ in 0...count {
                    guard try push.send(block, timeout: .seconds(10)) else { throw Failure(text: "a send timed out") }
                }
            }
            var message = ZeroMQMessage()
            // The first one ends the handshakes.
            for number in 0...count {
                guard try pull.receive(into: &message, timeout: .seconds(10)) else {
                    throw Failure(text: "no message for 10 s")
                }
                if number == 0 { begin() }
            }
            try sender.wait()
        }
    }

    /// Events to subscribers of a ward each, of which every event has one.
    package func publish(toWards wards: Int) throws(ToolError) -> Figure {
        let folder = try TemporaryDirectory()
        let context = try ZeroMQContext.orToolError()
        let name = wards == 1 ? "event to a subscriber of everything" : "event to one of \(wards) wards' subscribers"
        return try timed(name) { begin in
            let publisher = try ZeroMQSocket(context, .xpub)
            // Nothing may be dropped, or the counts would not agree.
            try publisher.set(.xpubNoDrop(true))
            let endpoint = "ipc://\(folder.path)/e"
            try publisher.bind(endpoint)
            let count = count
            let subscribers = Task(name: "subscribers") {
                var sockets: [SubscriberSocket] = []
                var poller = ZeroMQPoller()
                for ward in 0..<wards {
                    let socket = try SubscriberSocket(context, endpoint, prefix: Self.topic(ward, of: wards))
                    poller.add(socket.socket)
                    sockets.append(socket)
                }
                var message = ZeroMQMessage()
                var received = 0
                while received < count {
                    guard try poller.wait(timeout: .seconds(10)) > 0 else { throw Failure(text: "no event for 10 s") }
                    for socket in sockets {
                        while try socket.socket.receive(into: &message, timeout: .zero) { received += 1 }
                    }
                }
            }
            var message = ZeroMQMessage()
            for _ in 0..<wards {
                guard try publisher.receive(into: &message, timeout: .seconds(10)) else {
                    throw Failure(text: "a subscriber did not come")
                }
            }
            begin()
            for number in 0..<count {
                let topic = Array((Self.topic(number % wards, of: wards) + "bed-\(number % 97)").utf8)
                guard try publisher.send(parts: [topic, event], timeout: .seconds(10)) else {
                    throw Failure(text: "an event was not taken")
                }
            }
            try subscribers.wait()
        }
    }

    private static func topic(_ ward: Int, of wards: Int) -> String {
        wards == 1 ? Topic.Kind.beat.prefix : Topic.Kind.beat.prefix + "ward-\(ward)-"
    }

    /// A socket that an array can hold.
    private final class SubscriberSocket {
        let socket: ZeroMQSocket

        init(_ context: ZeroMQContext, _ endpoint: String, prefix: String) throws {
            socket = try ZeroMQSocket(context, .sub)
            try socket.set(.subscribe(prefix))
            try socket.connect(endpoint)
        }
    }

    /// Work on a thread of its own.
    private final class Task: Sendable {
        private let group = DispatchGroup()
        private let error = Mutex<(any Error)?>(nil)

        init(name: String, _ body: @escaping @Sendable () throws -> Void) {
            DispatchQueue(label: name).async(group: group) {
                do { try body() } catch { self.error.withLock { $0 = error } }
            }
        }

        func wait() throws {
            group.wait()
            if let error = error.withLock({ $0 }) { throw error }
        }
    }

    /// - Parameter work: calls its argument when everything is connected: time counts from then on.
    package func timed(
        _ stage: String, _ work: (_ begin: () -> Void) throws -> Void
    ) throws(ToolError) -> Figure {
        var start = Clocks()
        do {
            try work { start = Clocks() }
        } catch let failure as Failure {
            throw ToolError("\(stage): \(failure.text)", nextStep: "Try again on a quieter machine")
        } catch {
            throw ToolError("\(stage): \(error)", nextStep: "Try again on a quieter machine")
        }
        let end = Clocks()
        return Figure(
            stage: stage, messagesPerSecond: Double(count) / (end.wall - start.wall),
            microseconds: 1e6 * (end.processor - start.processor) / Double(count))
    }

    /// In seconds.
    private struct Clocks {
        var wall = Clocks.read(CLOCK_MONOTONIC)
        var processor = Clocks.read(CLOCK_PROCESS_CPUTIME_ID)

        private static func read(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
        }
    }
}
