import ECGWire
import Foundation
import Glibc
import SwiftProtobuf
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Samples into a real daemon over real sockets, events out of it.
@Suite(.serialized) struct EndToEndTests {
    @Test func eventsDoNotDependOnBlockSizeSpeedOrOtherStreams() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let recordings = [
            Recording(samplingRate: 360, seconds: 40, seed: 1), Recording(samplingRate: 250, seconds: 40, seed: 2),
        ]
        var streams: [(name: String, recording: Recording, blocks: [WireSampleBlock])] = []
        for (index, recording) in recordings.enumerated() {
            for size in [1, 7, 90, 360, 1000, 5000] {
                let name = "bed-\(index)-\(size)"
                streams.append((name, recording, recording.blocks(stream: name, size: size)))
            }
        }
        for other in 0..<20 {
            let name = "other-\(other)"
            streams.append((name, recordings[other % 2], recordings[other % 2].blocks(stream: name, size: 30 + other)))
        }
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        // Streams mixed, each at a pace of its own: the fine-grained ones in bursts.
        var positions = [Int](repeating: 0, count: streams.count)
        var round = 0
        while zip(positions, streams).contains(where: { $0 < $1.blocks.count }) {
            for index in streams.indices {
                let burst = max(1, streams[index].blocks.count / 40) * (1 + (round + index) % 3)
                let end = min(positions[index] + burst, streams[index].blocks.count)
                for block in streams[index].blocks[positions[index]..<end] {
                    let sent = try client.send(block, timeout: .seconds(30))
                    #expect(sent)
                }
                positions[index] = end
            }
            round += 1
        }
        let sampleCount = streams.reduce(0) { $0 + $1.recording.millivolts.count }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(sampleCount) })
        #expect(daemon.terminate() == 0)
        let expectedCount = try streams.reduce(0) {
            try $0 + $1.recording.expectedEvents(stream: $1.name).count
        }
        #expect(eventually { recorder.count >= expectedCount })
        for stream in streams {
            let expected = try stream.recording.expectedEvents(stream: stream.name)
            expectSame(try recorder.events(of: stream.name), expected, stream.name)
            #expect(expected.contains { $0.alert.kind == .asystole })
        }
    }

    @Test func sequenceNumbersHaveNoHolesAndIdsDiffer() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let recording = Recording(samplingRate: 500, seconds: 60, seed: 3)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in recording.blocks(stream: "bed", size: 125) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        #expect(daemon.terminate() == 0)
        let expected = try recording.expectedEvents(stream: "bed").count
        #expect(eventually { recorder.count >= expected })
        let all = try recorder.events(of: "bed", except: [])
        #expect(Set(all.map(\.id)).count == all.count)
        for kind in ["beat", "alert", "status", "waveform"] {
            let sequences = all.filter { $0.id.split(separator: "/")[2] == kind }.map(\.sequence)
            let isWhole = sequences == Array(1...UInt64(max(1, sequences.count)))
            #expect(isWhole, "\(kind): \(sequences.count) events")
        }
        let isWhole = all.flatMap { $0.waveform.millivolts } == recording.millivolts
        #expect(isWhole, "the waveform is the samples")
    }

    @Test func binaryBodiesHoldTheSameAsJSON() throws {
        let daemon = try DaemonProcess(arguments: ["--encoding", "binary"])
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, prefixes: ["beat.", "alert.", "status.", "suspicion."], context: context)
        let recording = Recording(samplingRate: 360, seconds: 20, seed: 4)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in recording.blocks(stream: "bed", size: 360) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        #expect(daemon.terminate() == 0)
        let expected = try recording.expectedEvents(stream: "bed")
        #expect(eventually { recorder.count >= expected.count })
        expectSame(try recorder.events(of: "bed"), expected, "binary")
        #expect(recorder.bodies(topic: "beat.bed").allSatisfy { $0.first != UInt8(ascii: "{") })
    }

    @Test func healthIsPublishedAndSilenceRaisesSignalLostAlert() throws {
        let daemon = try DaemonProcess(
            configuration: """
                [events]
                health_period_seconds = 0.2
                [streams]
                silent_after_seconds = 0.5
                forgotten_after_seconds = 2.0
                """)
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let recording = Recording(samplingRate: 360, seconds: 20, seed: 5)
        _ = try client.send(recording.block(stream: "bed", 0..<3600), timeout: .seconds(30))
        let lost = eventually {
            (try? recorder.events(of: "bed").contains { $0.alert.kind == .signalLost && $0.alert.phase == .started })
                ?? false
        }
        #expect(lost, "signal lost by the daemon's clock")
        _ = try client.send(recording.block(stream: "bed", 3600..<7200), timeout: .seconds(30))
        let over = eventually {
            (try? recorder.events(of: "bed").contains { $0.alert.kind == .signalLost && $0.alert.phase == .ended })
                ?? false
        }
        #expect(over, "it ends with new samples")
        #expect(daemon.wait(for: "ecgmon_streams_expired_total") { $0 == 1 }, "forgotten in the end")
        #expect(daemon.metric("ecgmon_streams") == 0)
        #expect(eventually { recorder.bodies(topic: "health").count >= 3 })
        let health = try recorder.bodies(topic: "health").map { try WireHealth(jsonUTF8Bytes: $0) }
        #expect(health.map(\.sequence) == Array(health[0].sequence..<health[0].sequence + UInt64(health.count)))
        #expect(health.allSatisfy { $0.state == .ok && $0.modelSha256.count == 64 })
    }
}
