import ECGMonitor
import ECGSecurity
import ECGWire
import SwiftProtobuf
import ZeroMQ

/// The thread that takes acknowledged blocks in: a ROUTER socket on every acknowledged endpoint. The order within a
/// connection is the sender's, and a connection that breaks is noticed by its next hello: so a block is taken only from
/// the connection that said hello for its stream last, and after a refusal none is until the next hello. What was
/// passed over on the way is therefore never taken for a gap.
///
/// Bounds: of each stream at most `ingest.acknowledged_window_samples` are on their way to its worker; beyond that
/// blocks are refused (cause `beyond_credit`), not waited for. Where a worker's queue is full it is waited for as in
/// `IngestLoop`, then the block is refused, and nothing is lost: the source has it still.
struct AcknowledgedIngestLoop: ~Copyable {
    /// Who sends a stream.
    private struct Source {
        var peer: [UInt8]
        /// It must say hello before the next block.
        var needsHello = false
        /// It has been told so.
        var wasTold = false
        var isFirst = true
        var credit = SourceCredit()
        var standing: AcknowledgementBoard.Standing
        /// What it was told last.
        var toldNeeded: Int64 = -1
        var toldExpected: Int64 = -1
        var toldSession: UInt64 = 0

        mutating func learn(_ standing: AcknowledgementBoard.Standing) {
            self.standing = standing
            credit.learn(processed: standing.processed)
        }
    }

    private let socket: ZeroMQSocket
    private let endpoints: [String]
    private let queues: [BoundedQueue<WorkerInput>]
    private let workers: [ThreadActivity]
    private let board: AcknowledgementBoard
    private let stop: StopRequest
    private let live: LiveSettings
    private let access: AccessControl
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity
    private let log: PeriodicLog
    private let isDurable: Bool
    private var settings: DaemonConfiguration
    private var generation: UInt64
    private var sources: [String: Source] = [:]
    /// How far a stalled worker had come when it was found so; nil: it is not stalled.
    private var stalledAt: [UInt64?]

    private static let burst = 256

    /// Opens and binds the socket: to be called on the thread that runs the loop.
    /// - Parameter isDurable: there is a journal.
    init(
        context: ZeroMQContext, queues: [BoundedQueue<WorkerInput>], workers: [ThreadActivity],
        board: AcknowledgementBoard, isDurable: Bool, stop: StopRequest, live: LiveSettings, access: AccessControl,
        metrics: DaemonMetrics, activity: ThreadActivity, log: PeriodicLog
    ) throws(StartFailure) {
        let generation = live.generation
        let settings = live.current
        let socket = try Self.open(context, settings.ingest)
        endpoints = try socket.listen(
            on: settings.ingest.acknowledgedEndpoints, option: "--ingest-acknowledged", security: access.socketSecurity)
        self.socket = socket
        self.queues = queues
        self.workers = workers
        self.board = board
        self.isDurable = isDurable
        self.stop = stop
        self.live = live
        self.access = access
        self.metrics = metrics
        self.activity = activity
        self.log = log
        self.generation = generation
        self.settings = settings
        stalledAt = Array(repeating: nil, count: queues.count)
    }

