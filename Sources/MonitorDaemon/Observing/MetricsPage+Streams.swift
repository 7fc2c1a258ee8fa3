import ECGWire

extension MetricsPage {
    /// A family of totals, stream by stream.
    private struct StreamFamily {
        var name: String
        var help: String
        /// Beside the stream's; nil: none.
        var label: String?
        /// Each total with its value of that label.
        var totals: [(loss: StreamLoss, value: String, count: UInt64)]
    }

    /// What was turned away or lost of each stream. The sum over the streams, the one without a name included, is the
    /// total.
    mutating func streams(_ metrics: DaemonMetrics) {
        // Before the totals: these are added to first, so that they are never less than their parts.
        var parts: [StreamLoss: [(stream: String, count: UInt64)]] = [:]
        for (stream, loss, count) in metrics.streamLosses.all { parts[loss, default: []].append((stream, count)) }
        for one in Self.streamFamilies(metrics) {
            family(one.name, "counter", one.help + Self.rest)
            for (loss, value, total) in one.totals {
                var labels: [(String, String)] = one.label.map { [($0, value)] } ?? []
                labels.append(("stream", ""))
                var left = total
                for (stream, count) in parts[loss] ?? [] {
                    labels[labels.count - 1].1 = stream
                    sample(one.name, labels, "\(count)")
                    left -= min(left, count)
                }
                labels[labels.count - 1].1 = ""
                if left > 0 { sample(one.name, labels, "\(left)") }
            }
        }
    }

    private static let rest = """
         Streams without any have no line; stream=\"\": of no known stream, of streams forgotten since, and beyond \
        \(StreamLosses.maximumPairs) lines in all (\(StreamLosses.maximumStrangerPairs) for names that are not let in).
        """

    private static func streamFamilies(_ metrics: DaemonMetrics) -> [StreamFamily] {
        func plain(_ name: String, _ help: String, _ loss: StreamLoss) -> StreamFamily {
            StreamFamily(name: name, help: help, totals: [(loss, "", metrics.total(of: loss))])
        }
        return [
            StreamFamily(
                name: "ecgmon_stream_rejects_total", help: "Messages turned away, by cause and stream.", label: "cause",
                totals: metrics.rejects.all.map { (.rejected($0.label), $0.label.label, $0.count) }),
            plain("ecgmon_stream_gaps_total", "Gaps between messages of a stream.", .gap),
            plain("ecgmon_stream_samples_missing_total", "Samples of a stream that never came.", .samplesMissing),
            plain(
                "ecgmon_stream_samples_duplicate_total",
                "Samples of a stream that had come before or came too late.", .samplesDuplicate),
            plain(
                "ecgmon_stream_samples_invalid_total", "Accepted samples of a stream that are NaN or infinite.",
                .samplesInvalid),
            plain(
                "ecgmon_stream_samples_set_aside_total", "Accepted samples of a stream set aside as spikes.",
                .samplesSetAside),
            plain(
                "ecgmon_stream_events_dropped_total",
                "Events of a stream not published because the daemon had to stop.", .eventDropped),
            StreamFamily(
                name: "ecgmon_stream_journal_dropped_total",
                help: "Events of a stream that are not, or no longer, in the journal, by cause; without those too old.",
                label: "cause",
                totals: metrics.journal.dropped.all.filter { $0.label != .old }.map {
                    (.journalDropped($0.label), $0.label.rawValue, $0.count)
                }),
            plain(
                "ecgmon_stream_ingest_replies_dropped_total",
                "Replies to the source of a stream that it did not read, or to one that had gone.",
                .ingestReplyDropped),
            plain(
                "ecgmon_stream_command_replies_dropped_total",
                "Replies to commands about a stream that the sender did not read, or to one that had gone.",
                .commandReplyDropped),
            StreamFamily(
                name: "ecgmon_stream_subscriber_queue_full_total",
                help: "Events of a stream at which a subscriber's queue became full, by kind.", label: "kind",
                totals: metrics.subscriberQueueFull.all.map {
                    (.subscriberQueueFull($0.label), $0.label.rawValue, $0.count)
                }),
        ]
    }
}
