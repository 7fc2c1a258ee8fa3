import ECGMonitor
import ECGSecurity
import ECGWire
import Synchronization
import ZeroMQ

/// The thread that takes messages in: a PULL socket on every ingest endpoint. It parses each message, checks what can
/// be checked without knowing the stream's past, and hands it to the worker that owns the stream.
///
/// Policy where a worker's queue is full: the socket is left alone, so that the sources wait (their PUSH sockets fill
/// up) and nothing is lost, for as long as the worker moves on. One that has done nothing at all for
/// `ingest.patience_seconds` counts as stalled: until it moves again its messages are dropped at once and counted, so
/// that the streams of all others go on.
struct IngestLoop: ~Copyable {
    private let socket: ZeroMQSocket
    private let monitor: ZeroMQMonitor
    private let endpoints: [String]
    private let queues: [BoundedQueue<WorkerInput>]
    /// What shows that the worker behind each queue moves.
    private let workers: [ThreadActivity]
    private let stop: StopRequest
    private let live: LiveSettings
    private let access: AccessControl
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity
    private let log: PeriodicLog
    /// How far a stalled worker had come when it was found so; nil: it is not stalled.
    private var stalledAt: [UInt64?]
    private var settings: DaemonConfiguration.Ingest
    private var generation: UInt64

    /// Messages taken between two looks at anything else.
    private static let burst = 256
    /// An envelope (routing id, empty frame) and the block.
    private static let mostFrames = 4

    /// Opens and binds the socket: to be called on the thread that runs the loop.
    init(
        context: ZeroMQContext, queues: [BoundedQueue<WorkerInput>], workers: [ThreadActivity],
        stop: StopRequest, live: LiveSettings, access: AccessControl, metrics: DaemonMetrics,
        activity: ThreadActivity, log: PeriodicLog
    ) throws(StartFailure) {
        let generation = live.generation
        let settings = live.current.ingest
        let socket = try Self.open(context, settings)
        let monitor = try socket.watched()
        let endpoints = try socket.listen(on: settings.endpoints, option: "--ingest", security: access.socketSecurity)
        self.socket = socket
        self.monitor = monitor
        self.endpoints = endpoints
        self.generation = generation
        self.settings = settings
        self.queues = queues
        self.workers = workers
        self.stop = stop
        self.live = live
        self.access = access
        self.metrics = metrics
        self.activity = activity
        self.log = log
        stalledAt = Array(repeating: nil, count: queues.count)
    }

