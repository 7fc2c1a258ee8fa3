import ECGWire
import Foundation
import Testing
import ZeroMQ

@testable import MonitorDaemon

@Suite struct StreamLossTests {
    private static let losses: [StreamLoss] =
        [
            .gap, .samplesMissing, .samplesDuplicate, .samplesInvalid, .samplesSetAside, .eventDropped,
            .ingestReplyDropped, .commandReplyDropped,
        ]
        + RejectCause.allCases.map { .rejected($0) } + JournalMetrics.DropCause.allCases.map { .journalDropped($0) }
        + Topic.Kind.allCases.map { .subscriberQueueFull($0) }

    private func page(_ metrics: DaemonMetrics) -> MetricsText {
        MetricsText(MetricsPage.render(metrics, version: "1", modelName: "m", modelSHA256: "x", queues: []))
    }

    @Test func lossesAreCountedByCauseAndStreamAndAddUp() {
        let metrics = DaemonMetrics()
        for stream in ["a", "b"] { metrics.streamLosses.watch(stream) }
        for (number, loss) in Self.losses.enumerated() {
            metrics.count(loss, number + 1, of: "a")
            metrics.count(loss, 2, of: "b")
            metrics.count(loss, 3, of: "")
            metrics.count(loss, of: "stranger")
        }
        let page = page(metrics)
        page.expectThatStreamsSumUp()
        for (number, loss) in Self.losses.enumerated() {
            #expect(metrics.total(of: loss) == UInt64(number + 7), "\(loss)")
        }
        #expect(page.value("ecgmon_stream_gaps_total", ["stream": "a"]) == 1)
        #expect(page.value("ecgmon_stream_samples_missing_total", ["stream": "b"]) == 2)
        #expect(page.value("ecgmon_stream_rejects_total", ["cause": "stale_session", "stream": ""]) == 3)
        #expect(page.value("ecgmon_stream_rejects_total", ["cause": "stale_session", "stream": "stranger"]) == 1)
        #expect(page.value("ecgmon_stream_journal_dropped_total", ["cause": "pending_full", "stream": "b"]) == 2)
        #expect(page.value("ecgmon_stream_subscriber_queue_full_total", ["kind": "alert", "stream": "b"]) == 2)
        #expect(!page.samples.contains { $0.labels["cause"] == "old" && $0.labels["stream"] != nil })
    }

    @Test func streamWithoutLossesHasNoMetricLine() {
        let metrics = DaemonMetrics()
        metrics.streamLosses.watch("quiet")
        metrics.count(.samplesDuplicate, 0, of: "quiet")
        #expect(!page(metrics).samples.contains { $0.labels["stream"] != nil })
    }

    @Test func numberOfMetricLinesIsBoundedAndForgottenStreamsFreeTheirs() {
        let metrics = DaemonMetrics()
        let streams = (0...StreamLosses.maximumPairs).map { "bed-\($0)" }
        for stream in streams {
            metrics.streamLosses.watch(stream)
            metrics.count(.gap, of: stream)
            metrics.count(.gap, of: stream)
        }
        let last = streams[streams.count - 1]
        var text = page(metrics)
        text.expectThatStreamsSumUp()
        #expect(metrics.streamLosses.all.count == StreamLosses.maximumPairs)
        #expect(text.value("ecgmon_stream_gaps_total", ["stream": last]) == nil)
        #expect(
            text.value("ecgmon_stream_gaps_total", ["stream": ""]) == 2, "what finds no place is told without a name")

