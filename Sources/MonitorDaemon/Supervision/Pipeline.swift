import ECGATKGAN
import ECGClassification
import FoundationEssentials
import Logging
import ZeroMQ

/// The threads between the ingest sockets and the subscribers, and the queues between them.
final class Pipeline: Sendable {
    let context: DaemonContext
    let classifier: BeatClassifier
    /// nil: there is no journal.
    let journal: Journal?
    let publishQueue: BoundedQueue<OutgoingMessage>
    private let subscriptions = Subscriptions()
    private let workers: WorkerQueues
    private let replyQueue: BoundedQueue<OutgoingReply>
    private let tracker: AcknowledgementTracker
    private let stopIngest: StopRequest
    private let stopHistory: StopRequest
    private let stopAuthenticator: StopRequest

    private let ingestThread: ServiceThread
    private let publishThread: ServiceThread
    private let commandThread: ServiceThread
    private let workerThreads: [ServiceThread]
    private let authenticatorThread: ServiceThread
    private let journalThread: ServiceThread
    private let acknowledgedThread: ServiceThread
    private let historyThread: ServiceThread

    /// Endpoints as they were bound.
    struct Endpoints: Sendable {
        var ingest: [String] = []
        var events: [String] = []
        var commands: [String] = []
        var acknowledged: [String] = []
        var history: [String] = []
    }

    /// Nothing runs yet.
    init(classifier: BeatClassifier, context: DaemonContext) throws(SystemCallError) {
        self.context = context
        self.classifier = classifier
        let settings = context.settings.current
        journal = Journal.path(settings.journal, stateDirectory: Journal.stateDirectory).map {
            Journal(path: $0, settings: settings.journal)
        }
        tracker = try AcknowledgementTracker(isDurable: journal != nil, metrics: context.metrics)
        stopIngest = try StopRequest()
        stopHistory = try StopRequest()
        stopAuthenticator = try StopRequest()
        replyQueue = BoundedQueue(capacity: 1024, wakeUp: try WakeUp())
        publishQueue = BoundedQueue(
            capacity: settings.events.publishQueueEvents, costLimit: settings.events.publishQueueBytes,
            wakeUp: try WakeUp(), cost: { $0.body.count })
        func thread(_ name: String) -> ServiceThread { ServiceThread(name: name, logger: context.logger) }
        ingestThread = thread("ingest")
        publishThread = thread("publish")
        commandThread = thread("command")
        authenticatorThread = thread("authenticate")
        journalThread = thread("journal")
        acknowledgedThread = thread("acknowledge")
        historyThread = thread("history")
        let count = settings.workers.count > 0 ? settings.workers.count : Self.processors
        workerThreads = (0..<count).map { thread("worker-\($0)") }
        workers = WorkerQueues(
            queues: (0..<count).map { _ in
                BoundedQueue(
                    capacity: settings.workers.queueSegments, costLimit: settings.workers.queueSamples,
                    cost: { $0.cost })
            }, activities: workerThreads.map(\.activity))
    }

    /// Opens the sockets and starts all threads. When it returns, samples can be pushed and topics subscribed to. After
    /// an error nothing runs.
    func start() throws(StartFailure) -> Endpoints {
        do throws(StartFailure) {
            return try startThreads(try Self.makeSockets())
        } catch {
            stop()
            throw error
        }
    }

    private static func makeSockets() throws(StartFailure) -> ZeroMQContext {
        do throws(ZeroMQError) {
            return try ZeroMQContext(ioThreads: 1, maximumSockets: 64)
        } catch {
            throw StartFailure(words: "cannot open sockets: \(error)", exitCode: ExitStatus.system)
        }
    }

