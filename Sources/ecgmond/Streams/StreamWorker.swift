import ECGATKGAN
import ECGMonitor
import ECGSignal
import ECGWire
import Logging
import Synchronization

/// The thread that owns every stream whose name hashes to it, from the first sample to the published event.
///
/// It works in rounds: all the segments that wait are appended to their streams' monitors; the beats of all streams are
/// classified in one batch; each stream's events are decided in the order of its samples and handed to the publisher.
/// How segments fall into rounds cannot change an event, since a monitor's answer depends on its own samples alone.
final class StreamWorker {
    private let index: Int
    private let queue: BoundedQueue<WorkerInput>
    private let replyQueue: BoundedQueue<OutgoingReply>
    private let publishQueue: BoundedQueue<OutgoingMessage>
    /// nil: there is no journal.
    private let journal: StreamJournal?
    private let board: AcknowledgementBoard
    private let isMine: (String) -> Bool
    private let classifier: BeatClassifier
    private let subscriptions: Subscriptions
    private let live: LiveSettings
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity
    private let log: PeriodicLog
    private let logger: Logger

    private static let windowsAtOnce = 1024
    /// A stream without samples for so long is put into the journal, so that its source need not keep the last of them.
    private static let idle: UInt64 = 2_000_000_000
    /// So long after the start a stream that is too old to go on with is still waited for: a source that was cut off
    /// notices within six seconds and connects again within one. What its samples were will not come out otherwise.
    private static let returnPatience: UInt64 = 15_000_000_000

    private let workspace: BeatClassifier.Workspace
    private let encoding: BodyEncoding
    private var settings: DaemonConfiguration
    private var generation: UInt64
    private var streams: [String: WatchedStream] = [:]

    // Of the round being made; kept so that a round allocates nothing once they have grown.
    private var inputs: [WorkerInput] = []
    private var round: [WatchedStream] = []
    private var windows: [Float] = []
    private var classifications: [BeatClassification] = []
    private var events: [MonitorEvent] = []

    init(
        index: Int, queue: BoundedQueue<WorkerInput>, publishQueue: BoundedQueue<OutgoingMessage>,
        replyQueue: BoundedQueue<OutgoingReply>, journal: StreamJournal?, board: AcknowledgementBoard,
        isMine: @escaping (String) -> Bool, classifier: BeatClassifier, subscriptions: Subscriptions,
        live: LiveSettings,
        metrics: DaemonMetrics,
        activity: ThreadActivity, log: PeriodicLog, logger: Logger
    ) {
        self.index = index
        self.queue = queue
        self.publishQueue = publishQueue
        self.replyQueue = replyQueue
        self.journal = journal
        self.board = board
        self.isMine = isMine
        self.classifier = classifier
        self.subscriptions = subscriptions
        self.live = live
        self.metrics = metrics
        self.activity = activity
        self.log = log
        self.logger = logger
        workspace = classifier.makeWorkspace()
        generation = live.generation
        settings = live.current
        encoding = settings.events.encoding
    }

    /// Works until the queue is closed and empty, then ends every stream, or leaves it to the journal, and returns.
    func run() {
        restore()
        var nextLook = DaemonClock.monotonic()
        while true {
            inputs.removeAll(keepingCapacity: true)
            let ended = queue.pop(
                into: &inputs, limit: settings.workers.roundSegments, waitingAtMost: 250_000_000)
            let heardUntil = self.heardUntil(DaemonClock.monotonic())
            if live.generation != generation {
                generation = live.generation
                settings = live.current
                configureStreams()
            }
            if !inputs.isEmpty {
                work()
            } else {
                activity.wasIdle()
            }
            if ended { break }
            let now = DaemonClock.monotonic()
            if now >= nextLook {
                lookForSilence(heardUntil)
                nextLook = now + 250_000_000
            }
        }
        for stream in streams.values {
            if journal != nil { save(stream) } else { end(stream) }
        }
    }

    /// Until when the worker knows what has come: the samples of a stream that is silent till then may still be waiting
    /// here, and a worker that is behind must not take that for silence.
    private func heardUntil(_ now: UInt64) -> UInt64 {
        guard inputs.count >= settings.workers.roundSegments else { return now }
        return inputs.reduce(0) { newest, input in
            if case .segment(let received) = input { max(newest, received.receivedAt) } else { newest }
        }
    }