    private static func open(
        _ context: ZeroMQContext, _ settings: DaemonConfiguration.Ingest
    ) throws(StartFailure) -> ZeroMQSocket {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .pull)
            try socket.set(.receiveHighWaterMark(settings.receiveQueueMessages))
            // libzmq cuts off whoever sends a larger frame, and says no more than that the connection ended; up to
            // here it is us who reject, count by cause, and let the source go on.
            try socket.set(.maximumMessageSize(settings.connectionLimitBytes))
            try socket.set(.linger(.zero))
            try socket.set(.backlog(1024))
            return socket
        } catch {
            throw .socket(error)
        }
    }

    var boundEndpoints: [String] { endpoints }

    /// Takes messages until asked to stop, then what has arrived already, and returns.
    /// - Throws: what no loop can go on after.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        poller.add(socket)
        let monitorPlace = poller.add(monitor)
        poller.add(fileDescriptor: stop.wakeUp.fileDescriptor)
        var message = ZeroMQMessage()
        while !stop.isRequested {
            try poller.wait(timeout: .milliseconds(250))
            if poller[monitorPlace].contains(.readable) { try readMonitor() }
            refreshSettings()
            if access.mustBindAgain() { try closeAllConnections() }
            var taken = 0
            while taken < Self.burst, try socket.receive(into: &message, timeout: .zero) {
                take(message)
                taken += 1
            }
            if taken > 0 {
                activity.didWork()
            } else {
                activity.wasIdle()
            }
        }
        try drain(&message)
    }

    /// What has reached this machine is still taken in, then the endpoints are closed, which ends their connections,
    /// and what libzmq had read by then is taken in, too. A source that goes on pushing is not waited for: what it has
    /// left is its own to send again.
    private mutating func drain(_ message: inout ZeroMQMessage) throws(ZeroMQError) {
        let limit = DaemonClock.monotonic() + 1_000_000_000
        while DaemonClock.monotonic() < limit, try takeNext(&message) {}
        socket.stopListening(on: endpoints)
        while try takeNext(&message) {}
    }

    private mutating func takeNext(_ message: inout ZeroMQMessage) throws(ZeroMQError) -> Bool {
        guard try socket.receive(into: &message, timeout: .milliseconds(50)) else { return false }
        take(message)
        activity.didWork()
        return true
    }

    private mutating func refreshSettings() {
        guard live.generation != generation else { return }
        generation = live.generation
        settings = live.current.ingest
    }

    private mutating func take(_ message: borrowing ZeroMQMessage) {
        let receivedAt = DaemonClock.monotonic()
        metrics.messagesReceived.add(1)
        var bytes = 0
        for frame in 0..<message.frameCount { bytes += message.size(ofFrame: frame) }
        metrics.bytesReceived.add(bytes)
        guard message.frameCount <= Self.mostFrames, message.discardedFrameCount == 0 else {
            return reject(.tooManyFrames, "", "\(message.frameCount + message.discardedFrameCount) frames")
        }
        let last = message.frameCount - 1
        guard message.size(ofFrame: last) <= settings.maximumFrameBytes else {
            return reject(.frameTooLarge, "", "\(message.size(ofFrame: last)) bytes")
        }
        let block: WireSampleBlock
        do throws(SampleBlockRejection) {
            block = try message.withFrame(last) { (frame) throws(SampleBlockRejection) in
                try WireSampleBlock(frame: frame)
            }
        } catch {
            return reject(RejectCause(error.cause), "", "\(error)")
        }
        do throws(SampleBlockRejection) {
            try block.validate()
        } catch {
            return reject(RejectCause(error.cause), StreamName.isValid(block.stream) ? block.stream : "", "\(error)")
        }
        let peer = access.peer(of: message)
        guard peer.mayPush(block.stream) else {
            metrics.count(.rejected(.notPermitted), of: block.stream)
            // Logged by the key rather than by the stream, which it can choose.
            return log.note(
                "message rejected", cause: RejectCause.notPermitted.label, stream: "", key: peer.name,
                detail: "stream \(block.stream)")
        }
        hand(
            ReceivedBlock(
                stream: block.stream,
                segment: SampleBlock(
                    session: block.session, firstSampleIndex: block.firstSampleIndex,
                    samplingRate: block.samplingRate, acquisitionTimeNanoseconds: block.acquisitionTimeNs,
                    lead: block.lead, leadOff: block.leadOff, millivolts: block.samplesInMillivolts),
                receivedAt: receivedAt))
    }

    private mutating func hand(_ received: ReceivedBlock) {
        let worker = StreamHash.worker(of: received.stream, among: queues.count)
        while true {
            let turn = workers[worker].turn
            let patience = stalledAt[worker] == turn ? 0 : UInt64(settings.patienceSeconds * 1e9)
            switch queues[worker].push(.segment(received), waitingAtMost: patience) {
            case .taken:
                stalledAt[worker] = nil
                return
            case .full where workers[worker].turn != turn:
                // Slow, not stalled: what is waited for moves.
                activity.didWork()
            case .full, .closed:
                stalledAt[worker] = turn
                return reject(.workerQueueFull, received.stream, "worker \(worker) takes nothing")
            }
        }
    }

    private func reject(_ cause: RejectCause, _ stream: String, _ detail: @autoclosure () -> String) {
        metrics.count(.rejected(cause), of: stream)
        log.note("message rejected", cause: cause.label, stream: stream, detail: detail())
    }

    /// libzmq does not tell of the connections that end with their listener.
    private func closeAllConnections() throws(ZeroMQError) {
        try socket.listenAgain(on: endpoints, security: access.socketSecurity)
        try readMonitor()
        metrics.sourceConnections.set(0)
    }

    private func readMonitor() throws(ZeroMQError) {
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

/// Asks a thread that waits in `poll` to come to its end.
final class StopRequest: Sendable {
    let wakeUp: WakeUp
    private let requested = Atomic<Bool>(false)

    init() throws(SystemCallError) { wakeUp = try WakeUp() }

    var isRequested: Bool { requested.load(ordering: .acquiring) }

    func request() {
        requested.store(true, ordering: .releasing)
        wakeUp.signal()
    }
}
