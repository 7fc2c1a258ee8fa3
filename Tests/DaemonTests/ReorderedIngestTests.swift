import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Blocks that come out of order, through the daemon's sockets. `monitor.reorder_seconds` is 0.5 s: 180 samples here.
@Suite(.serialized) struct ReorderedIngestTests {
    private static let size = 45
    private static let kinds = ["beat", "alert", "status", "suspicion"]

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    /// The first block first, and then every four in another order: all of them end within the window of the sample
    /// that is expected.
    private func shuffled(_ blocks: [WireSampleBlock], seed: UInt64) -> [WireSampleBlock] {
        var random = Generator(state: seed)
        let rest = blocks.dropFirst()
        return blocks.prefix(1)
            + stride(from: rest.startIndex, to: rest.endIndex, by: 4).flatMap {
                rest[$0..<min($0 + 4, rest.endIndex)].shuffled(using: &random)
            }
    }

    @Test func blocksReorderedWithinTheWindowGiveTheSameEvents() throws {
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 61)
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in shuffled(recording.blocks(stream: "bed", size: Self.size), seed: 1) {
            _ = try client.send(block, timeout: .seconds(30))
        }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        #expect((daemon.metric("ecgmon_samples_reordered_total") ?? 0) > 5000)
        #expect(daemon.metric("ecgmon_gaps_total") == 0)
        #expect(daemon.terminate() == 0)
        let expected = try recording.expectedEvents(stream: "bed")
        #expect(eventually { (try? recorder.events(of: "bed").count) ?? 0 >= expected.count })
        expectSame(try recorder.events(of: "bed"), expected, "out of order")
    }

    /// Blocks 21 and 22, and 61, never come; around them all others come out of order.
    @Test func holeAmongReorderedBlocksIsReportedExactly() throws {
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 62)
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let missing = Set([21, 22, 61].map { Int64($0 * Self.size) })
        let blocks = recording.blocks(stream: "bed", size: Self.size)
        let left = blocks.filter { !missing.contains($0.firstSampleIndex) }
        for block in shuffled(blocks, seed: 2) where !missing.contains(block.firstSampleIndex) {
            _ = try client.send(block, timeout: .seconds(30))
        }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count - 3 * Self.size) })
        #expect(daemon.metric("ecgmon_gaps_total") == 2)
        #expect(daemon.metric("ecgmon_samples_missing_total") == Double(3 * Self.size))
        #expect(eventually { daemon.log.contains("\(2 * Self.size) missing from \(21 * Self.size) on") })
        #expect(daemon.terminate() == 0)
        let expected = try Recording.expectedEvents(of: left)
        #expect(eventually { (try? recorder.events(of: "bed").count) ?? 0 >= expected.count })
        let found = try recorder.events(of: "bed")
        expectSame(found, expected, "with holes")
        let gaps = found.filter { $0.status.hasGap }.map(\.status.gap)
        #expect(gaps.map(\.firstMissingSampleIndex) == [21, 61].map { Int64($0 * Self.size) })
        #expect(gaps.map(\.missingSampleCount) == [2, 1].map { $0 * Int64(Self.size) })
    }

    @Test func acknowledgedSourceMaySendOutOfOrderEvenAcrossAKill() throws {
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 63)
        let context = try ZeroMQContext()
        let first = try DaemonProcess(hasJournal: true)
        var client = try AcknowledgedAcquisitionClient(endpoint: first.acknowledged, context: context)
        let blocks = shuffled(recording.blocks(stream: "bed", size: Self.size), seed: 3)
        // In the midst of four.
        for block in blocks.prefix(203) { _ = try client.send(block, timeout: .seconds(30)) }
        while client.samplesSent < 203 * Self.size { try client.service(timeout: .milliseconds(20)) }
        #expect(first.wait(for: "ecgmon_journal_snapshots_total") { $0 > 0 })
        first.signal(SIGKILL)
        _ = first.exitCode()
        let second = try DaemonProcess(hasJournal: true, after: first)
        for block in blocks.dropFirst(203) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(60)))
        #expect(client.takeProblems() == [])
        #expect(second.metric("ecgmon_gaps_total") == 0)
        #expect((second.metric("ecgmon_samples_reordered_total") ?? 0) > 1000)
        let end = Int64(recording.millivolts.count - 1200)
        let expected = try recording.expectedEvents(stream: "bed").filter { $0.decidedAtSampleIndex < end }
        for kind in Self.kinds {
            let written = try Past(second, context).events(kind).filter { $0.decidedAtSampleIndex < end }
            expectSame(written, expected.filter { $0.id.contains("/\(kind)/") }, kind)
        }
        #expect(second.terminate() == 0)
    }
}