    // MARK: One round

    private func work() {
        for input in inputs {
            switch input {
            case .segment(let received): append(received)
            case .command(let received):
                // It follows upon all the samples that came before it, and no others.
                finishRound()
                obey(received)
            case .inquiry(let received):
                finishRound()
                answer(received)
            }
            activity.didWork()
        }
        finishRound()
        metrics.workerRounds.add(1)
    }

    private func finishRound() {
        guard !round.isEmpty else { return }
        classifyRound()
        round.removeAll(keepingCapacity: true)
    }

    private func append(_ received: ReceivedBlock) {
        let known = streams[received.stream]
        if known == nil, let acknowledgement = received.acknowledgement, !acknowledgement.isFirst {
            return refuse(.helloNeeded, received, "the stream is not known any more")
        }
        guard let stream = known ?? open(received.stream) else {
            return refuse(.tooManyStreams, received, "streams.maximum is \(settings.streams.maximum)")
        }
        do throws(BlockRejection) {
            let receipt = try stream.monitor.append(received.segment) { segment, skipped in
                publishWaveform(segment, skipping: skipped, stream, received.receivedAt)
            }
            metrics.segmentsProcessed.add(1)
            if known == nil { metrics.streamLosses.watch(stream.name) }
            if receipt.acceptedSamples > 0 {
                stream.lastSamplesAt = received.receivedAt
                stream.isSilent = false
                stream.isForgottenSoon = false
                journal?.noteSamples(
                    receipt.acceptedSamples, of: stream, samplingRate: received.segment.samplingRate, settings)
            }
            if received.acknowledgement != nil {
                stream.isAcknowledged = true
                stream.processedInRound += received.segment.millivolts.count
            }
            account(receipt, stream, received.receivedAt)
        } catch {
            refuse(RejectCause(error), received, "index \(received.segment.firstSampleIndex)")
            if known == nil { forget(stream) }
        }
    }

    /// Counts what became of samples, and puts their stream into the round.
    private func account(_ receipt: BlockReceipt, _ stream: WatchedStream, _ receivedAt: UInt64) {
        metrics.samplesAccepted.add(receipt.acceptedSamples)
        metrics.count(.samplesDuplicate, receipt.duplicateSamplesDropped, of: stream.name)
        metrics.samplesReordered.add(receipt.reorderedSamples)
        metrics.count(.samplesInvalid, receipt.invalidSamples, of: stream.name)
        for gap in receipt.gaps {
            metrics.count(.gap, of: stream.name)
            metrics.count(.samplesMissing, Int(gap.missingSampleCount), of: stream.name)
            log.note(
                "gap in the samples", cause: "gap", stream: stream.name,
                detail: "\(gap.missingSampleCount) missing from \(gap.firstMissingSampleIndex) on")
        }
        if receipt.duplicateSamplesDropped > 0 {
            log.note("samples came twice", cause: "duplicate_samples", stream: stream.name)
        }
        if receipt.timeWentBackwards {
            metrics.timeWentBackwards.add(1)
            log.note("acquisition time went backwards", cause: "time_went_backwards", stream: stream.name)
        }
        if receipt.sessionChanged { metrics.sessionsChanged.add(1) }
        if receipt.signalChanged { metrics.signalsChanged.add(1) }
        if !stream.isInRound {
            stream.isInRound = true
            stream.oldestInRound = receivedAt
            round.append(stream)
        }
    }

    /// Classifies what waits in all the streams of the round at once, then decides stream by stream.
    private func classifyRound() {
        let total = round.reduce(0) { $0 + $1.monitor.pendingWindowCount }
        reserve(total)
        windows.withUnsafeMutableBufferPointer { windows in
            var start = 0
            for stream in round where stream.monitor.pendingWindowCount > 0 {
                let end = start + stream.monitor.pendingWindowCount * BeatWindow.length
                stream.monitor.copyPendingWindows(to: UnsafeMutableBufferPointer(rebasing: windows[start..<end]))
                start = end
            }
        }
        classify(total)
        var start = 0
        for stream in round {
            let end = start + stream.monitor.pendingWindowCount
            events.removeAll(keepingCapacity: true)
            classifications.withUnsafeBufferPointer { all in
                stream.monitor.resolve(
                    UnsafeBufferPointer(rebasing: all[start..<end]), contextual: classifier.contextual, events: &events)
            }
            start = end
            stream.isInRound = false
            publishEvents(of: stream, receivedAt: stream.oldestInRound)
            if stream.isAcknowledged { tellHowFar(stream) }
            activity.didWork()
        }
    }

