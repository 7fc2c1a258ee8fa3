import ECGMonitor
import ECGWire
import Foundation
import Glibc
import SwiftProtobuf
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Whatever comes in: it is counted by cause, the process lives, and every other stream goes on as if nothing were.
@Suite(.serialized) struct HostileInputTests {
    @Test func badMessagesAreCountedByCauseAndOtherStreamsContinue() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 6)
        let good = recording.blocks(stream: "good", size: 360)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let hostile = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in good[..<10] { _ = try client.send(block, timeout: .seconds(30)) }

        var generator = SystemRandomNumberGenerator()
        var bodies: [(cause: String, body: [UInt8])] = []
        // A first byte that is no field of any schema, so that it cannot parse by accident.
        bodies.append(("not_decodable", [0xff] + (0..<400).map { _ in UInt8.random(in: 0...255, using: &generator) }))
        bodies.append(("not_decodable", Array(try good[0].serializedBytes() as [UInt8]).dropLast(5)))
        bodies.append(("frame_too_large", [UInt8](repeating: 7, count: 10_000_000)))
        func altered(_ change: (inout WireSampleBlock) -> Void) throws -> [UInt8] {
            var block = recording.block(stream: "bad", 0..<360)
            change(&block)
            return try block.serializedBytes()
        }
        bodies.append(("sampling_rate_out_of_range", try altered { $0.samplingRate = 0 }))
        bodies.append(("sampling_rate_out_of_range", try altered { $0.samplingRate = .nan }))
        bodies.append(("sampling_rate_out_of_range", try altered { $0.samplingRate = .infinity }))
        bodies.append(("unknown_schema_version", try altered { $0.schemaVersion = 99 }))
        bodies.append(("bad_stream_name", try altered { $0.stream = "bed\n1" }))
        bodies.append(("bad_stream_name", try altered { $0.stream = "" }))
        bodies.append(("no_samples", try altered { $0.millivolts = [] }))
        bodies.append(("both_counts_and_millivolts", try altered { $0.counts = [1, 2] }))
        bodies.append(
            (
                "unusable_gain",
                try altered {
                    $0.millivolts = []
                    $0.counts = [1]
                    $0.gain = 0
                }
            ))
        bodies.append(("too_many_samples", try altered { $0.millivolts = .init(repeating: 0, count: 120_001) }))
        bodies.append(("sample_index_out_of_range", try altered { $0.firstSampleIndex = -5 }))
        bodies.append(("sample_index_out_of_range", try altered { $0.firstSampleIndex = .max }))
        bodies.append(("acquisition_time_out_of_range", try altered { $0.acquisitionTimeNs = .min }))
        bodies.append(("bad_lead_name", try altered { $0.lead = String(repeating: "I", count: 33) }))
        bodies.append(
            (
                "index_too_far_ahead",
                try altered {
                    $0.stream = "good"
                    $0.firstSampleIndex = 1 << 50
                }
            ))
        bodies.append(
            (
                "stale_session",
                try altered {
                    $0.stream = "good"
                    $0.session = 1
                }
            ))
        for (_, body) in bodies { _ = try hostile.send(body: Array(body), timeout: .seconds(30)) }

        // A message of many frames, and a frame beyond what libzmq lets in at all: that connection is cut.
        let socket = try ZeroMQSocket(context, .push)
        try socket.connect(daemon.ingest)
        try socket.send(parts: Array(repeating: [1], count: 100), timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"too_many_frames\"}") { $0 == 1 })
        try socket.send([UInt8](repeating: 0, count: 20 << 20), timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_source_disconnects_total") { $0 >= 1 })

        for block in good[10...] { _ = try client.send(block, timeout: .seconds(30)) }
        let wanted = Double(10 + bodies.count + 1 + good.count - 10)
        #expect(daemon.wait(for: "ecgmon_messages_received_total") { $0 >= wanted })
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        for cause in Set(bodies.map(\.cause)) {
            let count = bodies.filter { $0.cause == cause }.count
            #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"\(cause)\"}") { $0 == Double(count) }, "\(cause)")
        }
        #expect(daemon.metric("ecgmon_streams") == 1)
        let page = MetricsText(try daemon.page("/metrics").body)
        page.expectThatStreamsSumUp()
        #expect(page.value("ecgmon_stream_rejects_total", ["cause": "stale_session", "stream": "good"]) == 1)
        #expect(page.value("ecgmon_stream_rejects_total", ["cause": "no_samples", "stream": "bad"]) == 1)
        #expect(page.value("ecgmon_stream_rejects_total", ["cause": "bad_stream_name", "stream": ""]) == 2)
        #expect(eventually { daemon.log.contains("cause=not_decodable") })
        #expect(daemon.terminate() == 0)
        let expected = try recording.expectedEvents(stream: "good")
        #expect(eventually { recorder.count >= expected.count })
        expectSame(try recorder.events(of: "good"), expected, "the stream beside them")
    }

    @Test func gapsRepeatsNaNAndBackwardTimeAreCountedNotFatal() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, prefixes: ["status.", "alert."], context: context)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 7)
        _ = try client.send(recording.block(stream: "bed", 0..<3600), timeout: .seconds(30))
        // Twice, and overlapping.
        _ = try client.send(recording.block(stream: "bed", 0..<3600), timeout: .seconds(30))
        _ = try client.send(recording.block(stream: "bed", 3000..<4000), timeout: .seconds(30))
        // A gap of 1,000.
        _ = try client.send(recording.block(stream: "bed", 5000..<6000), timeout: .seconds(30))
        var backwards = recording.block(stream: "bed", 6000..<7000)
        backwards.acquisitionTimeNs -= 3_600_000_000_000
        _ = try client.send(backwards, timeout: .seconds(30))
        var invalid = recording.block(stream: "bed", 7000..<8000)
        invalid.millivolts[10] = .nan
        invalid.millivolts[11] = .infinity
        invalid.millivolts[12] = -.infinity
        _ = try client.send(invalid, timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 7000 })
        #expect(daemon.metric("ecgmon_samples_duplicate_total") == 4200)
        #expect(daemon.metric("ecgmon_samples_missing_total") == 1000)
        #expect(daemon.metric("ecgmon_gaps_total") == 1)
        #expect(daemon.metric("ecgmon_time_went_backwards_total") ?? 0 >= 1)
        #expect(daemon.metric("ecgmon_samples_invalid_total") == 3)
        #expect(daemon.terminate() == 0)
        let gap = eventually {
            (try? recorder.events(of: "bed").contains {
                $0.status.gap.firstMissingSampleIndex == 4000 && $0.status.gap.missingSampleCount == 1000
            }) ?? false
        }
        #expect(gap, "the gap is told with its exact extent")
    }

    /// The log says what the daemon sees of two devices that send one stream, or of one that counts from 0 again.
    @Test func devicesThatContradictEachOtherAreLogged() throws {
        let daemon = try DaemonProcess()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: try ZeroMQContext())
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 7)
        func send(_ range: Range<Int>, session: UInt64 = 7, samplingRate: Double = 360) throws {
            var block = recording.block(stream: "bed", range)
            (block.session, block.samplingRate) = (session, samplingRate)
            _ = try client.send(block, timeout: .seconds(30))
        }
        try send(0..<3600)
        try send(0..<100)
        #expect(eventually { daemon.log.contains("samples came twice") })
        #expect(daemon.log.contains("detail=\"from 0 on; 3600 is expected\""))
        try send(3600..<4000, samplingRate: 500)
        #expect(eventually { daemon.log.contains("cause=rate_or_leads_changed") })
        try send(0..<100, session: 9)
        #expect(eventually { daemon.log.contains("cause=session_changed detail=\"session 9\"") })
        try send(4000..<4100)
        #expect(eventually { daemon.log.contains("cause=stale_session detail=\"session 7; 9 has begun\"") })
        #expect(daemon.terminate() == 0)
    }

    @Test func markedCountsAreInvalidSamplesAndABadRangeIsRejected() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        var blocks = SampleBlockSequence(stream: "bed", session: 1, samplingRate: 250)
        var counts = [Int32](repeating: 5, count: 250)
        for index in 100..<110 { counts[index] = -32_768 }
        let marked = blocks.block(counts: counts, gain: -200, range: -32_767...32_767, invalidCount: -32_768)
        let received = ReceivedBlock(marked, receivedAt: 0)
        #expect(received.block.range == -163.835...163.835)
        #expect(received.block.millivolts.filter(\.isNaN).count == 10)
        _ = try client.send(marked, timeout: .seconds(30))
        var bad = blocks.block(counts: counts, gain: 200, range: 0...1)
        bad.converterRange.minimumCount = 1
        // The client would not send it.
        let bare = try ZeroMQSocket(context, .push)
        try bare.connect(daemon.ingest)
        try bare.send(try bad.serializedBytes())
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"unusable_converter_range\"}") { $0 == 1 })
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 250 })
        #expect(daemon.metric("ecgmon_samples_invalid_total") == 10)
        #expect(daemon.metric("ecgmon_samples_set_aside_total") == 0)
        #expect(daemon.terminate() == 0)
    }

    @Test func aThousandStreamsOpenAtOnce() throws {
        let daemon = try DaemonProcess(configuration: "[streams]\nmaximum = 1000\n")
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let recording = Recording(samplingRate: 250, seconds: 20, seed: 8)
        var block = recording.block(stream: "", 0..<1250)
        for index in 0..<1000 {
            block.stream = "bed-\(index)"
            _ = try client.send(block, timeout: .seconds(30))
        }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 1_250_000 })
        #expect(daemon.metric("ecgmon_streams") == 1000)
        for index in 0..<10 {
            block.stream = "one-more-\(index)"
            _ = try client.send(block, timeout: .seconds(30))
        }
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"too_many_streams\"}") { $0 == 10 })
        #expect(daemon.metric("ecgmon_streams") == 1000)
        #expect(daemon.metric("ecgmon_stream_rejects_total{cause=\"too_many_streams\",stream=\"one-more-3\"}") == 1)
        #expect(daemon.terminate() == 0)
    }

    @Test func subscriberThatNeverReadsDelaysNobody() throws {
        let daemon = try DaemonProcess(configuration: "[events]\nsubscriber_queue_messages = 3000\n")
        let context = try ZeroMQContext()
        // It asks for everything, waveforms included, and reads nothing.
        let idle = try ZeroMQSocket(context, .sub)
        try idle.set(.receiveHighWaterMark(1))
        try idle.set(.subscribe(""))
        try idle.connect(daemon.events)
        #expect(daemon.wait(for: "ecgmon_subscriptions") { $0 == 1 })
        let recorder = try Recorder(daemon, prefixes: ["beat."], context: context)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 9)
        // 60 x 30 events of 7 kB alone for the waveforms are more than its queue and the kernel's buffers hold; the
        // beats of all are fewer than the queue takes, so that whoever reads cannot miss one.
        let streams = (0..<60).map { "bed-\($0)" }
        for start in Swift.stride(from: 0, to: recording.millivolts.count, by: 360) {
            for stream in streams {
                _ = try client.send(recording.block(stream: stream, start..<start + 360), timeout: .seconds(30))
            }
        }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(streams.count * recording.millivolts.count) })
        #expect(try daemon.page("/healthz").status == 200)
        #expect(daemon.wait(for: "ecgmon_queue_depth{queue=\"publish\"}") { $0 == 0 })
        let page = MetricsText(try daemon.page("/metrics").body)
        page.expectThatStreamsSumUp()
        let full = page.samples.filter { $0.family == "ecgmon_subscriber_queue_full_total" }.map(\.value).reduce(0, +)
        #expect(full == 1, "told once: it reads nothing more")
        #expect(daemon.terminate() == 0)
        let expected = try recording.expectedEvents(stream: streams[0]).filter { $0.id.contains("/beat/") }
        #expect(eventually { recorder.count >= expected.count * streams.count })
        for stream in streams {
            let isWhole = try recorder.events(of: stream).map(\.sequence) == Array(1...UInt64(expected.count))
            #expect(isWhole, "\(stream)")
        }
        var read = 0
        while try idle.receive(timeout: .milliseconds(200)) != nil { read += 1 }
        #expect(read < streams.count * 30, "it has missed what did not fit")
    }
}
