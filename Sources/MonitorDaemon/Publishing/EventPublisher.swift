import ECGMonitor
import ECGWire
import Logging
import MonitorWire

/// A worker's way to the subscribers: it numbers the events of the worker's streams, encodes those that somebody has
/// subscribed to, and passes them to the publisher's thread. With a journal, they go to the journal first.
final class EventPublisher {
    /// nil: there is no journal.
    private let journal: StreamJournal?
    private let queue: BoundedQueue<OutgoingMessage>
    private let station: StationFeed?
    private let subscriptions: Subscriptions
    private let encoding: BodyEncoding
    private let sameHeartbeat: SameHeartbeatWatch
    private let metrics: DaemonMetrics
    private let log: PeriodicLog
    private let logger: Logger
    /// Kept, so that nothing is allocated once it has grown.
    private var events: [MonitorEvent] = []

    init(
        journal: StreamJournal?, queue: BoundedQueue<OutgoingMessage>, subscriptions: Subscriptions,
        context: DaemonContext
    ) {
        self.journal = journal
        self.queue = queue
        self.subscriptions = subscriptions
        encoding = context.settings.current.events.encoding
        station = context.station
        sameHeartbeat = context.sameHeartbeat
        metrics = context.metrics
        log = context.log
        logger = context.logger
    }

    /// Publishes what a stream's monitor decides.
    /// - Parameters:
    ///   - receivedAt: when the message that decides it was taken, monotonic, ns; nil: no message does.
    ///   - hasEnded: the stream ends with these events.
    ///   - decide: appends the events to an array that is empty at first.
    func publish(
        _ stream: WatchedStream, receivedAt: UInt64? = nil, hasEnded: Bool = false,
        _ decide: (inout [MonitorEvent]) -> Void
    ) {
        events.removeAll(keepingCapacity: true)
        decide(&events)
        for event in events { count(event, of: stream) }
        station?.take(events, of: stream)
        if let journal {
            journal.write(events, of: stream, hasEnded: hasEnded) { event, binary in
                message(event, binary, of: stream, receivedAt: receivedAt)
            }
            return
        }
        for event in events {
            let place = WatchedStream.place(of: event.kind.topic)
            let sequence = stream.nextSequence(event.kind.topic)
            if stream.isWanted(place, subscriptions) {
                send(
                    WireEvent(event, stream: stream.name, sequence: sequence), topic: stream.topics[place],
                    receivedAt: receivedAt)
            } else if let receivedAt {
                metrics.ingestToPublish.record(nanoseconds: DaemonClock.elapsed(since: receivedAt))
            }
        }
    }

    /// Publishes samples for displays, at most a second of them in each event, so that the length of queues bounds
    /// their memory, too.
    /// - Parameter skipped: samples at the block's beginning that have been published before.
    func publishWaveform(_ block: SampleBlock, skipping skipped: Int, of stream: WatchedStream, receivedAt: UInt64) {
        station?.take(block, skipping: skipped, of: stream)
        let place = WatchedStream.place(of: .waveform)
        guard stream.isWanted(place, subscriptions) else { return }
        let second = max(1, Int(block.samplingRate))
        for start in stride(from: skipped, to: block.millivolts.count, by: second) {
            metrics.events.add(for: .waveform)
            let event = WireEvent(
                waveformOf: block, start..<min(start + second, block.millivolts.count), stream: stream.name,
                sequence: stream.nextSequence(.waveform))
            send(event, topic: stream.topics[place], receivedAt: receivedAt)
        }
    }

    /// What is to be published once the journal has the event; nil: nobody wants it.
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

    /// Waits for room in the publisher's queue, which there will be: the publisher never waits for anybody.
    private func send(_ event: WireEvent, topic: [UInt8], receivedAt: UInt64?) {
        do {
            let body = try PublishedBody.event(event).encoded(as: encoding)
            let message = OutgoingMessage(topic: topic, body: body, receivedAt: receivedAt)
            guard queue.push(message, waitingAtMost: nil) == .taken else {
                return metrics.count(.eventDropped, of: event.stream)
            }
        } catch {
            metrics.count(.eventDropped, of: event.stream)
            log.note("event not encoded", cause: "encoding", stream: event.stream, detail: "\(error)")
        }
    }

    private func count(_ event: MonitorEvent, of stream: WatchedStream) {
        metrics.events.add(for: event.kind.topic)
        switch event.kind {
        case .beat(let beat):
            metrics.beats.add(for: DaemonMetrics.BeatLabel(beat.beatClass))
            if let excerpt = stream.heartbeat.append(beat.rrIntervalSeconds) {
                sameHeartbeat.compare(excerpt, of: stream.name)
            }
        case .alert(let alert) where alert.phase == .started: metrics.alertsStarted.add(for: alert.kind)
        case .status(let status) where status.pauseChange > 0 && status.pause == nil:
            logger.notice(
                "alarm pause over", metadata: ["session": "\(event.session)", "sample_index": "\(event.sampleIndex)"])
        case .alert, .suspicion, .status: break
        }
    }
}

/// An encoded event on its way to the publisher's thread.
struct OutgoingMessage: Sendable {
    var topic: [UInt8]
    var body: [UInt8]
    /// When the message that decided the event was taken, monotonic, ns; nil: no message did.
    var receivedAt: UInt64?
}