    private func reserve(_ count: Int) {
        guard classifications.count < count else { return }
        windows = Array(repeating: 0, count: count * BeatWindow.length)
        classifications = Array(
            repeating: BeatClassification(probabilities: .zero, attackSuspicion: 0), count: count)
    }

    /// In parts, so that a long batch shows that it moves on; an answer depends on its own window alone.
    private func classify(_ count: Int) {
        windows.withUnsafeBufferPointer { windows in
            classifications.withUnsafeMutableBufferPointer { results in
                for start in stride(from: 0, to: count, by: Self.windowsAtOnce) {
                    let end = min(start + Self.windowsAtOnce, count)
                    classifier.classify(
                        UnsafeBufferPointer(rebasing: windows[start * BeatWindow.length..<end * BeatWindow.length]),
                        into: UnsafeMutableBufferPointer(rebasing: results[start..<end]), workspace: workspace)
                    activity.didWork()
                }
            }
        }
        metrics.windowsClassified.add(count)
    }

    // MARK: Streams

    private func open(_ name: String) -> WatchedStream? {
        guard metrics.streams.increment(upTo: settings.streams.maximum) else { return nil }
        let stream = WatchedStream(
            name: name, configuration: settings.limits(of: name), now: DaemonClock.monotonic())
        journal?.begin(stream)
        metrics.streamsOpened.add(1)
        streams[name] = stream
        logger.debug("stream begins", metadata: ["stream": "\(name)", "worker": "\(index)"])
        return stream
    }

    /// A new configuration holds for the streams that are watched, too.
    private func configureStreams() {
        for stream in streams.values {
            let limits = settings.limits(of: stream.name)
            guard limits != stream.monitor.configuration else { continue }
            events.removeAll(keepingCapacity: true)
            stream.monitor.configure(limits, events: &events)
            stream.needsSnapshot = true
            publishEvents(of: stream, receivedAt: nil)
        }
    }

    private func forget(_ stream: WatchedStream) {
        streams[stream.name] = nil
        metrics.streams.decrement()
        metrics.streamLosses.forget(stream.name)
        journal?.retire(stream)
        board.isForgotten(stream.name)
    }

    /// Says of streams that send nothing that their signal is lost, and forgets them in the end.
    private func lookForSilence(_ now: UInt64) {
        let silentAfter = UInt64(settings.streams.silentAfterSeconds * 1e9)
        let forgottenAfter = UInt64(settings.streams.forgottenAfterSeconds * 1e9)
        var forgotten: [WatchedStream] = []
        for stream in streams.values where now > stream.lastSamplesAt {
            let silence = now - stream.lastSamplesAt
            if journal != nil, stream.samplesSinceSnapshot > 0, silence > Self.idle { save(stream) }
            if silence > forgottenAfter || stream.isForgottenSoon && silence > Self.returnPatience {
                forgotten.append(stream)
            } else if silence > silentAfter && !stream.isSilent && !stream.isForgottenSoon {
                stream.isSilent = true
                releaseReordered(stream, now)
                events.removeAll(keepingCapacity: true)
                stream.monitor.reportSignalLost(forSeconds: Double(silence) / 1e9, events: &events)
                stream.needsSnapshot = true
                publishEvents(of: stream, receivedAt: nil)
                log.note("signal lost", cause: "silence", stream: stream.name)
            }
        }
        for stream in forgotten {
            logger.info("stream forgotten", metadata: ["stream": "\(stream.name)"])
            metrics.streamsExpired.add(1)
            end(stream)
            forget(stream)
        }
    }

