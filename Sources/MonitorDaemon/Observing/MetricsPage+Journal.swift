extension MetricsPage {
    mutating func journal(_ metrics: JournalMetrics) {
        counter("ecgmon_journal_commits_total", "Transactions of the journal.", metrics.commits)
        counter("ecgmon_journal_events_total", "Events written into the journal.", metrics.eventsWritten)
        counter(
            "ecgmon_journal_events_known_total", "Events made again that the journal held already.", metrics.eventsKnown
        )
        counter("ecgmon_journal_snapshots_total", "States of streams written.", metrics.snapshotsWritten)
        counter("ecgmon_journal_snapshot_bytes_total", "Their size.", metrics.snapshotBytes)
        counter("ecgmon_journal_failures_total", "Transactions that failed; each is tried again.", metrics.failures)
        counter(
            "ecgmon_journal_replaced_total", "Times that the journal's file was found deleted or replaced.",
            metrics.replacements)
        family("ecgmon_journal_failing", "gauge", "1 while the journal cannot be written.")
        sample("ecgmon_journal_failing", [], metrics.fails ? "1" : "0")
        gauge("ecgmon_journal_bytes", "Bytes in use in the journal's file.", metrics.bytes)
        gauge("ecgmon_journal_pending_events", "Events that wait to be written.", metrics.pendingEvents)
        counter(
            "ecgmon_journal_published_unwritten_total",
            "Events published before they were written, because the journal could not be.", metrics.publishedUnwritten)
        counters(
            "ecgmon_journal_dropped_total", "Events that are not, or no longer, in the journal, by cause.",
            by: "cause", metrics.dropped)
        histogram("ecgmon_journal_commit_seconds", "How long a transaction takes.", metrics.commitTime)

        counter("ecgmon_streams_restored_total", "Streams that went on from the journal.", metrics.streamsRestored)
        counter(
            "ecgmon_snapshots_refused_total", "States in the journal that could not be read; their streams begin anew.",
            metrics.snapshotsRefused)
        counter(
            "ecgmon_sequence_jumps_total", "Times that numbers of events that were not made again were passed over.",
            metrics.sequenceJumps)
        counter("ecgmon_acknowledged_blocks_total", "Blocks taken to be acknowledged.", metrics.acknowledgedBlocks)
        counter("ecgmon_hellos_total", "Questions of sources where a stream is.", metrics.hellos)
        counter("ecgmon_ingest_replies_total", "Replies to sources.", metrics.repliesSent)
        counter(
            "ecgmon_ingest_replies_dropped_total", "Replies that a source did not read, or to one that had gone.",
            metrics.repliesDropped)
        gauge(
            "ecgmon_acknowledged_streams", "Streams whose sources are told how far they are.",
            metrics.acknowledgedSources)
        counter("ecgmon_history_requests_total", "Questions about what was published.", metrics.historyRequests)
        counter("ecgmon_history_refused_total", "Those that could not be answered.", metrics.historyRefused)
        counter(
            "ecgmon_history_replies_dropped_total", "Answers that the asker did not read, or to one that had gone.",
            metrics.historyRepliesDropped)
        counter("ecgmon_history_events_total", "Events in the answers.", metrics.historyEvents)
    }
}