    /// - Parameter sockets: kept by the threads alone, so that it ends, and sends what lingers, with the last of them.
    private func startThreads(_ sockets: ZeroMQContext) throws(StartFailure) -> Endpoints {
        let (context, workers, publishQueue, replyQueue) = (context, workers, publishQueue, replyQueue)
        let (tracker, subscriptions, classifier) = (tracker, subscriptions, classifier)
        let (stopIngest, stopHistory, stopAuthenticator) = (stopIngest, stopHistory, stopAuthenticator)
        let settings = context.settings.current
        var endpoints = Endpoints()
        // Before any socket is bound: libzmq lets everybody in while there is no authenticator.
        if context.security.current.isEnabled {
            _ = try authenticatorThread.start { activity in
                try AuthenticatorService(sockets, stop: stopAuthenticator, context: context, activity: activity)
            }
        }
        endpoints.events = try publishThread.start { activity in
            try PublishService(
                sockets, queue: publishQueue, subscriptions: subscriptions, context: context, activity: activity)
        }
        if let journal {
            _ = try journalThread.start { activity in
                JournalWriter(
                    database: try journal.open(settings.journal, context.logger), queue: journal.queue,
                    generation: journal.generation, publishQueue: publishQueue, tracker: tracker, context: context,
                    activity: activity)
            }
        }
        for (index, thread) in workerThreads.enumerated() {
            let journal = journal
            _ = try thread.start { activity in
                StreamWorker(
                    index: index, workers: workers, publishQueue: publishQueue, replyQueue: replyQueue,
                    journal: try journal.map { try StreamJournal($0, tracker: tracker, context: context) },
                    tracker: tracker, classifier: classifier, subscriptions: subscriptions, context: context,
                    activity: activity)
            }
        }
        endpoints.commands = try commandThread.start { activity in
            try CommandService(sockets, workers: workers, replies: replyQueue, context: context, activity: activity)
        }
        if let journal, !settings.history.endpoints.isEmpty {
            endpoints.history = try historyThread.start { activity in
                try HistoryService(
                    sockets, reader: try JournalReader(path: journal.path, generation: journal.generation),
                    stop: stopHistory, context: context, activity: activity)
            }
        }
        if !settings.ingest.acknowledgedEndpoints.isEmpty {
            endpoints.acknowledged = try acknowledgedThread.start { activity in
                try AcknowledgedIngestService(
                    sockets, workers: workers, tracker: tracker, stop: stopIngest, context: context,
                    activity: activity)
            }
        }
        endpoints.ingest = try ingestThread.start { activity in
            try IngestService(sockets, workers: workers, stop: stopIngest, context: context, activity: activity)
        }
        return endpoints
    }

    /// Finishes what has been taken in and returns when every thread has ended: messages that have arrived are
    /// processed, streams are ended (with a journal, saved there to go on from), and events are passed to the
    /// subscribers' connections. Blocks.
    func stop() {
        stopIngest.request()
        ingestThread.join()
        for queue in workers.queues { queue.close() }
        for worker in workerThreads { worker.join() }
        // The journal ends before the acknowledgements: what is acknowledged is in the journal.
        journal?.queue.close()
        journalThread.join()
        tracker.close()
        acknowledgedThread.join()
        stopHistory.request()
        historyThread.join()
        replyQueue.close()
        commandThread.join()
        publishQueue.close()
        publishThread.join()
        stopAuthenticator.request()
        authenticatorThread.join()
    }

    /// What every thread that was started shows of its life.
    var readings: [ThreadActivity.Reading] {
        let threads =
            [ingestThread, publishThread, commandThread] + workerThreads
            + [authenticatorThread, journalThread, acknowledgedThread, historyThread]
        return threads.filter(\.hasStarted).map(\.activity.reading)
    }

    var queues: [MetricsPage.QueueReading] {
        var readings = workers.queues.enumerated().map { MetricsPage.QueueReading("worker-\($0)", $1) }
        readings.append(MetricsPage.QueueReading("publish", publishQueue))
        if let journal { readings.append(MetricsPage.QueueReading("journal", journal.queue)) }
        return readings
    }

    /// Passes a command to the worker that owns its stream.
    /// - Returns: false if that has no room.
    func dispatch(_ command: ReceivedCommand) -> Bool { workers.dispatch(.command(command), of: command.stream) }

    /// Passes limits to the worker that owns their stream.
    /// - Returns: false if that has no room.
    func dispatch(_ limits: ReceivedLimits) -> Bool { workers.dispatch(.limits(limits), of: limits.stream) }

    var workerCount: Int { workers.count }

    private static var processors: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}

extension MetricsPage.QueueReading {
    fileprivate init<Element>(_ name: String, _ queue: BoundedQueue<Element>) {
        self.init(name: name, depth: queue.depth, capacity: queue.capacity, waits: queue.waits)
    }
}
