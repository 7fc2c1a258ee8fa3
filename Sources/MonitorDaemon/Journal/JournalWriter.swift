import Logging
import Synchronization

/// Writes the journal. All that waits is written in one transaction. Only when the disk has it are its events passed to
/// the publisher, and the samples that they rest on acknowledged.
///
/// While the journal cannot be written (disk full, disk gone), it tries again and again. After
/// `journal.patience_seconds` the events are published all the same, since a ward needs them more than the journal
/// does. Nothing is acknowledged, so sources that keep unacknowledged samples lose nothing. What waits to be written is
/// bounded by `journal.pending_events`: the oldest are dropped first, beats before all others, and counted. Of each
/// stream's snapshots only the newest waits.
///
/// Once a second it looks whether the journal's files are still the ones that it writes. If they were deleted or
/// replaced, a new journal begins at the path (`JournalReplacement`).
struct JournalWriter: ThreadService {
    private let database: JournalDatabase
    private let queue: BoundedQueue<JournalRound>
    private var replacement: JournalReplacement
    private let publishQueue: BoundedQueue<OutgoingMessage>
    /// Hears of the messages whose events are written; nil: nobody asks.
    private let written: WrittenDeliveries?
    private let tracker: AcknowledgementTracker
    private let settings: SettingsView
    private let metrics: DaemonMetrics
    private let logger: Logger
    private let activity: ThreadActivity

    private var batch: [JournalRound] = []
    /// Taken and not yet written, in order, without their snapshots.
    private var pending: [JournalRound] = []
    private var pendingEvents = 0
    /// Rounds of `pending` whose events are published.
    private var publishedRounds = 0
    private var snapshots: [String: StreamSnapshot] = [:]
    /// By stream and alarm: only the newest of each waits.
    private var strips: [String: JournaledStrip] = [:]
    private var failingSince: UInt64?
    private var nextTry: UInt64 = 0
    private var backoff: UInt64 = firstBackoff
    private var retention: JournalRetention

    private static let firstBackoff: UInt64 = 20_000_000
    private static let maximumBackoff: UInt64 = 1_000_000_000
    /// Strips that wait while the journal cannot be written; more are left out.
    private static let mostStrips = 512
    /// Rounds in one transaction.
    private static let burst = 4096
    /// How long the end may take where the journal cannot be written.
    private static let lastPatience: UInt64 = 2_000_000_000

    init(
        database: JournalDatabase, queue: BoundedQueue<JournalRound>, generation: JournalGeneration,
        publishQueue: BoundedQueue<OutgoingMessage>, written: WrittenDeliveries? = nil,
        tracker: AcknowledgementTracker, context: DaemonContext, activity: ThreadActivity
    ) {
        self.database = database
        self.queue = queue
        self.publishQueue = publishQueue
        self.written = written
        self.tracker = tracker
        settings = SettingsView(context.settings)
        metrics = context.metrics
        logger = context.logger
        self.activity = activity
        retention = JournalRetention(metrics: metrics, logger: logger)
        replacement = JournalReplacement(database: database, generation: generation, metrics: metrics, logger: logger)
    }

    /// Writes until the queue is closed and everything is written or given up.
    mutating func run() {
        while true {
            let ended = collect()
            settings.refresh()
            replacement.look()
            if !hasWork && !replacement.isNeeded {
                if ended { break }
                activity.wasIdle()
            } else {
                if DaemonClock.monotonic() >= nextTry { write() }
                activity.didWork()
            }
            if failingSince != nil { bridgeFailure() }
            if failingSince == nil { replacement.copySome() }
            retention.step(database, settings.current.journal, isFailing: failingSince != nil)
            if ended {
                finish()
                break
            }
        }
        replacement.finish(before: DaemonClock.monotonic() + Self.lastPatience)
        database.close()
    }

    private var hasWork: Bool { !(pending.isEmpty && snapshots.isEmpty && strips.isEmpty) }

    /// Takes what waits. Where nothing in it is urgent, others are waited for a moment, so that one commit serves many.
    private mutating func collect() -> Bool {
        batch.removeAll(keepingCapacity: true)
        let usual: UInt64 = replacement.isCopying ? 2_000_000 : 250_000_000
        let wait: UInt64 = failingSince == nil ? usual : max(1_000_000, min(backoff, 100_000_000))
        var ended = queue.pop(into: &batch, limit: Self.burst, waitingAtMost: wait)
        if failingSince == nil, !batch.isEmpty {
            let end = DaemonClock.monotonic() + UInt64(settings.current.journal.groupMilliseconds * 1e6)
            var seen = 0
            while !ended, batch.count < Self.burst, !batch[seen...].contains(where: \.isUrgent) {
                seen = batch.count
                let now = DaemonClock.monotonic()
                guard now < end else { break }
                ended = queue.pop(into: &batch, limit: Self.burst - batch.count, waitingAtMost: end - now)
            }
        }
        for round in batch {
            var round = round
            if let snapshot = round.snapshot {
                snapshots[round.stream] = snapshot
                round.snapshot = nil
            }
            for strip in round.strips {
                let key = "\(strip.stream)/\(strip.alarm)"
                if strips.count < Self.mostStrips || strips[key] != nil { strips[key] = strip }
            }
            round.strips = []
            guard !round.events.isEmpty || round.beginsAnew || round.limits != nil else { continue }
            pendingEvents += round.events.count
            pending.append(round)
        }
        metrics.journal.pendingEvents.set(pendingEvents)
        return ended
    }

