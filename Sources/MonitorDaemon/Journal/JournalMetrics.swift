import Synchronization

/// What the journal, the acknowledgements and the history count.
final class JournalMetrics: Sendable {
    let commits = Counter()
    let eventsWritten = Counter()
    /// Events that the journal held already: made again from samples that were sent again.
    let eventsKnown = Counter()
    let snapshotsWritten = Counter()
    let snapshotBytes = Counter()
    let failures = Counter()
    /// Times that the file was found deleted or replaced.
    let replacements = Counter()
    let commitTime = LatencyHistogram()
    /// Rows that are no longer kept, and events that never came in, by cause.
    let dropped = CounterTable<DropCause>()
    let bytes = Gauge()
    let pendingEvents = Gauge()
    /// Events published before they were in the journal, because it could not be written.
    let publishedUnwritten = Counter()

    let streamsRestored = Counter()
    /// Snapshots that could not be read, of another version or damaged.
    let snapshotsRefused = Counter()
    /// Streams whose numbers jumped over those of events that were not made again.
    let sequenceJumps = Counter()

    let acknowledgedBlocks = Counter()
    let hellos = Counter()
    let repliesSent = Counter()
    /// Replies that a source did not read, or that found no room.
    let repliesDropped = Counter()
    let acknowledgedSources = Gauge()

    let historyRequests = Counter()
    let historyEvents = Counter()
    let historyRefused = Counter()
    /// Replies that the asker did not read, or that had gone.
    let historyRepliesDropped = Counter()

    /// The journal cannot be written at the moment.
    let isFailing = Atomic<Bool>(false)
    var fails: Bool { isFailing.load(ordering: .relaxed) }

    /// Why an event is not, or no longer, in the journal. On `/metrics`; a contract.
    enum DropCause: String, CaseIterable, Sendable {
        /// Older than `journal.keep_days` or `journal.keep_beats_hours`.
        case old
        /// The oldest, to stay below `journal.maximum_bytes`.
        case space
        /// The journal could not be written for so long that `journal.pending_events` were waiting.
        case pendingFull = "pending_full"
        /// The journal could not be written when the daemon ended.
        case ending
    }
}
