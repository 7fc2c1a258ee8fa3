import ECGMonitor
import Logging

/// The streams of one worker: it opens and restores them, watches for silence, and forgets them.
final class StreamTable {
    private let worker: Int
    private let round: StreamRound
    let publisher: EventPublisher
    /// nil: there is no journal.
    private let journal: StreamJournal?
    private let tracker: AcknowledgementTracker
    let settings: SettingsView
    let context: DaemonContext
    private let activity: ThreadActivity
    private var streams: [String: WatchedStream] = [:]
    /// When displays were last told of the streams that send nothing; monotonic, ns.
    private var presenceTold: UInt64 = 0

    /// A stream without samples for so long is saved to the journal, so that its source need not keep the last of them.
    private static let idle: UInt64 = 2_000_000_000
    /// For so long after the start, a stream too old to go on with is still waited for: a source that was cut off
    /// notices it within six seconds and connects again within one. Otherwise events of its last samples would be lost.
    private static let returnPatience: UInt64 = 15_000_000_000

    /// - Parameter worker: its index, for logs.
    init(
        worker: Int, round: StreamRound, publisher: EventPublisher, journal: StreamJournal?,
        tracker: AcknowledgementTracker, settings: SettingsView, context: DaemonContext, activity: ThreadActivity
    ) {
        self.worker = worker
        self.round = round
        self.publisher = publisher
        self.journal = journal
        self.tracker = tracker
        self.settings = settings
        self.context = context
        self.activity = activity
    }

    subscript(name: String) -> WatchedStream? { streams[name] }

    // MARK: Opening

    /// - Returns: nil if there are as many streams as `streams.maximum` allows.
    func open(_ name: String) -> WatchedStream? {
        guard context.metrics.streams.increment(upTo: settings.current.streams.maximum) else { return nil }
        let stream = WatchedStream(
            name: name, configuration: settings.current.limits(of: name), now: DaemonClock.monotonic())
        stream.isNew = true
        journal?.begin(stream)
        if stream.limits != nil { stream.monitor = PatientMonitor(configuration: limits(of: stream)) }
        context.metrics.streamsOpened.add(1)
        streams[name] = stream
        context.logger.debug("stream begins", metadata: ["stream": "\(name)", "worker": "\(worker)"])
        return stream
    }

    /// Goes on with the streams that the journal holds.
    /// - Parameter isMine: whether the worker owns the stream of a name.
    func restore(isMine: (String) -> Bool) {
        guard let journal else { return }
        for (stream, events) in journal.restore(settings.current, isMine: isMine) { goOn(with: stream, events) }
        if !streams.isEmpty {
            context.logger.notice(
                "streams go on where they were",
                metadata: ["worker": "\(worker)", "streams": "\(streams.count)"])
        }
    }

    private func goOn(with stream: WatchedStream, _ events: [MonitorEvent]) {
        streams[stream.name] = stream
        context.metrics.streamLosses.watch(stream.name)
        stream.needsSnapshot = !events.isEmpty || stream.limitsChange != nil
        publisher.publish(stream) { $0 = events }
        tellStation(of: stream)
        activity.didWork()
    }

    /// Goes on with a stream of a cluster.
    func restore(_ name: String, _ snapshot: StreamSnapshot) {
        guard let journal, streams[name] == nil else { return }
        if let (stream, events) = journal.restore(name, snapshot, settings.current) { goOn(with: stream, events) }
    }

    /// Puts a stream's state into the journal.
    func save(_ name: String) {
        if let stream = streams[name] { save(stream) }
    }

    /// Drops a stream that goes on elsewhere.
    func leave(_ name: String) {
        journal?.forgetRetired(name)
        guard streams.removeValue(forKey: name) != nil else { return }
        context.metrics.streams.decrement()
        context.metrics.streamLosses.forget(name)
        tracker.forget(name)
    }

    /// What is on in a stream that goes on is news to the station.
    private func tellStation(of stream: WatchedStream) {
        guard let station = context.station else { return }
        if station.use == .alone {
            publisher.publish(stream) { events in
                let list = AlarmCommand(.list, by: "station")
                if let outcome = stream.monitor.apply(list, events: &events) { station.take(outcome, of: stream) }
            }
        }
        tellLimits(of: stream)
    }

    /// A new configuration holds for the streams that are watched, too.
    func configure() {
        for stream in streams.values {
            let limits = self.limits(of: stream)
            stream.hasToldLimits = false
            guard limits != stream.monitor.configuration else { continue }
            stream.needsSnapshot = true
            publisher.publish(stream) { stream.monitor.configure(limits, events: &$0) }
        }
    }

    // MARK: Silence

    /// Reports of streams that send nothing that their signal is lost, and in the end forgets them.
    /// - Parameter now: the time until which the worker knows all samples that have come; monotonic, ns.
    func checkSilence(_ now: UInt64) {
        let silentAfter = UInt64(settings.current.streams.silentAfterSeconds * 1e9)
        let forgottenAfter = UInt64(settings.current.streams.forgottenAfterSeconds * 1e9)
        var forgotten: [WatchedStream] = []
        let clock = DaemonClock.monotonic()
        let tellsPresence = context.station?.use == .worker && clock > presenceTold + Self.idle
        if tellsPresence { presenceTold = clock }
        for stream in streams.values where now > stream.lastSamplesAt {
            let silence = now - stream.lastSamplesAt
            if journal != nil, stream.snapshots.samples > 0, silence > Self.idle { save(stream) }
            if silence > Self.idle, tellsPresence { context.station?.present(stream) }
            if silence > forgottenAfter || stream.isForgottenSoon && silence > Self.returnPatience {
                forgotten.append(stream)
            } else if silence > silentAfter && !stream.isSilent && !stream.isForgottenSoon {
                reportSignalLost(stream, seconds: Double(silence) / 1e9, now)
            }
        }
        for stream in forgotten {
            context.logger.info("stream forgotten", metadata: ["stream": "\(stream.name)"])
            context.metrics.streamsExpired.add(1)
            round.end(stream)
            forget(stream)
        }
    }

    private func reportSignalLost(_ stream: WatchedStream, seconds: Double, _ now: UInt64) {
        stream.isSilent = true
        round.releaseReordered(stream, now: now)
        stream.needsSnapshot = true
        publisher.publish(stream) { stream.monitor.reportSignalLost(forSeconds: seconds, events: &$0) }
        context.log.note("signal lost", cause: "silence", stream: stream.name)
    }

    // MARK: Forgetting

    func forget(_ stream: WatchedStream) {
        streams[stream.name] = nil
        context.metrics.streams.decrement()
        context.metrics.streamLosses.forget(stream.name)
        context.station?.forget(stream)
        journal?.retire(stream)
        tracker.end(stream.name)
    }

    /// At the daemon's end: saves all streams to the journal, or, without one, ends them.
    func close() {
        for stream in streams.values {
            if journal != nil { save(stream) } else { round.end(stream) }
        }
    }

    /// Puts the states of all streams into a journal that has begun anew.
    func saveToNewJournal() {
        guard let journal, journal.hasBegunAnew() else { return }
        for stream in streams.values {
            save(stream)
            activity.didWork()
        }
    }

    /// Puts a stream's state into the journal.
    private func save(_ stream: WatchedStream) {
        stream.needsSnapshot = true
        publisher.publish(stream) { _ in }
    }
}
