import ECGMonitor
import ECGSecurity
import ECGWire
import SwiftProtobuf
import ZeroMQ

/// Takes acknowledged blocks in: a ROUTER socket on every acknowledged endpoint.
///
/// Blocks of one connection arrive in the order in which they were sent, and a source whose connection broke says hello
/// on the next one. So a block is taken only from the connection that said hello for its stream last, and after a
/// refusal no block is taken until the next hello. A block that was skipped on the way can therefore never look like a
/// gap in the signal.
///
/// At most `ingest.acknowledged_window_samples` of each stream are on their way to its worker; blocks beyond that are
/// refused (cause `beyond_credit`). So is a block for a worker that is stalled. Nothing is lost: the source still has
/// it.
struct AcknowledgedIngestService: ThreadService {
    private let endpoint: RouterEndpoint
    private let context: DaemonContext
    private let settings: SettingsView
    private let receiver: BlockReceiver
    private var dispatcher: WorkerDispatcher
    private let tracker: AcknowledgementTracker
    /// Blocks go on as the messages that they came in, too.
    private let keepsMessages: Bool
    private let stop: StopRequest
    private let activity: ThreadActivity
    private var sources: [String: AcknowledgedSource] = [:]

    private static let logMessage = "block refused"
    private static let burst = 256

    /// Opens and binds the socket.
    init(
        _ sockets: ZeroMQContext, workers: WorkerQueues, tracker: AcknowledgementTracker, keepsMessages: Bool = false,
        stop: StopRequest, context: DaemonContext, activity: ThreadActivity
    ) throws(StartFailure) {
        settings = SettingsView(context.settings)
        let ingest = settings.current.ingest
        let access = AccessControl(context.security)
        endpoint = try RouterEndpoint(
            sockets, on: ingest.acknowledgedEndpoints, option: "--ingest-acknowledged", access: access,
            .init(
                receiveQueueMessages: ingest.receiveQueueMessages, sendQueueMessages: 1024,
                // The last acknowledgements still go out when the daemon ends.
                maximumMessageBytes: ingest.connectionLimitBytes, linger: .milliseconds(500), backlog: 1024))
        receiver = BlockReceiver(
            context: context, settings: settings, access: access, logMessage: Self.logMessage, acceptsHellos: true)
        dispatcher = WorkerDispatcher(workers: workers, activity: activity)
        self.tracker = tracker
        self.keepsMessages = keepsMessages
        self.stop = stop
        self.context = context
        self.activity = activity
    }

    var boundEndpoints: [String] { endpoint.boundEndpoints }

    /// Takes blocks until asked to stop, then goes on reporting how far the streams are until the journal has ended.
    mutating func run() throws(ZeroMQError) {
        var poller = endpoint.makePoller(stop.wakeUp, tracker.wakeUp)
        // Once the stop is requested, its descriptor stays readable.
        var endPoller = ZeroMQPoller()
        endPoller.add(fileDescriptor: tracker.wakeUp.fileDescriptor)
        var hasEnded = false
        while !hasEnded {
            if stop.isRequested {
                try endPoller.wait(timeout: .milliseconds(100))
            } else {
                try poller.wait(timeout: .milliseconds(250))
            }
            tracker.wakeUp.clear()
            settings.refresh()
            let taken = try endpoint.receive(upTo: Self.burst, while: !stop.isRequested) {
                (message) throws(ZeroMQError) in try handle(message)
            }
            let replied = try report(&hasEnded)
            activity.didTurn(working: taken + replied > 0)
        }
        endpoint.removeSocketFiles()
    }

    // MARK: Blocks and hellos

    private mutating func handle(_ message: borrowing ZeroMQMessage) throws(ZeroMQError) {
        let receivedAt = DaemonClock.monotonic()
        let address = ReplyAddress(of: message)
        let isWhole = address.isWholeEnvelope(of: message)
        let block: WireSampleBlock
        do throws(BlockReceiver.Refusal) {
            block = try receiver.receive(message, frameProblem: isWhole ? nil : "frames beside the block")
        } catch {
            // Who has no right to a stream is told nothing about it.
            return try send(
                reply(error.stream, cause: error.cause, error.words, error.firstSampleIndex), to: address)
        }
        if block.sampleCount == 0 {
            try handleHello(block.stream, number: block.helloNumber, from: address)
        } else {
            let bytes = keepsMessages ? message.bytes(ofFrame: message.frameCount - 1) : []
            try handle(block, receivedAt, bytes, from: address)
        }
    }

    private mutating func handle(
        _ block: WireSampleBlock, _ receivedAt: UInt64, _ message: [UInt8], from address: ReplyAddress
    ) throws(ZeroMQError) {
        guard var source = sources[block.stream], source.accepts(from: address) else {
            return try askForHello(block, address)
        }
        let count = block.sampleCount
        guard source.credit.allows(count, window: settings.current.ingest.acknowledgedWindowSamples) else {
            return try refuse(.beyondCredit, block, address)
        }
        let received = ReceivedBlock(
            block, receivedAt: receivedAt,
            acknowledgement: Acknowledgement(source: source.address, isFirst: source.isBeforeFirstBlock),
            message: message)
        guard dispatch(.block(received), of: block.stream) else {
            return try refuse(.workerQueueFull, block, address)
        }
        source.didDispatch(count)
        sources[block.stream] = source
        context.metrics.journal.acknowledgedBlocks.add(1)
    }

