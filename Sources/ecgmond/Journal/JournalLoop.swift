import Logging
import Synchronization

/// The thread that writes the journal. What waits is written in one transaction; only when the disk has it are its
/// events handed to the publisher, and the samples that they rest on acknowledged.
///
/// Policy where the journal cannot be written (disk full, disk gone): it tries again and again. After
/// `journal.patience_seconds` the events are published all the same, since a ward needs them more than the journal
/// does; nothing is acknowledged, so sources that keep what is not acknowledged lose nothing. What waits to be written
/// is bounded by `journal.pending_events`: the oldest go first, beats before all others, and are counted. Of each
/// stream's snapshots only the newest waits.
struct JournalLoop {
    private let database: JournalDatabase
    private let queue: BoundedQueue<JournalRound>
    private let publishQueue: BoundedQueue<OutgoingMessage>
    private let board: AcknowledgementBoard
    private let live: LiveSettings
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity
    private let logger: Logger

    private var settings: DaemonConfiguration.Journal
    private var generation: UInt64
    private var batch: [JournalRound] = []
    /// Taken and not yet written, in order, without their snapshots.
    private var pending: [JournalRound] = []
    private var pendingEvents = 0
    /// Rounds of `pending` whose events are published.
    private var publishedRounds = 0
    private var snapshots: [String: StreamSnapshot] = [:]
    private var failingSince: UInt64?
    private var nextTry: UInt64 = 0
    private var backoff: UInt64 = firstBackoff
    private var retention: JournalRetention

    private static let firstBackoff: UInt64 = 20_000_000
    private static let maximumBackoff: UInt64 = 1_000_000_000
    /// Rounds in one transaction.
    private static let burst = 4096
    /// How long the end may take where the journal cannot be written.
    private static let lastPatience: UInt64 = 2_000_000_000

    init(
        database: JournalDatabase, queue: BoundedQueue<JournalRound>, publishQueue: BoundedQueue<OutgoingMessage>,
        board: AcknowledgementBoard, live: LiveSettings, metrics: DaemonMetrics, activity: ThreadActivity,
        logger: Logger
    ) {
        self.database = database
        self.queue = queue
        self.publishQueue = publishQueue
        self.board = board
        self.live = live
        self.metrics = metrics
        self.activity = activity
        self.logger = logger
        generation = live.generation
        settings = live.current.journal
        retention = JournalRetention(metrics: metrics, logger: logger)
    }

    /// Writes until the queue is closed and everything is written or given up.
    mutating func run() {
        while true {
            let ended = collect()
            if live.generation != generation {
                generation = live.generation
                settings = live.current.journal
            }
            if pending.isEmpty && snapshots.isEmpty {
                if ended { break }
                activity.wasIdle()
            } else if DaemonClock.monotonic() >= nextTry {
                write()
                activity.didWork()
            } else {
                activity.didWork()
            }
            if failingSince != nil { bridgeFailure() }
            retention.step(database, settings, isFailing: failingSince != nil)
            if ended {
                finish()
                break
            }
        }
        database.close()
    }

    /// Takes what waits. Where nothing in it is urgent, others are waited for a moment, so that one commit serves many.
    private mutating func collect() -> Bool {
        batch.removeAll(keepingCapacity: true)
        let wait: UInt64 = failingSince == nil ? 250_000_000 : max(1_000_000, min(backoff, 100_000_000))
        var ended = queue.pop(into: &batch, limit: Self.burst, waitingAtMost: wait)
        if failingSince == nil, !batch.isEmpty {
            let end = DaemonClock.monotonic() + UInt64(settings.groupMilliseconds * 1e6)
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
            guard !round.events.isEmpty || round.beginsAnew else { continue }
            pendingEvents += round.events.count
            pending.append(round)
        }
        metrics.journal.pendingEvents.set(pendingEvents)
        return ended
    }

    private mutating func write() {
        let start = DaemonClock.monotonic()
        do {
            let receipt = try database.commit(pending, snapshots: snapshots)
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
        for (stream, snapshot) in snapshots {
            metrics.journal.snapshotsWritten.add(1)
            metrics.journal.snapshotBytes.add(snapshot.state?.count ?? 0)
            board.isDurable(stream, session: snapshot.session, before: snapshot.nextSampleIndex)
        }
        pending.removeAll(keepingCapacity: true)
        publishedRounds = 0
        snapshots.removeAll(keepingCapacity: true)
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
        if DaemonClock.elapsed(since: since) >= UInt64(settings.patienceSeconds * 1e9) { publish(unwritten: true) }
        guard pendingEvents > settings.pendingEvents else { return }
        drop(pendingEvents - settings.pendingEvents)
    }

    /// Hands what is not yet published to the publisher, waiting for room: sending never waits, so there will be some.
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
        pending.removeAll { $0.events.isEmpty && !$0.beginsAnew }
        publishedRounds = pending.count
        metrics.journal.pendingEvents.set(pendingEvents)
    }

    /// The last tries, and then the events go out all the same.
    private mutating func finish() {
        let end = DaemonClock.monotonic() + Self.lastPatience
        while !(pending.isEmpty && snapshots.isEmpty), DaemonClock.monotonic() < end {
            write()
            activity.didWork()
            if failingSince != nil {
                bridgeFailure()
                sleepAWhile(nanoseconds: backoff)
            }
        }
        guard !(pending.isEmpty && snapshots.isEmpty) else { return }
        publish(unwritten: true)
        for round in pending { metrics.count(.journalDropped(.ending), round.events.count, of: round.stream) }
        logger.critical(
            "the journal could not be written to the end",
            metadata: ["events": "\(pendingEvents)", "streams": "\(snapshots.count)"])
    }
}
