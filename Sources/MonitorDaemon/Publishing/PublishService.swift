import ECGSecurity
import ECGWire
import ZeroMQ

/// Publishes: an XPUB socket on every events endpoint.
///
/// XPUB never waits for a subscriber. A subscriber whose queue (`events.subscriber_queue_messages`) is full misses
/// events until it has read on; the holes in the sequence numbers tell it so, and nobody else notices. The queue in
/// front of this thread is bounded too: workers wait for room, which there will be, since sending never waits.
///
/// Events at which a queue becomes full are counted: with `ZMQ_XPUB_NODROP`, libzmq sends nothing if it finds a
/// subscriber's queue full, and reports it. The event is counted, then sent without that option. From then on libzmq
/// skips the subscriber without a report until it has read a good part of its queue (`dist_t::match` in libzmq's
/// `dist.cpp`; a test shows it with 4.3.4). How many events it misses in all is therefore not known here.
struct PublishService: ThreadService, ~Copyable {
    private let socket: ZeroMQSocket
    private let monitor: ZeroMQMonitor
    let boundEndpoints: [String]
    private let queue: BoundedQueue<OutgoingMessage>
    private let subscriptions: Subscriptions
    private let access: AccessControl
    private let log: PeriodicLog
    private var admission = SubscriberAdmission()
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity

    private static let burst = 256
    /// Subscriptions read before anything else is looked at again.
    private static let subscriptionBurst = 1024

    /// Opens and binds the socket.
    init(
        _ sockets: ZeroMQContext, queue: BoundedQueue<OutgoingMessage>, subscriptions: Subscriptions,
        context: DaemonContext, activity: ThreadActivity
    ) throws(StartFailure) {
        let settings = context.settings.current
        access = AccessControl(context.security)
        let socket = try ZeroMQSocket.open(
            sockets, .xpub,
            [
                .sendHighWaterMark(settings.events.subscriberQueueMessages), .xpubNoDrop(true), .backlog(1024),
                // A subscriber that never reads must not keep the daemon from ending.
                .linger(.seconds(min(2, settings.stop.limitSeconds / 3))),
                // Subscriptions are short, and so are the handshake's messages.
                .maximumMessageSize(1024),
                // Every subscription is reported, not only the first for a prefix: the limits count them all.
                .xpubVerboser(true),
            ] + (access.isEnabled ? [.xpubManual(true)] : []))
        let monitor = try socket.watched()
        boundEndpoints = try socket.listen(
            on: settings.events.endpoints, option: "--events", security: access.socketSecurity)
        self.socket = socket
        self.monitor = monitor
        self.queue = queue
        self.subscriptions = subscriptions
        metrics = context.metrics
        log = context.log
        self.activity = activity
    }