    /// What a silent source has left out will not come: decides upon what waited for it.
    private func releaseReordered(_ stream: WatchedStream, _ now: UInt64) {
        guard stream.monitor.bufferedSampleCount > 0 else { return }
        let receipt = stream.monitor.releaseReordered { segment, skipped in
            publishWaveform(segment, skipping: skipped, stream, now)
        }
        account(receipt, stream, now)
        // The clock has decided it, which the samples alone would not.
        stream.needsSnapshot = true
        finishRound()
    }

    /// Publishes what can still be said of a stream that gets no more samples.
    private func end(_ stream: WatchedStream) {
        events.removeAll(keepingCapacity: true)
        stream.monitor.finish(classifier: classifier, workspace: workspace, events: &events)
        publishEvents(of: stream, receivedAt: nil, hasEnded: true)
    }

    /// Goes on with the streams that the journal holds.
    private func restore() {
        guard let journal else { return }
        for restored in journal.restore(settings, isMine: isMine) {
            streams[restored.stream.name] = restored.stream
            metrics.streamLosses.watch(restored.stream.name)
            events = restored.events
            restored.stream.needsSnapshot = !events.isEmpty
            publishEvents(of: restored.stream, receivedAt: nil)
            activity.didWork()
        }
        if !streams.isEmpty {
            logger.notice(
                "streams go on where they were", metadata: ["worker": "\(index)", "streams": "\(streams.count)"])
        }
    }

    /// Puts a stream's state into the journal.
    private func save(_ stream: WatchedStream) {
        events.removeAll(keepingCapacity: true)
        stream.needsSnapshot = true
        publishEvents(of: stream, receivedAt: nil)
    }

    // MARK: Acknowledgement

    private func tellHowFar(_ stream: WatchedStream) {
        board.isExpected(
            stream.name, session: stream.monitor.session ?? 0, next: stream.monitor.nextSampleIndex,
            processed: stream.processedInRound, isAll: journal == nil)
        stream.processedInRound = 0
    }

    /// Says where a stream is.
    private func answer(_ inquiry: ReceivedHello) {
        if let stream = streams[inquiry.stream] {
            stream.isAcknowledged = true
            tellHowFar(stream)
        }
        board.post(.init(kind: .hello(number: inquiry.number), stream: inquiry.stream, peer: inquiry.peer))
    }

    private func refuse(_ cause: RejectCause, _ received: ReceivedBlock, _ detail: @autoclosure () -> String) {
        reject(cause, received.stream, detail())
        guard let acknowledgement = received.acknowledgement else { return }
        board.post(
            .init(
                kind: .refused(
                    cause, firstSampleIndex: received.segment.firstSampleIndex,
                    samples: received.segment.millivolts.count),
                stream: received.stream, peer: acknowledgement.peer))
    }

    // MARK: Commands

    private func obey(_ received: ReceivedCommand) {
        guard let stream = streams[received.stream] else {
            return answer(.unknownStream, "no samples of this stream have come", received)
        }
        events.removeAll(keepingCapacity: true)
        guard let outcome = stream.monitor.apply(received.command, events: &events) else {
            return answer(.unknownStream, "no samples of this stream have come", received)
        }
        if outcome.result == .done { stream.needsSnapshot = true }
        publishEvents(of: stream, receivedAt: nil)
        let (label, text) = received.command.summary(of: outcome)
        metrics.commands.add(for: label)
        var reply = WireCommandReply(label, text, number: received.number)
        reply.fill(outcome)
        send(reply, received)
        guard label == .done, received.command.action != .list else { return }
        logger.notice(
            "alarm command",
            metadata: [
                "stream": "\(stream.name)", "by": "\(LogFields.oneLine(received.command.by))", "what": "\(text)",
                "session": "\(outcome.session)", "sample_index": "\(outcome.appliedAtSampleIndex)",
            ])
    }

    private func answer(_ label: CommandLabel, _ text: String, _ received: ReceivedCommand) {
        metrics.commands.add(for: label)
        log.note("command refused", cause: label.rawValue, stream: received.stream, detail: text)
        send(WireCommandReply(label, text, number: received.number), received)
    }

