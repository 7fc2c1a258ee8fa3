import ECGWire
import ZeroMQ

/// The thread that publishes: an XPUB socket on every events endpoint.
///
/// XPUB never waits for a subscriber. One whose queue (`events.subscriber_queue_messages`) is full misses events until
/// it has read on, which it can tell by the holes in the sequence numbers; nobody else notices. The queue in front
/// of this thread is bounded too: workers wait for room, which they always get, since sending never waits.
struct Publisher: ~Copyable {
    private let socket: ZeroMQSocket
    private let monitor: ZeroMQMonitor
    private let endpoints: [String]
    private let queue: BoundedQueue<OutgoingMessage>
    private let wakeUp: WakeUp
    private let subscriptions: Subscriptions
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity

    private static let burst = 256

    /// Opens and binds the socket: to be called on the thread that runs the loop.
    /// - Parameter wakeUp: the one that `queue` signals.
    init(
        context: ZeroMQContext, queue: BoundedQueue<OutgoingMessage>, wakeUp: WakeUp, subscriptions: Subscriptions,
        settings: DaemonConfiguration, metrics: DaemonMetrics, activity: ThreadActivity
    ) throws(StartFailure) {
        let socket = try Self.open(context, settings)
        let monitor = try socket.watched()
        let endpoints = try socket.listen(on: settings.events.endpoints, option: "--events")
        self.socket = socket
        self.monitor = monitor
        self.endpoints = endpoints
        self.queue = queue
        self.wakeUp = wakeUp
        self.subscriptions = subscriptions
        self.metrics = metrics
        self.activity = activity
    }

    private static func open(
        _ context: ZeroMQContext, _ settings: DaemonConfiguration
    ) throws(StartFailure) -> ZeroMQSocket {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .xpub)
            try socket.set(.sendHighWaterMark(settings.events.subscriberQueueMessages))
            // A subscriber that never reads must not keep the daemon from ending.
            try socket.set(.linger(.seconds(min(2, settings.stop.limitSeconds / 3))))
            // Subscriptions are short.
            try socket.set(.maximumMessageSize(4096))
            try socket.set(.backlog(1024))
            return socket
        } catch {
            throw .socket(error)
        }
    }

    var boundEndpoints: [String] { endpoints }

    /// Publishes until the queue is closed and empty.
    /// - Throws: what no loop can go on after.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        poller.add(socket)
        let monitorPlace = poller.add(monitor)
        poller.add(fileDescriptor: wakeUp.fileDescriptor)
        var change = ZeroMQMessage()
        var batch: [OutgoingMessage] = []
        batch.reserveCapacity(Self.burst)
        while true {
            try poller.wait(timeout: .milliseconds(250))
            wakeUp.clear()
            if poller[monitorPlace].contains(.readable) { try readMonitor() }
            var ended = false
            var sent = 0
            repeat {
                try readSubscriptions(&change)
                batch.removeAll(keepingCapacity: true)
                ended = queue.pop(into: &batch, limit: Self.burst, waitingAtMost: 0)
                for message in batch { try send(message) }
                sent += batch.count
                if !batch.isEmpty { activity.didWork() }
            } while !batch.isEmpty
            if ended { break }
            if sent == 0 { activity.wasIdle() }
        }
        ZeroMQSocket.removeSocketFiles(of: endpoints)
    }

    private func send(_ message: OutgoingMessage) throws(ZeroMQError) {
        try socket.send(parts: [message.topic, message.body])
        if let receivedAt = message.receivedAt {
            metrics.ingestToPublish.record(nanoseconds: DaemonClock.monotonic() &- receivedAt)
        }
    }

    private func readSubscriptions(_ message: inout ZeroMQMessage) throws(ZeroMQError) {
        while try socket.receive(into: &message, timeout: .zero) {
            guard message.frameCount == 1, let change = message.withFrame(0, { ZeroMQSubscriptionChange(frame: $0) })
            else { continue }
            if change.isSubscribed {
                subscriptions.add(change.prefix)
            } else {
                subscriptions.remove(change.prefix)
            }
            metrics.subscriptions.set(subscriptions.count)
        }
    }

    private func readMonitor() throws(ZeroMQError) {
        while let event = try monitor.next(timeout: .zero) {
            switch event.kind {
            case .handshakeSucceeded: metrics.subscriberConnections.add(1)
            case .disconnected: metrics.subscriberConnections.decrement()
            default: break
            }
        }
    }
}
