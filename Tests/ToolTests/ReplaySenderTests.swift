import ECGWire
import Foundation
import Synchronization
import Testing
import ZeroMQ

@testable import ECGReplay
@testable import ToolSupport
@testable import ecgmon

struct ReplaySenderTests {
    private final class Progress: Sendable {
        let sent = Atomic<Int>(0)
        let left = Atomic<Bool>(false)
        var hasLeft: Bool { left.load(ordering: .relaxed) }
    }

    private static func block(_ number: Int) -> WireSampleBlock {
        var block = WireSampleBlock()
        block.schemaVersion = SampleBlockLimits.schemaVersion
        block.stream = "bed"
        block.session = 1
        block.firstSampleIndex = Int64(number * 90)
        block.samplingRate = 360
        block.gain = 200
        block.counts = [Int32](repeating: 17, count: 90)
        return block
    }

    /// A receiver whose queue is full when the sender closes reads only what has reached its queue: libzmq sees the
    /// hang-up first.
    @Test func finishedSenderWaitsUntilASlowReceiverHasReadAll() throws {
        let path = "/tmp/ecgmon-sender-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let socket = try ZeroMQSocket(ZeroMQContext(), .pull)
        try socket.set(.receiveHighWaterMark(5))
        try socket.bind("ipc://\(path)")
        let progress = Progress()
        let count = 100
        let thread = Thread {
            do {
                var sender = try ReplaySender(
                    endpoint: "ipc://\(path)", context: ZeroMQContext(), connectTimeout: .seconds(10))
                for number in 0..<count where try sender.send(Self.block(number)) {
                    progress.sent.add(1, ordering: .relaxed)
                }
                sender.waitUntilRead()
            } catch {
                Issue.record("\(error)")
            }
            progress.left.store(true, ordering: .relaxed)
        }
        thread.start()
        while progress.sent.load(ordering: .relaxed) < count { usleep(10_000) }
        usleep(500_000)
        #expect(!progress.hasLeft)
        var received = 0
        while try socket.receive(timeout: .seconds(2)) != nil { received += 1 }
        #expect(received == count)
        #expect(progress.hasLeft)
    }

    @Test func absentPeerIsReportedAfterTheTimeout() throws {
        var sender = try ReplaySender(
            endpoint: "ipc:///tmp/ecgmon-nobody-\(UUID().uuidString.prefix(8))", context: ZeroMQContext(),
            connectTimeout: .milliseconds(200))
        var failure: ToolError?
        do throws(ToolError) { _ = try sender.send(Self.block(0)) } catch { failure = error }
        #expect(failure?.problem.hasPrefix("nobody is receiving samples") == true)
    }

    @Test func receiverThatStopsReadingIsReported() throws {
        let path = "/tmp/ecgmon-stuck-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let socket = try ZeroMQSocket(ZeroMQContext(), .pull)
        try socket.set(.receiveHighWaterMark(5))
        try socket.bind("ipc://\(path)")
        var sender = try ReplaySender(
            endpoint: "ipc://\(path)", context: ZeroMQContext(), connectTimeout: .seconds(10),
            patience: .milliseconds(300))
        var failure: ToolError?
        do throws(ToolError) {
            for number in 0..<100_000 { _ = try sender.send(Self.block(number)) }
        } catch { failure = error }
        #expect(failure?.problem.contains("has taken no samples") == true)
        // What is queued goes out, so that closing has nothing to wait for.
        while try socket.receive(timeout: .milliseconds(100)) != nil {}
    }
}
