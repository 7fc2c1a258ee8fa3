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
    /// nil: the daemon works alone.
    let cluster: ClusterSettings?
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

    // In a cluster only.
    /// What a gateway's sockets pass on instead of passing it to workers.
    private let gatewayQueues: GatewayQueues?
    /// What a worker's threads pass to the brokers instead of to the journal, and how far their streams are.
    private let clusterRounds: BoundedQueue<JournalRound>?
    private let clusterReplies: BoundedQueue<OutgoingReply>?
    private let clusterTracker: AcknowledgementTracker?
    private let written: WrittenDeliveries?
    private let gatewayThread: ServiceThread
    private let eventsThread: ServiceThread
    private let clusterThread: ServiceThread
    /// Samples and limits for displays: a worker's end, and a gateway's.
    private let displayThread: ServiceThread
    private let samplesThread: ServiceThread

    /// Endpoints as they were bound.
    struct Endpoints: Sendable {
        var ingest: [String] = []
        var events: [String] = []
        var commands: [String] = []
        var acknowledged: [String] = []
        var history: [String] = []
    }

    /// Nothing runs yet.
    /// - Parameter cluster: nil: the daemon works alone.
    init(
        classifier: BeatClassifier, cluster: ClusterSettings? = nil, context: DaemonContext
    ) throws(SystemCallError) {
        self.cluster = cluster
        self.context = context
        self.classifier = classifier
        let settings = context.settings.current
        let (isGateway, isWorker) = (cluster?.role.isGateway ?? false, cluster?.role.isWorker ?? false)
        let path = Journal.path(settings.journal, stateDirectory: Journal.stateDirectory)
        journal = cluster == nil || isGateway ? path.map { Journal(path: $0, settings: settings.journal) } : nil
        tracker = try AcknowledgementTracker(isDurable: journal != nil || isGateway, metrics: context.metrics)
        gatewayQueues = isGateway ? try GatewayQueues(settings.workers) : nil
        written = isGateway ? try WrittenDeliveries() : nil
        clusterRounds =
            isWorker
            ? BoundedQueue(
                capacity: settings.journal.queueRounds, costLimit: Journal.queueBytes, wakeUp: try WakeUp(),
                cost: { $0.cost }) : nil
        clusterReplies = isWorker ? BoundedQueue(capacity: 1024, wakeUp: try WakeUp()) : nil
        clusterTracker = isWorker ? try AcknowledgementTracker(isDurable: true, metrics: context.metrics) : nil
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
        gatewayThread = thread("gateway")
        eventsThread = thread("events")
        clusterThread = thread("cluster")
        displayThread = thread("display")
        samplesThread = thread("samples")
        let isAlone = cluster == nil
        let processors = settings.workers.count > 0 ? settings.workers.count : Self.processors
        let count = isAlone || isWorker ? processors : 0
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
        let (context, publishQueue, replyQueue) = (context, publishQueue, replyQueue)
        let (tracker, subscriptions, written) = (tracker, subscriptions, written)
        let (stopIngest, stopHistory, stopAuthenticator) = (stopIngest, stopHistory, stopAuthenticator)
        let settings = context.settings.current
        var endpoints = Endpoints()
        if let cluster, cluster.role.isWorker { try startWorker(cluster) }
        guard cluster?.role.isGateway != false else { return endpoints }
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
                    generation: journal.generation, publishQueue: publishQueue, written: written, tracker: tracker,
                    context: context, activity: activity)
            }
        }
        if let cluster {
            try startGateway(cluster)
        } else {
            try startWorkers()
        }
        let (commandWorkers, plainWorkers, acknowledgedWorkers) = inputs
        let keepsMessages = cluster != nil
        endpoints.commands = try commandThread.start { activity in
            try CommandService(
                sockets, workers: commandWorkers, replies: replyQueue, context: context, activity: activity)
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
                    sockets, workers: acknowledgedWorkers, tracker: tracker, keepsMessages: keepsMessages,
                    stop: stopIngest, context: context, activity: activity)
            }
        }
        endpoints.ingest = try ingestThread.start { activity in
            try IngestService(
                sockets, workers: plainWorkers, keepsMessages: keepsMessages, stop: stopIngest, context: context,
                activity: activity)
        }
        return endpoints
    }

    /// What takes the sockets' inputs: the workers, or, at a gateway, its own queues.
    private var inputs: (commands: WorkerQueues, plain: WorkerQueues, acknowledged: WorkerQueues) {
        guard let gatewayQueues else { return (workers, workers, workers) }
        func only(_ queue: BoundedQueue<WorkerInput>) -> WorkerQueues {
            WorkerQueues(queues: [queue], activities: [gatewayThread.activity])
        }
        return (only(gatewayQueues.commands), only(gatewayQueues.plain), only(gatewayQueues.acknowledged))
    }

    private func startGateway(_ cluster: ClusterSettings) throws(StartFailure) {
        guard let gatewayQueues, let written else { return }
        let (context, tracker, replyQueue, stop) = (context, tracker, replyQueue, stopIngest)
        let (journal, publishQueue, subscriptions) = (journal, publishQueue, subscriptions)
        _ = try eventsThread.start { activity in
            GatewayEvents(
                cluster, journal: journal?.queue, publishQueue: publishQueue, subscriptions: subscriptions,
                written: written, stop: stop, context: context, activity: activity)
        }
        _ = try samplesThread.start { activity in
            DisplayReceiver(
                cluster, publishQueue: publishQueue, subscriptions: subscriptions, stop: stop, context: context,
                activity: activity)
        }
        _ = try gatewayThread.start { activity in
            GatewaySender(
                cluster, queues: gatewayQueues, tracker: tracker, replies: replyQueue, stop: stop, context: context,
                activity: activity)
        }
    }

    private func startWorker(_ cluster: ClusterSettings) throws(StartFailure) {
        guard let rounds = clusterRounds, let replies = clusterReplies, let tracker = clusterTracker else { return }
        let (workers, publishQueue, classifier) = (workers, publishQueue, classifier)
        var context = context
        // The gateways show what the workers find.
        let feed = StationFeed(maximumBeds: .max, use: .worker)
        context.station = feed
        let (own, stop) = (context, stopIngest)
        for (index, thread) in workerThreads.enumerated() {
            _ = try thread.start { activity in
                StreamWorker(
                    index: index, workers: workers, publishQueue: publishQueue, replyQueue: replies,
                    journal: StreamJournal(rounds, tracker: tracker, context: own), tracker: tracker,
                    classifier: classifier, subscriptions: Subscriptions(), context: own, activity: activity)
            }
        }
        _ = try clusterThread.start { activity in
            ClusterWorkerService(
                cluster, workers: workers, rounds: rounds, replies: replies, tracker: tracker,
                model: classifier.sha256, context: own, activity: activity)
        }
        _ = try displayThread.start { activity in
            DisplaySender(cluster, feed: feed, stop: stop, context: own, activity: activity)
        }
    }

    private func startWorkers() throws(StartFailure) {
        let (context, workers, publishQueue, replyQueue) = (context, workers, publishQueue, replyQueue)
        let (tracker, subscriptions, classifier) = (tracker, subscriptions, classifier)
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
    }

    /// Finishes what has been taken in and returns when every thread has ended: messages that have arrived are
    /// processed, streams are ended (with a journal, saved there to go on from), and events are passed to the
    /// subscribers' connections. Blocks.
    func stop() {
        stopIngest.request()
        ingestThread.join()
        // A gateway's last blocks are confirmed before the acknowledgements end.
        gatewayQueues?.close()
        gatewayThread.join()
        eventsThread.join()
        samplesThread.join()
        displayThread.join()
        for queue in workers.queues { queue.close() }
        for worker in workerThreads { worker.join() }
        clusterRounds?.close()
        clusterThread.join()
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
            + [gatewayThread, eventsThread, clusterThread, displayThread, samplesThread]
        return threads.filter(\.hasStarted).map(\.activity.reading)
    }

    var queues: [MetricsPage.QueueReading] {
        var readings = workers.queues.enumerated().map { MetricsPage.QueueReading("worker-\($0)", $1) }
        readings.append(MetricsPage.QueueReading("publish", publishQueue))
        if let journal { readings.append(MetricsPage.QueueReading("journal", journal.queue)) }
        if let gatewayQueues {
            readings.append(MetricsPage.QueueReading("gateway", gatewayQueues.acknowledged))
            readings.append(MetricsPage.QueueReading("gateway-plain", gatewayQueues.plain))
        }
        if let clusterRounds { readings.append(MetricsPage.QueueReading("cluster", clusterRounds)) }
        return readings
    }

    /// Passes a command to the worker that owns its stream.
    /// - Returns: false if that has no room.
    func dispatch(_ command: ReceivedCommand) -> Bool {
        inputs.commands.dispatch(.command(command), of: command.stream)
    }

    /// Passes limits to the worker that owns their stream.
    /// - Returns: false if that has no room.
    func dispatch(_ limits: ReceivedLimits) -> Bool {
        inputs.commands.dispatch(.limits(limits), of: limits.stream)
    }

    var workerCount: Int { workers.count }

    private static var processors: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}

extension MetricsPage.QueueReading {
    fileprivate init<Element>(_ name: String, _ queue: BoundedQueue<Element>) {
        self.init(name: name, depth: queue.depth, capacity: queue.capacity, waits: queue.waits)
    }
}