        metrics.streamLosses.forget(streams[0])
        metrics.count(.gap, of: last)
        text = page(metrics)
        text.expectThatStreamsSumUp()
        #expect(text.value("ecgmon_stream_gaps_total", ["stream": streams[0]]) == nil)
        #expect(text.value("ecgmon_stream_gaps_total", ["stream": last]) == 1)
        #expect(text.value("ecgmon_stream_gaps_total", ["stream": ""]) == 4)
        for stream in streams { metrics.streamLosses.forget(stream) }
        #expect(metrics.streamLosses.all.isEmpty)
        text = page(metrics)
        text.expectThatStreamsSumUp()
        #expect(text.value("ecgmon_stream_gaps_total", ["stream": ""]) == Double(2 * streams.count + 1))
    }

    @Test func refusedStreamNamesTakeNoSlotsFromAcceptedStreams() {
        let losses = StreamLosses()
        let refused = StreamLoss.rejected(.tooManyStreams)
        for number in 0..<20_000 { losses.add(1, refused, of: "made-up-\(number)", now: 5) }
        #expect(losses.all.count == StreamLosses.maximumStrangerPairs)
        for number in 0..<StreamLosses.maximumPairs {
            losses.watch("bed-\(number)")
            losses.add(1, .gap, of: "bed-\(number)", now: 5)
        }
        #expect(losses.all.count == StreamLosses.maximumStrangerPairs + StreamLosses.maximumPairs)
        // They are there as long as something comes of them, and for a while after.
        losses.add(1, refused, of: "made-up-3", now: 1000)
        losses.add(1, refused, of: "new", now: StreamLosses.strangerQuiet)
        #expect(!losses.all.contains { $0.stream == "new" })
        losses.add(1, refused, of: "new", now: StreamLosses.strangerQuiet + 5)
        let left = losses.all.filter { !$0.stream.hasPrefix("bed-") }.map(\.stream)
        #expect(left == ["made-up-3", "new"])
    }

    @Test func refusalsBeforeAStreamIsAcceptedStayCountedAsItsOwn() {
        let losses = StreamLosses()
        losses.add(2, .rejected(.helloNeeded), of: "bed", now: 0)
        losses.watch("bed")
        losses.add(1, .rejected(.helloNeeded), of: "bed", now: 0)
        #expect(losses.all.map(\.count) == [3])
        losses.forget("bed")
        #expect(losses.all.isEmpty)
    }

    /// Over the daemon's own life: refused, watched, forgotten.
    @Test func daemonReportsEachStreamsLosses() throws {
        let daemon = try DaemonProcess(
            configuration: "[streams]\nmaximum = 1\nsilent_after_seconds = 1.0\nforgotten_after_seconds = 5.0\n")
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context, linger: .seconds(60))
        let recording = Recording(samplingRate: 360, seconds: 20, seed: 51)
        _ = try client.send(recording.block(stream: "bed", 0..<720), timeout: .seconds(30))
        // Another worker could let the other stream in first.
        #expect(daemon.wait(for: "ecgmon_streams") { $0 == 1 })
        for (stream, range) in [("bed", 360..<1080), ("other", 0..<360), ("bed", 2080..<2800)] {
            _ = try client.send(recording.block(stream: stream, range), timeout: .seconds(30))
        }
        var late = recording.block(stream: "bed", 2800..<3160)
        late.session = 1
        _ = try client.send(late, timeout: .seconds(30))
        let isRefused = daemon.wait(for: "ecgmon_rejects_total{cause=\"stale_session\"}") { $0 == 1 }
        #expect(isRefused, "\(daemon.log)")
        let page = MetricsText(try daemon.page("/metrics").body)
        page.expectThatStreamsSumUp()
        #expect(page.value("ecgmon_stream_samples_duplicate_total", ["stream": "bed"]) == 360)
        #expect(page.value("ecgmon_stream_samples_missing_total", ["stream": "bed"]) == 1000)
        #expect(page.value("ecgmon_stream_gaps_total", ["stream": "bed"]) == 1)
        #expect(page.value("ecgmon_stream_rejects_total", ["cause": "stale_session", "stream": "bed"]) == 1)
        #expect(page.value("ecgmon_stream_rejects_total", ["cause": "too_many_streams", "stream": "other"]) == 1)

        #expect(daemon.wait(for: "ecgmon_streams") { $0 == 0 })
        let after = MetricsText(try daemon.page("/metrics").body)
        after.expectThatStreamsSumUp()
        #expect(after.value("ecgmon_stream_samples_missing_total", ["stream": "bed"]) == nil)
        #expect(after.value("ecgmon_stream_samples_missing_total", ["stream": ""]) == 1000)
        #expect(daemon.terminate() == 0)
    }
}
