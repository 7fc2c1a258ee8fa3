import ECGATKGAN
import ECGMonitor
import FoundationEssentials
import Logging
import Synchronization
import ZeroMQ

/// The threads between the ingest sockets and the subscribers, and the queues between them.
final class Pipeline: Sendable {
    let metrics: DaemonMetrics
    let live: LiveSettings
    let classifier: BeatClassifier
    let publishQueue: BoundedQueue<OutgoingMessage>
    let subscriptions = Subscriptions()
    let log: PeriodicLog
    let security: LiveSecurity

    private let logger: Logger
    private let workerQueues: [BoundedQueue<WorkerInput>]
    private let replyQueue: BoundedQueue<OutgoingReply>
    private let ingestActivity = ThreadActivity(name: "ingest")
    private let publisherActivity = ThreadActivity(name: "publish")
    private let commandActivity = ThreadActivity(name: "command")
    private let authenticatorActivity = ThreadActivity(name: "authenticate")
    private let workerActivities: [ThreadActivity]
    private let stopIngest: StopRequest
    private let stopAuthenticator: StopRequest
    private let publisherWakeUp: WakeUp
    private let commandWakeUp: WakeUp
    /// nil: there is none.
    let journal: Journal?
    private let board: AcknowledgementBoard
    private let stopHistory: StopRequest
    private let journalActivity = ThreadActivity(name: "journal")
    private let acknowledgedActivity = ThreadActivity(name: "acknowledge")
    private let historyActivity = ThreadActivity(name: "history")
    private let threads = Mutex<Threads>(Threads())

    private struct Threads {
        var ingest: OSThread?
        var workers: [OSThread] = []
        var publisher: OSThread?
        var command: OSThread?
        var journal: OSThread?
        var acknowledged: OSThread?
        var history: OSThread?
        var authenticator: OSThread?
    }

    /// Endpoints as they were bound.
    struct Endpoints: Sendable {
        var ingest: [String]
        var events: [String]
        var commands: [String]
        var acknowledged: [String] = []
        var history: [String] = []
    }

    /// Nothing runs yet.
    init(
        configuration: DaemonConfiguration, live: LiveSettings, classifier: BeatClassifier,
        security: LiveSecurity, metrics: DaemonMetrics, log: PeriodicLog, logger: Logger
    ) throws(SystemCallError) {
        self.live = live
        self.classifier = classifier
        self.metrics = metrics
        self.log = log
        self.security = security
        self.logger = logger
        let count = configuration.workers.count > 0 ? configuration.workers.count : Self.processors
        stopIngest = try StopRequest()
        stopHistory = try StopRequest()
        board = try AcknowledgementBoard(metrics: metrics)
        journal = Journal.path(configuration.journal, stateDirectory: Journal.stateDirectory).map {
            Journal(path: $0, settings: configuration.journal)
        }
        stopAuthenticator = try StopRequest()
        let wakeUp = try WakeUp()
        publisherWakeUp = wakeUp
        let replies = try WakeUp()
        commandWakeUp = replies
        replyQueue = BoundedQueue(capacity: 1024, wakeUp: replies)
        publishQueue = BoundedQueue(
            capacity: configuration.events.publishQueueEvents, costLimit: configuration.events.publishQueueBytes,
            wakeUp: wakeUp, cost: { $0.body.count })
        workerQueues = (0..<count).map { _ in
            BoundedQueue(capacity: configuration.workers.queueSegments, costLimit: configuration.workers.queueSamples) {
                $0.cost
            }
        }
        workerActivities = (0..<count).map { ThreadActivity(name: "worker-\($0)") }
    }

    /// Opens the sockets and starts all threads; returns when samples can be pushed and topics subscribed to. After an
    /// error nothing runs.
    func start() throws(StartFailure) -> Endpoints {
        do {
            let context = try ZeroMQContext(ioThreads: 1, maximumSockets: 64)
            // Before any socket is bound: libzmq lets everybody in where nobody answers.
            if security.current.isEnabled { try startAuthenticator(context) }
            do {
                let events = try startPublisher(context)
                try startJournal()
                try startWorkers()
                let commands = try startCommands(context)
                let history = try startHistory(context)
                let acknowledged = try startAcknowledged(context)
                return Endpoints(
                    ingest: try startIngest(context), events: events, commands: commands, acknowledged: acknowledged,
                    history: history)
            } catch {
                stop()
                throw error
            }
        } catch let failure as StartFailure {
            throw failure
        } catch let error as SystemCallError {
            throw .threads(error)
        } catch {
            throw StartFailure(words: "cannot open sockets: \(error)", exitCode: ExitStatus.system)
        }
    }

