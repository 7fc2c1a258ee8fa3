import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGWire
import Logging

/// Owns every stream whose name hashes to it. It works in rounds (`StreamRound`): in each it takes what waits in its
/// queue, in the order in which it arrived.
final class StreamWorker: ThreadService {
    private let index: Int
    private let workers: WorkerQueues
    private let replyQueue: BoundedQueue<OutgoingReply>
    private let journal: StreamJournal?
    private let tracker: AcknowledgementTracker
    private let publisher: EventPublisher
    private let round: StreamRound
    private let table: StreamTable
    private let settings: SettingsView
    private let context: DaemonContext
    private let activity: ThreadActivity
    /// Kept, so that a round allocates nothing once it has grown.
    private var inputs: [WorkerInput] = []

    /// - Parameters:
    ///   - index: of its queue in `workers`.
    ///   - journal: nil: there is none.
    init(
        index: Int, workers: WorkerQueues, publishQueue: BoundedQueue<OutgoingMessage>,
        replyQueue: BoundedQueue<OutgoingReply>, journal: StreamJournal?, tracker: AcknowledgementTracker,
        classifier: BeatClassifier, subscriptions: Subscriptions, context: DaemonContext, activity: ThreadActivity
    ) {
        self.index = index
        self.workers = workers
        self.replyQueue = replyQueue
        self.journal = journal
        self.tracker = tracker
        self.context = context
        self.activity = activity
        settings = SettingsView(context.settings)
        publisher = EventPublisher(
            journal: journal, queue: publishQueue, subscriptions: subscriptions, context: context)
        round = StreamRound(
            classifier: classifier, publisher: publisher, tracker: tracker, context: context, activity: activity)
        table = StreamTable(
            worker: index, round: round, publisher: publisher, journal: journal, tracker: tracker,
            settings: settings, context: context, activity: activity)
    }

    /// Works until the queue is closed and empty, then ends every stream, or leaves it to the journal.
    func run() {
        let queue = workers.queues[index]
        table.restore { workers.worker(of: $0) == index }
        var nextLook = DaemonClock.monotonic()
        while true {
            inputs.removeAll(keepingCapacity: true)
            let hasEnded = queue.pop(
                into: &inputs, limit: settings.current.workers.roundSegments, waitingAtMost: 250_000_000)
            let knownUntil = self.knownUntil(DaemonClock.monotonic())
            if settings.refresh() { table.configure() }
            if inputs.isEmpty { activity.wasIdle() } else { work() }
            if hasEnded { break }
            let now = DaemonClock.monotonic()
            if now >= nextLook {
                table.checkSilence(knownUntil)
                table.saveToNewJournal()
                nextLook = now + 250_000_000
            }
        }
        table.close()
    }

    /// The time until which the worker knows everything that has arrived. Later samples may still wait in its queue: a
    /// worker that is behind must not take that for silence.
    private func knownUntil(_ now: UInt64) -> UInt64 {
        guard inputs.count >= settings.current.workers.roundSegments else { return now }
        return inputs.reduce(0) { newest, input in
            if case .block(let received) = input { max(newest, received.receivedAt) } else { newest }
        }
    }

    private func work() {
        for input in inputs {
            switch input {
            case .block(let received): handle(received)
            // Commands and hellos come after all samples that arrived before them, and before all others.
            case .command(let received):
                round.finish()
                handle(received)
            case .limits(let received):
                round.finish()
                handle(received)
            case .hello(let received):
                round.finish()
                handle(received)
            case .restore(let stream, let snapshot):
                round.finish()
                table.restore(stream, snapshot)
            case .save(let stream):
                round.finish()
                table.save(stream)
            case .leave(let partition, let streams):
                round.finish()
                for stream in streams { table.leave(stream) }
                tracker.post(.left(partition: partition))
            }
            activity.didWork()
        }
        round.finish()
        context.metrics.workerRounds.add(1)
    }

    // MARK: Blocks

    private func handle(_ received: ReceivedBlock) {
        let known = table[received.stream]
        if known == nil, let acknowledgement = received.acknowledgement, !acknowledgement.isFirst {
            return refuse(.helloNeeded, received, "the stream is not known any more")
        }
        guard let stream = known ?? table.open(received.stream) else {
            return refuse(.tooManyStreams, received, "streams.maximum is \(settings.current.streams.maximum)")
        }
        do throws(BlockRejection) {
            let accepted = try round.append(received, to: stream)
            guard accepted > 0 else { return }
            if !stream.hasToldLimits { table.tellLimits(of: stream) }
            stream.lastSamplesAt = received.receivedAt
            stream.isSilent = false
            stream.isForgottenSoon = false
            journal?.noteSamples(
                accepted, of: stream, samplingRate: received.block.samplingRate, settings.current)
        } catch {
            refuse(RejectCause(error), received, Self.detail(error, received.block, stream.monitor))
            if stream.isNew { table.forget(stream) }
        }
    }