    private func send(_ reply: WireCommandReply, _ received: ReceivedCommand) {
        // Without room, or at the daemon's end: the sender hears nothing and asks again.
        let outgoing = OutgoingReply(returnAddress: received.returnAddress, stream: received.stream, reply: reply)
        guard replyQueue.push(outgoing, waitingAtMost: 0) == .taken else {
            return metrics.count(.commandReplyDropped, of: received.stream)
        }
    }

    // MARK: Publishing

    private func publishEvents(of stream: WatchedStream, receivedAt: UInt64?, hasEnded: Bool = false) {
        if let journal {
            for event in events { count(event) }
            journal.write(events, of: stream, hasEnded: hasEnded) { event, binary in
                message(event, binary, of: stream, receivedAt: receivedAt)
            }
            return
        }
        for event in events {
            count(event)
            let place = WatchedStream.place(of: event.kind.topic)
            let sequence = stream.nextSequence(event.kind.topic)
            if stream.isWanted(place, subscriptions) {
                publish(
                    WireEvent(event, stream: stream.name, sequence: sequence), topic: stream.topics[place],
                    receivedAt: receivedAt)
            } else if let receivedAt {
                metrics.ingestToPublish.record(nanoseconds: DaemonClock.elapsed(since: receivedAt))
            }
        }
    }

    /// What the journal's thread hands to the publisher when it has written the event; nil where nobody wants it.
    private func message(
        _ event: WireEvent, _ binary: [UInt8], of stream: WatchedStream, receivedAt: UInt64?
    ) -> OutgoingMessage? {
        guard let kind = event.topicKind else { return nil }
        let place = WatchedStream.place(of: kind)
        guard stream.isWanted(place, subscriptions) else { return nil }
        let body = encoding == .binary ? binary : try? PublishedBody.event(event).encoded(as: encoding)
        guard let body else {
            metrics.count(.eventDropped, of: stream.name)
            return nil
        }
        return OutgoingMessage(topic: stream.topics[place], body: body, receivedAt: receivedAt)
    }

    /// A second at most in each event, so that the length of queues bounds their memory, too.
    private func publishWaveform(
        _ segment: SampleBlock, skipping skipped: Int, _ stream: WatchedStream, _ receivedAt: UInt64
    ) {
        let place = WatchedStream.place(of: .waveform)
        guard stream.isWanted(place, subscriptions) else { return }
        let second = max(1, Int(segment.samplingRate))
        for start in stride(from: skipped, to: segment.millivolts.count, by: second) {
            metrics.events.add(for: .waveform)
            let event = WireEvent(
                waveformOf: segment, start..<min(start + second, segment.millivolts.count), stream: stream.name,
                sequence: stream.nextSequence(.waveform))
            publish(event, topic: stream.topics[place], receivedAt: receivedAt)
        }
    }

    /// Hands an event to the publisher, waiting for room: sending never waits, so there will be some.
    private func publish(_ event: WireEvent, topic: [UInt8], receivedAt: UInt64?) {
        do {
            let body = try PublishedBody.event(event).encoded(as: encoding)
            let message = OutgoingMessage(topic: topic, body: body, receivedAt: receivedAt)
            guard publishQueue.push(message, waitingAtMost: nil) == .taken else {
                return metrics.count(.eventDropped, of: event.stream)
            }
        } catch {
            metrics.count(.eventDropped, of: event.stream)
            log.note("event not encoded", cause: "encoding", stream: event.stream, detail: "\(error)")
        }
    }

    private func count(_ event: MonitorEvent) {
        metrics.events.add(for: event.kind.topic)
        switch event.kind {
        case .beat(let beat): metrics.beats.add(for: DaemonMetrics.BeatLabel(beat.beatClass))
        case .alert(let alert) where alert.phase == .started: metrics.alertsStarted.add(for: alert.kind)
        case .status(let status) where status.pauseChange > 0 && status.pause == nil:
            logger.notice(
                "alarm pause over", metadata: ["session": "\(event.session)", "sample_index": "\(event.sampleIndex)"])
        case .alert, .suspicion, .status: break
        }
    }

    private func reject(_ cause: RejectCause, _ stream: String, _ detail: @autoclosure () -> String) {
        metrics.count(.rejected(cause), of: stream)
        log.note("message rejected", cause: cause.label, stream: stream, detail: detail())
    }
}