    private static func open(
        _ context: ZeroMQContext, _ settings: DaemonConfiguration.Ingest
    ) throws(StartFailure) -> ZeroMQSocket {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .router)
            try socket.set(.receiveHighWaterMark(settings.receiveQueueMessages))
            try socket.set(.sendHighWaterMark(1024))
            try socket.set(.maximumMessageSize(settings.connectionLimitBytes))
            // Sending to a source that has gone is noticed, and its streams forgotten.
            try socket.set(.routerMandatory(true))
            // The last acknowledgements, when the daemon ends.
            try socket.set(.linger(.milliseconds(500)))
            try socket.set(.backlog(1024))
            return socket
        } catch {
            throw .socket(error)
        }
    }

    var boundEndpoints: [String] { endpoints }

    /// Takes blocks until asked to stop, then goes on telling how far the streams are until the journal has ended.
    /// - Throws: what no loop can go on after.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        poller.add(socket)
        poller.add(fileDescriptor: stop.wakeUp.fileDescriptor)
        poller.add(fileDescriptor: board.wakeUp.fileDescriptor)
        // Once it is asked to stop, that descriptor stays readable.
        var endPoller = ZeroMQPoller()
        endPoller.add(fileDescriptor: board.wakeUp.fileDescriptor)
        var message = ZeroMQMessage()
        var ended = false
        while !ended {
            if stop.isRequested {
                try endPoller.wait(timeout: .milliseconds(100))
            } else {
                try poller.wait(timeout: .milliseconds(250))
            }
            board.wakeUp.clear()
            refreshSettings()
            if access.mustBindAgain() { try socket.listenAgain(on: endpoints, security: access.socketSecurity) }
            var taken = 0
            while !stop.isRequested, taken < Self.burst, try socket.receive(into: &message, timeout: .zero) {
                try take(message)
                taken += 1
            }
            let told = try tell(&ended)
            if taken + told > 0 { activity.didWork() } else { activity.wasIdle() }
        }
        ZeroMQSocket.removeSocketFiles(of: endpoints)
    }

    private mutating func refreshSettings() {
        guard live.generation != generation else { return }
        generation = live.generation
        settings = live.current
    }

    // MARK: Taking

    private mutating func take(_ message: borrowing ZeroMQMessage) throws(ZeroMQError) {
        let receivedAt = DaemonClock.monotonic()
        metrics.messagesReceived.add(1)
        var bytes = 0
        for frame in 0..<message.frameCount { bytes += message.size(ofFrame: frame) }
        metrics.bytesReceived.add(bytes)
        let last = message.frameCount - 1
        let envelope = Envelope(message)
        guard let envelope else {
            let peer = message.bytes(ofFrame: 0)
            return try refuse(.tooManyFrames, "", Envelope(peer: peer, hasEmptyFrame: false), "frames beside the block")
        }
        guard message.size(ofFrame: last) <= settings.ingest.maximumFrameBytes else {
            return try refuse(.frameTooLarge, "", envelope, "\(message.size(ofFrame: last)) bytes")
        }
        let block: WireSampleBlock
        var name = ""
        do throws(SampleBlockRejection) {
            block = try message.withFrame(last) { (frame) throws(SampleBlockRejection) in
                try WireSampleBlock(frame: frame)
            }
            if StreamName.isValid(block.stream) { name = block.stream }
            if block.sampleCount == 0 { try block.validateHello() } else { try block.validate() }
        } catch {
            return try refuse(RejectCause(error.cause), "", envelope, "\(error)", of: name)
        }
        let peer = access.peer(of: message)
        guard peer.mayPush(block.stream) else {
            metrics.count(.rejected(.notPermitted), of: block.stream)
            // Logged by the key rather than by the stream, which it can choose; told nothing of the stream.
            log.note(
                "block refused", cause: RejectCause.notPermitted.label, stream: "", key: peer.name,
                detail: "stream \(block.stream)")
            return try send(reply("", cause: .notPermitted, RejectCause.notPermitted.words), envelope.key)
        }
        if block.sampleCount == 0 {
            try greet(block.stream, block.helloNumber, envelope)
        } else {
            try take(block, envelope, receivedAt)
        }
    }

    private mutating func take(
        _ block: WireSampleBlock, _ envelope: Envelope, _ receivedAt: UInt64
    ) throws(ZeroMQError) {
        guard var source = sources[block.stream], source.peer == envelope.key, !source.needsHello else {
            return try askForHello(block, envelope)
        }
        let count = block.sampleCount
        guard source.credit.allows(count, window: settings.ingest.acknowledgedWindowSamples) else {
            return try refuse(.beyondCredit, block, envelope)
        }
        let received = ReceivedBlock(
            stream: block.stream,
            segment: SampleBlock(
                session: block.session, firstSampleIndex: block.firstSampleIndex, samplingRate: block.samplingRate,
                acquisitionTimeNanoseconds: block.acquisitionTimeNs, lead: block.lead, leadOff: block.leadOff,
                millivolts: block.samplesInMillivolts),
            receivedAt: receivedAt, acknowledgement: Acknowledgement(peer: source.peer, isFirst: source.isFirst))
        guard hand(.segment(received), of: block.stream) else {
            return try refuse(.workerQueueFull, block, envelope)
        }
        source.isFirst = false
        source.credit.hand(count)
        sources[block.stream] = source
        metrics.journal.acknowledgedBlocks.add(1)
    }

    /// Says once what is missing; the blocks behind it on the same way need not all be answered.
    private mutating func askForHello(_ block: WireSampleBlock, _ envelope: Envelope) throws(ZeroMQError) {
        metrics.count(.rejected(.helloNeeded), of: block.stream)
        if let source = sources[block.stream], source.peer == envelope.key {
            guard !source.wasTold else { return }
            sources[block.stream]?.wasTold = true
        }
        try send(reply(block.stream, cause: .helloNeeded, "say hello first", block.firstSampleIndex), envelope.key)
    }

    private mutating func greet(_ stream: String, _ number: UInt64, _ envelope: Envelope) throws(ZeroMQError) {
        metrics.journal.hellos.add(1)
        let inquiry = ReceivedHello(stream: stream, peer: envelope.key, number: number)
        if sources[stream] == nil {
            if sources.count >= 2 * settings.streams.maximum { forgetThoseWithoutStreams() }
            guard sources.count < 2 * settings.streams.maximum else {
                return try refuse(.tooManyStreams, stream, envelope, "streams.maximum is \(settings.streams.maximum)")
            }
        }
        guard hand(.inquiry(inquiry), of: stream) else {
            return try refuse(.workerQueueFull, stream, envelope, "say hello again")
        }
        var source = sources[stream] ?? Source(peer: envelope.key, standing: .init())
        // From here on blocks of this connection are taken, and those of another no more.
        source.peer = envelope.key
        source.needsHello = false
        source.wasTold = false
        source.isFirst = true
        source.toldNeeded = -1
        source.toldExpected = -1
        sources[stream] = source
        metrics.journal.acknowledgedSources.set(sources.count)
    }

    /// Hellos that nothing followed upon.
    private mutating func forgetThoseWithoutStreams() {
        sources = sources.filter { $0.value.credit.handed > 0 }
    }

    /// As in `IngestLoop`: waits for a worker that moves, not for one that does not.
    private mutating func hand(_ input: WorkerInput, of stream: String) -> Bool {
        let worker = StreamHash.worker(of: stream, among: queues.count)
        while true {
            let turn = workers[worker].turn
            let patience = stalledAt[worker] == turn ? 0 : UInt64(settings.ingest.patienceSeconds * 1e9)
            switch queues[worker].push(input, waitingAtMost: patience) {
            case .taken:
                stalledAt[worker] = nil
                return true
            case .full where workers[worker].turn != turn: activity.didWork()
            case .full, .closed:
                stalledAt[worker] = turn
                return false
            }
        }
    }

    // MARK: Telling

    /// - Returns: how many replies it sent.
    private mutating func tell(_ ended: inout Bool) throws(ZeroMQError) -> Int {
        var changed: [(stream: String, standing: AcknowledgementBoard.Standing)] = []
        var notices: [AcknowledgementBoard.Notice] = []
        ended = board.take(changed: &changed, notices: &notices)
        var sent = 0
        for (stream, standing) in changed {
            guard sources[stream] != nil else { continue }
            sources[stream]?.learn(standing)
        }
        for notice in notices {
            sent += 1
            try tell(notice)
        }
        for (stream, _) in changed where isWorthTelling(stream) {
            sent += 1
            guard let source = sources[stream] else { continue }
            try send(reply(stream), source.peer)
        }
        return sent
    }

    /// Something new to forget, or the room is half used up: so a stream in real time costs a reply with each snapshot.
    private func isWorthTelling(_ stream: String) -> Bool {
        guard let source = sources[stream], source.toldExpected >= 0 else { return false }
        let standing = source.standing
        return standing.session != source.toldSession
            || standing.neededFrom > source.toldNeeded
                && (isDurable
                    || standing.neededFrom - source.toldNeeded > Int64(settings.ingest.acknowledgedWindowSamples / 8))
            || standing.expected - source.toldExpected > Int64(settings.ingest.acknowledgedWindowSamples / 8)
            || stop.isRequested && standing.neededFrom > source.toldNeeded
    }

    private mutating func tell(_ notice: AcknowledgementBoard.Notice) throws(ZeroMQError) {
        switch notice.kind {
        case .hello(let number):
            // Of a source that meanwhile came by another connection: nobody waits for the answer.
            guard let source = sources[notice.stream], source.peer == notice.peer else { return }
            if let standing = board.standing(of: notice.stream) { sources[notice.stream]?.learn(standing) }
            var reply = self.reply(notice.stream)
            reply.answersHello = true
            reply.helloNumber = number
            try send(reply, notice.peer)
        case .refused(let cause, let index, let samples):
            sources[notice.stream]?.credit.takeBack(samples)
            if cause.asksForHello { sources[notice.stream]?.needsHello = true }
            try send(reply(notice.stream, cause: cause, cause.words, index), notice.peer)
        case .forgotten:
            sources[notice.stream] = nil
            metrics.journal.acknowledgedSources.set(sources.count)
        }
    }

    private mutating func refuse(
        _ cause: RejectCause, _ block: WireSampleBlock, _ envelope: Envelope
    ) throws(ZeroMQError) {
        metrics.count(.rejected(cause), of: block.stream)
        log.note("block refused", cause: cause.label, stream: block.stream)
        sources[block.stream]?.needsHello = true
        sources[block.stream]?.wasTold = true
        try send(reply(block.stream, cause: cause, cause.words, block.firstSampleIndex), envelope.key)
    }

    /// - Parameter counted: the stream to count it for, where the reply names none.
    private mutating func refuse(
        _ cause: RejectCause, _ stream: String, _ envelope: Envelope, _ words: String, of counted: String? = nil
    ) throws(ZeroMQError) {
        metrics.count(.rejected(cause), of: counted ?? stream)
        log.note("block refused", cause: cause.label, stream: counted ?? stream, detail: words)
        try send(reply(stream, cause: cause, words), envelope.key)
    }

    private mutating func reply(
        _ stream: String, cause: RejectCause? = nil, _ words: String = "", _ refusedIndex: Int64 = 0
    ) -> WireIngestReply {
        var reply = WireIngestReply()
        reply.schemaVersion = SampleBlockLimits.schemaVersion
        reply.stream = stream
        reply.durable = isDurable
        if let source = sources[stream] {
            let standing = source.standing
            reply.session = standing.session
            reply.neededFromSampleIndex = standing.neededFrom
            reply.expectedSampleIndex = standing.expected
            sources[stream]?.toldSession = standing.session
            sources[stream]?.toldNeeded = standing.neededFrom
            sources[stream]?.toldExpected = standing.expected
        }
        reply.sendUpToSampleIndex = reply.expectedSampleIndex + Int64(settings.ingest.acknowledgedWindowSamples)
        if let cause {
            reply.cause = cause.label
            reply.text = words
            reply.refusedSampleIndex = refusedIndex
        }
        return reply
    }

    /// Never waits. A source that does not read its replies loses them, and asks again.
    private func send(_ reply: WireIngestReply, _ key: [UInt8]) throws(ZeroMQError) {
        guard let body: [UInt8] = try? reply.serializedBytes() else { return }
        do throws(ZeroMQError) {
            let isSent = try socket.send(parts: Envelope(key: key).frames + [body], timeout: .zero)
            if isSent {
                metrics.journal.repliesSent.add(1)
            } else {
                metrics.count(.ingestReplyDropped, of: reply.stream)
            }
        } catch  where error.code == .hostUnreachable || error.code == .again {
            metrics.count(.ingestReplyDropped, of: reply.stream)
        }
    }
}