    /// Publishes until the queue is closed and empty.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        poller.add(socket)
        let monitorPlace = poller.add(monitor)
        if let wakeUp = queue.wakeUp { poller.add(fileDescriptor: wakeUp.fileDescriptor) }
        var change = ZeroMQMessage()
        var batch: [OutgoingMessage] = []
        batch.reserveCapacity(Self.burst)
        while true {
            try poller.wait(timeout: .milliseconds(250))
            queue.wakeUp?.clear()
            if poller[monitorPlace].contains(.readable) { try readMonitor() }
            var ended = false
            var sent = 0
            repeat {
                try readSubscriptions(&change)
                batch.removeAll(keepingCapacity: true)
                ended = queue.pop(into: &batch, limit: Self.burst, waitingAtMost: 0)
                // Before anything is sent: who has lost his rights gets nothing more.
                let (serverKeyChanged, readersChanged) = (access.mustBindAgain(), access.readersChanged())
                if serverKeyChanged || readersChanged { try closeAllConnections() }
                for message in batch { try send(message) }
                sent += batch.count
                if !batch.isEmpty { activity.didWork() }
            } while !batch.isEmpty
            if ended { break }
            if sent == 0 { activity.wasIdle() }
        }
        ZeroMQSocket.removeSocketFiles(of: boundEndpoints)
    }

    private func send(_ message: OutgoingMessage) throws(ZeroMQError) {
        if try !socket.send(parts: [message.topic, message.body], timeout: .zero) {
            countFullQueue(message.topic)
            try socket.set(.xpubNoDrop(false))
            try socket.send(parts: [message.topic, message.body])
            try socket.set(.xpubNoDrop(true))
        }
        if let receivedAt = message.receivedAt {
            metrics.ingestToPublish.record(nanoseconds: DaemonClock.elapsed(since: receivedAt))
        }
    }

    private func countFullQueue(_ name: [UInt8]) {
        guard let topic = Topic(String(decoding: name, as: UTF8.self)) else { return }
        metrics.count(.subscriberQueueFull(topic.kind), of: topic.stream ?? "")
        log.note("a subscriber does not keep up", cause: "queue_full", stream: "", detail: "at \(topic.name)")
    }

    /// Reads some of what subscribers ask for: others are served between, however much one sends.
    private mutating func readSubscriptions(_ message: inout ZeroMQMessage) throws(ZeroMQError) {
        for _ in 0..<Self.subscriptionBurst {
            guard try socket.receive(into: &message, timeout: .zero) else {
                admission.endRound()
                break
            }
            let peer = access.peer(of: message)
            switch admission.take(message, of: peer, isManual: access.isEnabled, subscriptions: subscriptions) {
            case .nothing: break
            case .subscribe(let prefixes):
                for prefix in prefixes { try socket.set(.subscribe(prefix)) }
                if prefixes.isEmpty { refused(peer, message) }
            case .reset(let offence):
                try punish(peer, for: offence)
                return
            }
        }
        metrics.subscriptions.set(subscriptions.count)
    }

    private func refused(_ peer: Peer, _ message: borrowing ZeroMQMessage) {
        metrics.subscriptionsRefused.add(1)
        let topic = message.withFrame(0) { String(decoding: $0.dropFirst().prefix(80), as: UTF8.self) }
        log.note(
            "subscription refused", cause: RejectCause.notPermitted.label, stream: "", key: peer.name,
            detail: LogFields.oneLine("topic \(topic)"))
    }

    private mutating func punish(_ peer: Peer, for offence: SubscriberAdmission.Offence) throws(ZeroMQError) {
        metrics.subscriberResets.add(for: offence)
        var banSeconds: UInt64?
        if case .key(let key) = peer, offence != .tooShort { banSeconds = access.ban(key) }
        log.note(
            "all subscribers' connections closed", cause: offence.rawValue, stream: "", key: peer.name,
            detail: banSeconds.map { "the key is not let in for \($0) s" } ?? "")
        try closeAllConnections()
    }

    /// Subscribers connect anew by themselves, within a tenth of a second as a rule, and miss what is published
    /// meanwhile; the holes in the sequence numbers show it.
    private mutating func closeAllConnections() throws(ZeroMQError) {
        socket.stopListening(on: boundEndpoints)
        // What the connections that end have left is counted, nothing of it is put in.
        var message = ZeroMQMessage()
        let limit = DaemonClock.monotonic() + 500_000_000
        while DaemonClock.monotonic() < limit, try socket.receive(into: &message, timeout: .milliseconds(20)) {
            let peer = access.peer(of: message)
            _ = admission.take(message, of: peer, isManual: access.isEnabled, subscriptions: subscriptions)
        }
        admission.endRound()
        metrics.subscriptions.set(subscriptions.count)
        try socket.openAgain(boundEndpoints, security: access.socketSecurity)
        // libzmq does not report the connections that end with their listener.
        try readMonitor()
        metrics.subscriberConnections.set(0)
    }

    private func readMonitor() throws(ZeroMQError) {
        while let event = try monitor.next(timeout: .zero) {
            switch event.kind {
            case .accepted: metrics.subscriberConnections.add(1)
            case .handshakeFailed, .handshakeFailedProtocol, .handshakeFailedAuthentication:
                metrics.handshakesFailed.add(1)
            case .disconnected: metrics.subscriberConnections.decrement()
            default: break
            }
        }
    }
}