    /// Finishes what has been taken in and returns when every thread has ended: messages that have arrived are
    /// processed, streams are ended (or, with a journal, left there to go on from), events are handed to the
    /// subscribers' connections. Blocks.
    func stop() {
        let running = threads.withLock { threads in
            defer { threads = Threads() }
            return threads
        }
        stopIngest.request()
        running.ingest?.join()
        for queue in workerQueues { queue.close() }
        for worker in running.workers { worker.join() }
        // What is acknowledged is in the journal.
        journal?.queue.close()
        running.journal?.join()
        board.close()
        running.acknowledged?.join()
        stopHistory.request()
        running.history?.join()
        replyQueue.close()
        commandWakeUp.signal()
        running.command?.join()
        publishQueue.close()
        running.publisher?.join()
        stopAuthenticator.request()
        running.authenticator?.join()
    }

    /// What every thread shows of its life.
    var readings: [ThreadActivity.Reading] {
        let running = threads.withLock { $0 }
        var activities = [ingestActivity, publisherActivity, commandActivity] + workerActivities
        if running.authenticator != nil { activities.append(authenticatorActivity) }
        if running.journal != nil { activities.append(journalActivity) }
        if running.acknowledged != nil { activities.append(acknowledgedActivity) }
        if running.history != nil { activities.append(historyActivity) }
        return activities.map(\.reading)
    }

    var queues: [MetricsPage.QueueReading] {
        workerQueues.enumerated().map { index, queue in
            MetricsPage.QueueReading(
                name: "worker-\(index)", depth: queue.depth, capacity: queue.capacity, waits: queue.waits)
        } + [
            MetricsPage.QueueReading(
                name: "publish", depth: publishQueue.depth, capacity: publishQueue.capacity, waits: publishQueue.waits)
        ]
            + (journal.map {
                [
                    MetricsPage.QueueReading(
                        name: "journal", depth: $0.queue.depth, capacity: $0.queue.capacity, waits: $0.queue.waits)
                ]
            } ?? [])
    }

    var workerCount: Int { workerQueues.count }

    // MARK: Threads

    /// What a thread reports when its sockets are open, or cannot be.
    private typealias Opening = BoundedQueue<Result<[String], StartFailure>>

    private static func wait(for opening: Opening) throws(StartFailure) -> [String] {
        var results: [Result<[String], StartFailure>] = []
        while results.isEmpty { _ = opening.pop(into: &results, limit: 1, waitingAtMost: 1_000_000_000) }
        return try results[0].get()
    }

    private func startPublisher(_ context: ZeroMQContext) throws -> [String] {
        let opening = Opening(capacity: 1)
        let thread = try OSThread(name: "publish") { [self] in
            defer { publisherActivity.didEnd() }
            do {
                var publisher = try Publisher(
                    context: context, queue: publishQueue, wakeUp: publisherWakeUp, subscriptions: subscriptions,
                    access: AccessControl(security), settings: live.current, metrics: metrics,
                    activity: publisherActivity, log: log)
                _ = opening.push(.success(publisher.boundEndpoints), waitingAtMost: nil)
                try publisher.run()
            } catch {
                failed("publish", error, opening)
            }
        }
        threads.withLock { $0.publisher = thread }
        return try opened(opening, thread)
    }

    private func startAuthenticator(_ context: ZeroMQContext) throws {
        let opening = Opening(capacity: 1)
        let thread = try OSThread(name: "authenticate") { [self] in
            defer { authenticatorActivity.didEnd() }
            do {
                var loop = try AuthenticatorLoop(
                    context: context, live: security, stop: stopAuthenticator, metrics: metrics,
                    activity: authenticatorActivity, log: log)
                _ = opening.push(.success([]), waitingAtMost: nil)
                try loop.run()
            } catch {
                failed("authenticate", error, opening)
            }
        }
        threads.withLock { $0.authenticator = thread }
        _ = try opened(opening, thread)
    }

    private func startIngest(_ context: ZeroMQContext) throws -> [String] {
        let opening = Opening(capacity: 1)
        let thread = try OSThread(name: "ingest") { [self] in
            defer { ingestActivity.didEnd() }
            do {
                var ingest = try IngestLoop(
                    context: context, queues: workerQueues, workers: workerActivities, stop: stopIngest, live: live,
                    access: AccessControl(security), metrics: metrics, activity: ingestActivity, log: log)
                _ = opening.push(.success(ingest.boundEndpoints), waitingAtMost: nil)
                try ingest.run()
            } catch {
                failed("ingest", error, opening)
            }
        }
        threads.withLock { $0.ingest = thread }
        return try opened(opening, thread)
    }