    private static func detail(_ rejection: BlockRejection, _ block: SampleBlock, _ monitor: PatientMonitor) -> String {
        switch rejection {
        case .staleSession: "session \(block.session); \(monitor.session ?? 0) has begun"
        default: "index \(block.firstSampleIndex); \(monitor.nextSampleIndex) is expected"
        }
    }

    private func refuse(_ cause: RejectCause, _ received: ReceivedBlock, _ detail: @autoclosure () -> String) {
        context.reject(cause, of: received.stream, detail: detail())
        guard let acknowledgement = received.acknowledgement else { return }
        tracker.post(
            .refused(
                stream: received.stream, cause, firstSampleIndex: received.block.firstSampleIndex,
                samples: received.block.millivolts.count, to: acknowledgement.source))
    }

    // MARK: Hellos

    private func handle(_ hello: ReceivedHello) {
        if let stream = table[hello.stream] {
            stream.isAcknowledged = true
            stream.reportProgress(to: tracker)
        }
        tracker.post(.hello(stream: hello.stream, number: hello.number, to: hello.source))
    }

    // MARK: Commands

    private func handle(_ received: ReceivedCommand) {
        var applied: AlarmCommandOutcome?
        if let stream = table[received.stream] {
            publisher.publish(stream) { events in
                applied = stream.monitor.apply(received.command, events: &events)
                if applied?.result == .done { stream.needsSnapshot = true }
            }
        }
        guard let outcome = applied else {
            if case .stationList = received.origin { return }
            let text = "no samples of this stream have come"
            context.log.note(
                "command refused", cause: CommandLabel.unknownStream.rawValue, stream: received.stream, detail: text)
            let answer = WireCommandReply(.unknownStream, text, number: received.number)
            return reply(answer, .unknownStream, of: received.stream, to: received.origin)
        }
        if case .stationList = received.origin {
            guard let stream = table[received.stream] else { return }
            context.station?.take(outcome, of: stream)
            return table.tellLimits(of: stream)
        }
        let (label, text) = received.command.summary(of: outcome)
        var reply = WireCommandReply(label, text, number: received.number)
        reply.fill(outcome)
        if received.command.action == .list, let stream = table[received.stream] {
            reply.fill(table.limitsInForce(of: stream))
        }
        self.reply(reply, label, of: received.stream, to: received.origin)
        // A gateway that asks wants to know the limits, too.
        if received.command.action == .list, context.station?.use == .worker, let stream = table[received.stream] {
            table.tellLimits(of: stream)
        }
        guard label == .done, received.command.action != .list else { return }
        context.logger.notice(
            "alarm command",
            metadata: [
                "stream": "\(received.stream)", "by": "\(LogFields.oneLine(received.command.by))", "what": "\(text)",
                "session": "\(outcome.session)", "sample_index": "\(outcome.appliedAtSampleIndex)",
            ])
    }

    private func handle(_ received: ReceivedLimits) {
        guard let stream = table[received.stream], let session = stream.monitor.session else {
            let text = "no samples of this stream have come"
            let answer = WireCommandReply(.unknownStream, text, number: received.number)
            return reply(answer, .unknownStream, of: received.stream, to: received.origin)
        }
        let label: CommandLabel
        let text: String
        let last = stream.monitor.nextSampleIndex - 1
        do throws(BedLimits.Problem) {
            if let changes = try table.set(received, of: stream) {
                (label, text) = (.done, changes)
                context.logger.notice(
                    "limits set",
                    metadata: [
                        "stream": "\(received.stream)", "by": "\(LogFields.oneLine(received.by))",
                        "what": "\(changes)", "session": "\(session)", "sample_index": "\(last)",
                    ])
            } else {
                (label, text) = (.nothingToDo, "these limits hold already")
            }
        } catch {
            (label, text) = (.invalid, error.words)
        }
        var reply = WireCommandReply(label, text, number: received.number)
        (reply.session, reply.appliedAtSampleIndex) = (session, last)
        reply.fill(table.limitsInForce(of: stream))
        self.reply(reply, label, of: received.stream, to: received.origin)
    }

    private func reply(_ reply: WireCommandReply, _ label: CommandLabel, of stream: String, to origin: CommandOrigin) {
        context.metrics.commands.add(for: label)
        guard case .socket(let sender) = origin else {
            if case .station(let viewer) = origin { context.station?.reply(reply, to: viewer) }
            return
        }
        let outgoing = OutgoingReply(to: sender, stream: stream, reply: reply)
        // Without room, or at the daemon's end, the reply is lost: the sender hears nothing and asks again.
        guard replyQueue.push(outgoing, waitingAtMost: 0) == .taken else {
            return context.metrics.count(.commandReplyDropped, of: stream)
        }
    }
}