    private mutating func askForHello(_ block: WireSampleBlock, _ address: ReplyAddress) throws(ZeroMQError) {
        context.metrics.count(.rejected(.helloNeeded), of: block.stream)
        if sources[block.stream]?.address == address, sources[block.stream]?.askForHello() == false { return }
        try send(
            reply(block.stream, cause: .helloNeeded, RejectCause.helloNeeded.words, block.firstSampleIndex),
            to: address)
    }

    private mutating func handleHello(
        _ stream: String, number: UInt64, from address: ReplyAddress
    ) throws(ZeroMQError) {
        context.metrics.journal.hellos.add(1)
        let maximum = settings.current.streams.maximum
        if sources[stream] == nil {
            if sources.count >= 2 * maximum { forgetSourcesWithoutBlocks() }
            guard sources.count < 2 * maximum else {
                return try refuseHello(.tooManyStreams, stream, address, "streams.maximum is \(maximum)")
            }
        }
        guard dispatch(.hello(ReceivedHello(stream: stream, source: address, number: number)), of: stream) else {
            return try refuseHello(.workerQueueFull, stream, address, "say hello again")
        }
        sources[stream, default: AcknowledgedSource(address)].didSayHello(from: address)
        context.metrics.journal.acknowledgedSources.set(sources.count)
    }

    private mutating func forgetSourcesWithoutBlocks() {
        sources = sources.filter { $0.value.credit.dispatched > 0 }
    }

    private mutating func dispatch(_ input: WorkerInput, of stream: String) -> Bool {
        dispatcher.dispatch(input, of: stream, patienceSeconds: settings.current.ingest.patienceSeconds)
    }

    // MARK: Refusals

    private mutating func refuse(
        _ cause: RejectCause, _ block: WireSampleBlock, _ address: ReplyAddress
    ) throws(ZeroMQError) {
        context.reject(cause, of: block.stream, as: Self.logMessage)
        _ = sources[block.stream]?.askForHello()
        try send(reply(block.stream, cause: cause, cause.words, block.firstSampleIndex), to: address)
    }

    private mutating func refuseHello(
        _ cause: RejectCause, _ stream: String, _ address: ReplyAddress, _ words: String
    ) throws(ZeroMQError) {
        context.reject(cause, of: stream, as: Self.logMessage, detail: words)
        try send(reply(stream, cause: cause, words), to: address)
    }

    // MARK: Reports

    /// Tells the sources what is new of their streams.
    /// - Parameter hasEnded: becomes true when nothing new will come.
    /// - Returns: how many replies it sent.
    private mutating func report(_ hasEnded: inout Bool) throws(ZeroMQError) -> Int {
        var changed: [(stream: String, offsets: AcknowledgementTracker.Offsets)] = []
        var notices: [AcknowledgementTracker.Notice] = []
        hasEnded = tracker.take(changed: &changed, notices: &notices)
        for (stream, offsets) in changed { sources[stream]?.update(offsets) }
        for notice in notices { try handle(notice) }
        var sent = notices.count
        for (stream, _) in changed {
            guard let source = sources[stream], needsReport(source) else { continue }
            try send(reply(stream), to: source.address)
            sent += 1
        }
        return sent
    }

    private func needsReport(_ source: AcknowledgedSource) -> Bool {
        source.needsReport(
            window: settings.current.ingest.acknowledgedWindowSamples, isDurable: tracker.isDurable,
            isStopping: stop.isRequested)
    }

    private mutating func handle(_ notice: AcknowledgementTracker.Notice) throws(ZeroMQError) {
        switch notice {
        case .hello(let stream, let number, let address):
            // If the source has come by another connection meanwhile, nobody waits for this answer.
            guard sources[stream]?.address == address else { return }
            if let offsets = tracker.offsets(of: stream) { sources[stream]?.update(offsets) }
            var reply = self.reply(stream)
            reply.answersHello = true
            reply.helloNumber = number
            try send(reply, to: address)
        case .refused(let stream, let cause, let firstSampleIndex, let samples, let address):
            sources[stream]?.didRefuse(samples, needsHello: cause.asksForHello)
            try send(reply(stream, cause: cause, cause.words, firstSampleIndex), to: address)
        case .forgotten(let stream, let last):
            // The source may drop the last of its samples.
            sources[stream]?.update(last)
            if let source = sources[stream], needsReport(source) { try send(reply(stream), to: source.address) }
            sources[stream] = nil
            context.metrics.journal.acknowledgedSources.set(sources.count)
        case .left: break
        }
    }

    // MARK: Replies

    private mutating func reply(
        _ stream: String, cause: RejectCause? = nil, _ words: String = "", _ refusedIndex: Int64 = 0
    ) -> WireIngestReply {
        var reply = WireIngestReply()
        reply.schemaVersion = SampleBlockLimits.schemaVersion
        reply.stream = stream
        reply.durable = tracker.isDurable
        if let offsets = sources[stream]?.offsets {
            reply.session = offsets.session
            reply.neededFromSampleIndex = offsets.neededFrom
            reply.expectedSampleIndex = offsets.expected
            sources[stream]?.didReport()
        }
        let window = Int64(settings.current.ingest.acknowledgedWindowSamples)
        reply.sendUpToSampleIndex = reply.expectedSampleIndex + window
        if let cause {
            reply.cause = cause.label
            reply.text = words
            reply.refusedSampleIndex = refusedIndex
        }
        return reply
    }

    private func send(_ reply: WireIngestReply, to address: ReplyAddress) throws(ZeroMQError) {
        guard let body: [UInt8] = try? reply.serializedBytes() else { return }
        if try endpoint.send(body, to: address) {
            context.metrics.journal.repliesSent.add(1)
        } else {
            context.metrics.count(.ingestReplyDropped, of: reply.stream)
        }
    }
}
