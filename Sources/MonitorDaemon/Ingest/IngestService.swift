import ECGMonitor
import ECGSecurity
import ECGWire
import ZeroMQ

/// Takes samples in: a PULL socket on every ingest endpoint. Each message is checked as far as that is possible without
/// knowing the stream's past, and dispatched to the worker that owns the stream.
///
/// While a worker's queue is full, the socket is not read: the sources' own queues fill up, they wait, and nothing is
/// lost. Blocks for a worker that is stalled (`WorkerDispatcher`) are dropped and counted.
struct IngestService: ThreadService, ~Copyable {
    private let socket: ZeroMQSocket
    private let monitor: ZeroMQMonitor
    let boundEndpoints: [String]
    private let context: DaemonContext
    private let settings: SettingsView
    private let access: AccessControl
    private let receiver: BlockReceiver
    private var dispatcher: WorkerDispatcher
    /// Blocks go on as the messages that they came in, too.
    private let keepsMessages: Bool
    private let stop: StopRequest
    private let activity: ThreadActivity

    /// Messages taken before anything else is looked at again.
    private static let burst = 256
    /// An envelope (routing id, empty frame) and the block.
    private static let maximumFrameCount = 4

    /// Opens and binds the socket.
    init(
        _ sockets: ZeroMQContext, workers: WorkerQueues, keepsMessages: Bool = false, stop: StopRequest,
        context: DaemonContext, activity: ThreadActivity
    ) throws(StartFailure) {
        settings = SettingsView(context.settings)
        access = AccessControl(context.security)
        let ingest = settings.current.ingest
        let socket = try ZeroMQSocket.open(
            sockets, .pull,
            [
                .receiveHighWaterMark(ingest.receiveQueueMessages), .linger(.zero), .backlog(1024),
                // libzmq closes the connection of whoever sends a larger frame, and reports only that it ended. Up to
                // this size the daemon rejects the frame itself, counts it by cause, and lets the source go on.
                .maximumMessageSize(ingest.connectionLimitBytes),
            ])
        let monitor = try socket.watched()
        boundEndpoints = try socket.listen(on: ingest.endpoints, option: "--ingest", security: access.socketSecurity)
        self.socket = socket
        self.monitor = monitor
        receiver = BlockReceiver(
            context: context, settings: settings, access: access, logMessage: "message rejected", acceptsHellos: false)
        dispatcher = WorkerDispatcher(workers: workers, activity: activity)
        self.keepsMessages = keepsMessages
        self.context = context
        self.stop = stop
        self.activity = activity
    }

    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        poller.add(socket)
        let monitorPlace = poller.add(monitor)
        poller.add(fileDescriptor: stop.wakeUp.fileDescriptor)
        var message = ZeroMQMessage()
        while !stop.isRequested {
            try poller.wait(timeout: .milliseconds(250))
            if poller[monitorPlace].contains(.readable) { try readMonitor() }
            settings.refresh()
            if access.mustBindAgain() { try closeAllConnections() }
            var taken = 0
            while taken < Self.burst, try socket.receive(into: &message, timeout: .zero) {
                handle(message)
                taken += 1
            }
            activity.didTurn(working: taken > 0)
        }
        try drain(&message)
    }

    /// Takes in what has reached this machine, then closes the endpoints, which ends their connections, and takes in
    /// what libzmq had read by then. A source that goes on pushing is not waited for: it can send the rest again.
    private mutating func drain(_ message: inout ZeroMQMessage) throws(ZeroMQError) {
        let limit = DaemonClock.monotonic() + 1_000_000_000
        while DaemonClock.monotonic() < limit, try takeNext(&message) {}
        socket.stopListening(on: boundEndpoints)
        while try takeNext(&message) {}
    }

    private mutating func takeNext(_ message: inout ZeroMQMessage) throws(ZeroMQError) -> Bool {
        guard try socket.receive(into: &message, timeout: .milliseconds(50)) else { return false }
        handle(message)
        activity.didWork()
        return true
    }

    private mutating func handle(_ message: borrowing ZeroMQMessage) {
        let receivedAt = DaemonClock.monotonic()
        let hasRightFrames = message.frameCount <= Self.maximumFrameCount && message.discardedFrameCount == 0
        let block: WireSampleBlock
        do throws(BlockReceiver.Refusal) {
            block = try receiver.receive(
                message,
                frameProblem: hasRightFrames ? nil : "\(message.frameCount + message.discardedFrameCount) frames")
        } catch {
            return
        }
        let received = ReceivedBlock(
            block, receivedAt: receivedAt,
            message: keepsMessages ? message.bytes(ofFrame: message.frameCount - 1) : [])
        let patience = settings.current.ingest.patienceSeconds
        if !dispatcher.dispatch(.block(received), of: received.stream, patienceSeconds: patience) {
            let worker = dispatcher.workers.worker(of: received.stream)
            context.reject(.workerQueueFull, of: received.stream, detail: "worker \(worker) takes nothing")
        }
    }

    /// libzmq does not report the connections that end with their listener.
    private func closeAllConnections() throws(ZeroMQError) {
        try socket.listenAgain(on: boundEndpoints, security: access.socketSecurity)
        try readMonitor()
        context.metrics.sourceConnections.set(0)
    }

    private func readMonitor() throws(ZeroMQError) {
        let metrics = context.metrics
        while let event = try monitor.next(timeout: .zero) {
            switch event.kind {
            case .accepted: metrics.sourceConnections.add(1)
            case .handshakeFailed, .handshakeFailedProtocol, .handshakeFailedAuthentication:
                metrics.handshakesFailed.add(1)
            case .disconnected:
                metrics.sourceDisconnects.add(1)
                metrics.sourceConnections.decrement()
            default: break
            }
        }
    }
}