    private mutating func write() {
        let start = DaemonClock.monotonic()
        do {
            try replacement.beginIfNeeded()
            guard hasWork else { return didWrite() }
            let receipt = try database.commit(pending, snapshots: snapshots, strips: Array(strips.values))
            metrics.journal.commits.add(1)
            metrics.journal.eventsWritten.add(receipt.written)
            metrics.journal.eventsKnown.add(receipt.known)
            metrics.journal.commitTime.record(nanoseconds: DaemonClock.elapsed(since: start))
            didWrite()
        } catch {
            didFail(error)
        }
    }

    private mutating func didWrite() {
        if let since = failingSince {
            let seconds = Double(DaemonClock.elapsed(since: since)) / 1e9
            logger.notice(
                "the journal can be written again",
                metadata: ["after_seconds": "\(seconds)", "events": "\(pendingEvents)"])
            failingSince = nil
            metrics.journal.isFailing.store(false, ordering: .relaxed)
        }
        backoff = Self.firstBackoff
        nextTry = 0
        publish(unwritten: false)
        written?.add(pending.compactMap(\.delivery))
        for (stream, snapshot) in snapshots {
            metrics.journal.snapshotsWritten.add(1)
            metrics.journal.snapshotBytes.add(snapshot.state?.count ?? 0)
            tracker.didPersist(stream, session: snapshot.session, before: snapshot.nextSampleIndex)
        }
        pending.removeAll(keepingCapacity: true)
        publishedRounds = 0
        snapshots.removeAll(keepingCapacity: true)
        strips.removeAll(keepingCapacity: true)
        pendingEvents = 0
        metrics.journal.pendingEvents.set(0)
    }

    private mutating func didFail(_ error: any Error) {
        metrics.journal.failures.add(1)
        let now = DaemonClock.monotonic()
        if failingSince == nil {
            failingSince = now
            metrics.journal.isFailing.store(true, ordering: .relaxed)
            logger.critical("the journal cannot be written", metadata: ["error": "\(error)"])
        }
        nextTry = now + backoff
        backoff = min(backoff * 2, Self.maximumBackoff)
    }

    /// What must go on while the journal does not.
    private mutating func bridgeFailure() {
        guard let since = failingSince else { return }
        if DaemonClock.elapsed(since: since) >= UInt64(settings.current.journal.patienceSeconds * 1e9) {
            publish(unwritten: true)
        }
        guard pendingEvents > settings.current.journal.pendingEvents else { return }
        drop(pendingEvents - settings.current.journal.pendingEvents)
    }

    /// Passes what is not yet published to the publisher. Waits for room, which there will be: the publisher never
    /// waits.
    private mutating func publish(unwritten: Bool) {
        for round in publishedRounds..<pending.count {
            for event in pending[round].events.indices {
                guard let message = pending[round].events[event].message else { continue }
                pending[round].events[event].message = nil
                if publishQueue.push(message, waitingAtMost: nil) != .taken {
                    metrics.count(.eventDropped, of: pending[round].stream)
                }
                if unwritten { metrics.journal.publishedUnwritten.add(1) }
            }
        }
        publishedRounds = pending.count
    }

    /// Drops the oldest that wait: beats first.
    private mutating func drop(_ count: Int) {
        publish(unwritten: true)
        var left = count
        for onlyBeats in [true, false] where left > 0 {
            for round in pending.indices where left > 0 {
                let before = pending[round].events.count
                pending[round].events.removeAll { event in
                    guard left > 0, !onlyBeats || event.kind == .beat else { return false }
                    left -= 1
                    return true
                }
                let dropped = before - pending[round].events.count
                pendingEvents -= dropped
                metrics.count(.journalDropped(.pendingFull), dropped, of: pending[round].stream)
            }
        }
        pending.removeAll { $0.events.isEmpty && !$0.beginsAnew && $0.limits == nil }
        publishedRounds = pending.count
        metrics.journal.pendingEvents.set(pendingEvents)
    }

    /// The last tries, and then the events go out all the same.
    private mutating func finish() {
        let end = DaemonClock.monotonic() + Self.lastPatience
        while hasWork, DaemonClock.monotonic() < end {
            write()
            activity.didWork()
            if failingSince != nil {
                bridgeFailure()
                sleepAWhile(nanoseconds: backoff)
            }
        }
        guard hasWork else { return }
        publish(unwritten: true)
        for round in pending { metrics.count(.journalDropped(.ending), round.events.count, of: round.stream) }
        logger.critical(
            "the journal could not be written to the end",
            metadata: ["events": "\(pendingEvents)", "streams": "\(snapshots.count)"])
    }
}