    private func startCommands(_ context: ZeroMQContext) throws -> [String] {
        let opening = Opening(capacity: 1)
        let thread = try OSThread(name: "command") { [self] in
            defer { commandActivity.didEnd() }
            do {
                var loop = try CommandLoop(
                    context: context, queues: workerQueues, replies: replyQueue, wakeUp: commandWakeUp,
                    access: AccessControl(security), settings: live.current, metrics: metrics,
                    activity: commandActivity, log: log)
                _ = opening.push(.success(loop.boundEndpoints), waitingAtMost: nil)
                try loop.run()
            } catch {
                failed("command", error, opening)
            }
        }
        threads.withLock { $0.command = thread }
        return try opened(opening, thread)
    }

    private func startJournal() throws {
        guard let journal else { return }
        let opening = Opening(capacity: 1)
        let thread = try OSThread(name: "journal") { [self] in
            defer { journalActivity.didEnd() }
            do {
                let database = try journal.open(live.current.journal, logger)
                var loop = JournalLoop(
                    database: database, queue: journal.queue, publishQueue: publishQueue, board: board, live: live,
                    metrics: metrics, activity: journalActivity, logger: logger)
                _ = opening.push(.success([journal.path]), waitingAtMost: nil)
                loop.run()
            } catch {
                failed("journal", error, opening)
            }
        }
        threads.withLock { $0.journal = thread }
        do {
            _ = try opened(opening, thread)
        } catch {
            threads.withLock { $0.journal = nil }
            throw error
        }
    }

    private func startAcknowledged(_ context: ZeroMQContext) throws -> [String] {
        guard !live.current.ingest.acknowledgedEndpoints.isEmpty else { return [] }
        let opening = Opening(capacity: 1)
        let thread = try OSThread(name: "acknowledge") { [self] in
            defer { acknowledgedActivity.didEnd() }
            do {
                var loop = try AcknowledgedIngestLoop(
                    context: context, queues: workerQueues, workers: workerActivities, board: board,
                    isDurable: journal != nil, stop: stopIngest, live: live, access: AccessControl(security),
                    metrics: metrics, activity: acknowledgedActivity, log: log)
                _ = opening.push(.success(loop.boundEndpoints), waitingAtMost: nil)
                try loop.run()
            } catch {
                failed("acknowledge", error, opening)
            }
        }
        threads.withLock { $0.acknowledged = thread }
        return try opened(opening, thread)
    }

    private func startHistory(_ context: ZeroMQContext) throws -> [String] {
        guard let journal, !live.current.history.endpoints.isEmpty else { return [] }
        let opening = Opening(capacity: 1)
        let thread = try OSThread(name: "history") { [self] in
            defer { historyActivity.didEnd() }
            do {
                var loop = try HistoryLoop(
                    context: context, reader: try JournalReader(path: journal.path), stop: stopHistory,
                    access: AccessControl(security), settings: live.current, metrics: metrics,
                    activity: historyActivity, log: log)
                _ = opening.push(.success(loop.boundEndpoints), waitingAtMost: nil)
                try loop.run()
            } catch {
                failed("history", error, opening)
            }
        }
        threads.withLock { $0.history = thread }
        return try opened(opening, thread)
    }

    private func opened(_ opening: Opening, _ thread: OSThread) throws -> [String] {
        do {
            return try Self.wait(for: opening)
        } catch {
            thread.join()
            throw error
        }
    }

    private func startWorkers() throws {
        for (index, queue) in workerQueues.enumerated() {
            let activity = workerActivities[index]
            let thread = try OSThread(name: "worker-\(index)") { [self] in
                defer { activity.didEnd() }
                do {
                    let streamJournal = try journal.map {
                        StreamJournal(
                            queue: $0.queue, reader: try JournalReader(path: $0.path), board: board, metrics: metrics,
                            log: log, logger: logger)
                    }
                    let count = workerQueues.count
                    StreamWorker(
                        index: index, queue: queue, publishQueue: publishQueue, replyQueue: replyQueue,
                        journal: streamJournal, board: board,
                        isMine: { StreamHash.worker(of: $0, among: count) == index }, classifier: classifier,
                        subscriptions: subscriptions, live: live, metrics: metrics, activity: activity, log: log,
                        logger: logger
                    ).run()
                } catch {
                    logger.critical("thread worker-\(index) cannot go on", metadata: ["error": "\(error)"])
                }
            }
            threads.withLock { $0.workers.append(thread) }
        }
    }

    private func failed(_ name: String, _ error: any Error, _ opening: Opening) {
        let failure =
            error as? StartFailure
            ?? StartFailure(words: "thread \(name) cannot begin: \(error)", exitCode: ExitStatus.system)
        // Who starts the thread waits for this; once it has begun, nobody does.
        _ = opening.push(.failure(failure), waitingAtMost: 0)
        guard !(error is StartFailure) else { return }
        // The watchdog sees that the thread has ended, and the service manager starts the daemon again.
        logger.critical("thread \(name) cannot go on", metadata: ["error": "\(error)"])
    }

    private static var processors: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}