/// Where a reply goes: the routing id, and for a REQ socket the empty frame.
private struct Envelope {
    var peer: [UInt8]
    var hasEmptyFrame: Bool

    init(peer: [UInt8], hasEmptyFrame: Bool) {
        self.peer = peer
        self.hasEmptyFrame = hasEmptyFrame
    }

    /// nil: frames that do not belong there.
    init?(_ message: borrowing ZeroMQMessage) {
        guard message.discardedFrameCount == 0 else { return nil }
        hasEmptyFrame = message.frameCount == 3 && message.size(ofFrame: 1) == 0
        guard message.frameCount == 2 || hasEmptyFrame else { return nil }
        peer = message.bytes(ofFrame: 0)
    }

    /// Both in one, to compare sources by.
    var key: [UInt8] { peer + [hasEmptyFrame ? 1 : 0] }

    init(key: [UInt8]) {
        peer = key.dropLast()
        hasEmptyFrame = key.last == 1
    }

    var frames: [[UInt8]] { hasEmptyFrame ? [peer, []] : [peer] }
}

extension RejectCause {
    /// A block beyond what may be on its way.
    static let beyondCredit = RejectCause(label: "beyond_credit")
    /// A block of a stream for which its connection has said no hello, or none since a block was refused.
    static let helloNeeded = RejectCause(label: "hello_needed")

    /// The block may be sent again, after a hello.
    var asksForHello: Bool {
        [.beyondCredit, .helloNeeded, .workerQueueFull, .tooManyStreams].contains(self)
    }

    /// For the source.
    var words: String {
        switch self {
        case .beyondCredit: "more samples on their way than the window allows"
        case .helloNeeded: "say hello first"
        case .workerQueueFull: "the daemon is too busy or about to end"
        case .tooManyStreams: "more streams than the daemon takes"
        case .notPermitted: "this key has no right to it"
        default: "the block is refused: \(label)"
        }
    }
}
