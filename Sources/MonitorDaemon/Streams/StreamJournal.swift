import ECGMonitor
import ECGWire
import Logging
import MonitorWire
import SwiftProtobuf

/// A worker's end of the journal: it restores the worker's streams at the start, numbers their events, and passes these
/// to the journal's thread, from time to time with the stream's state.
///
/// A snapshot is taken at once whenever something other than samples has changed a stream: a command, a signal that is
/// lost by the clock, new limits, its beginning and its end. So everything in the journal after a stream's snapshot
/// follows from the samples after it. When they are sent again, the same events come out, with the same ids and
/// numbers.
final class StreamJournal {
    private let queue: BoundedQueue<JournalRound>
    /// nil: the past is not in a file; whoever knows it says it (`restore`).
    private let reader: JournalReader?
    private let generation: JournalGeneration?
    private var knownGeneration = 0
    private let tracker: AcknowledgementTracker
    private let metrics: DaemonMetrics
    private let log: PeriodicLog
    private let logger: Logger
    /// Last numbers of streams forgotten lately, which the file may not hold yet.
    private var retired: [String: JournalSequences] = [:]
    /// In a cluster: limits set for streams whose state this version does not read.
    private var keptLimits: [String: BedLimits] = [:]

    private static let maximumRetired = 65_536
    /// When samples come faster than in real time, snapshots are no more frequent than this by the clock. The clock
    /// only decides when a snapshot is taken, not what is in it.
    private static let minimumPause: UInt64 = 100_000_000

    /// Opens a connection to read the journal's file by.
    init(_ journal: Journal, tracker: AcknowledgementTracker, context: DaemonContext) throws {
        queue = journal.queue
        reader = try JournalReader(path: journal.path, generation: journal.generation)
        generation = journal.generation
        self.tracker = tracker
        metrics = context.metrics
        log = context.log
        logger = context.logger
    }

    /// The end of a cluster's worker: its rounds go to the brokers.
    init(_ queue: BoundedQueue<JournalRound>, tracker: AcknowledgementTracker, context: DaemonContext) {
        self.queue = queue
        reader = nil
        generation = nil
        self.tracker = tracker
        metrics = context.metrics
        log = context.log
        logger = context.logger
    }

    // MARK: The start

    /// The streams of one worker as the journal left them.
    /// - Parameter isMine: whether the worker owns the stream of a name.
    /// - Returns: each with the events that limits bring which have changed since.
    func restore(
        _ settings: DaemonConfiguration, isMine: (String) -> Bool
    ) -> [(stream: WatchedStream, events: [MonitorEvent])] {
        var streams: [(stream: WatchedStream, events: [MonitorEvent])] = []
        guard let reader else { return streams }
        do {
            for name in try reader.openStreams() where isMine(name) {
                guard let known = try reader.known(name), let state = known.snapshot.state else { continue }
                guard metrics.streams.increment(upTo: settings.streams.maximum) else { break }
                if let restored = restore(known, state, settings) {
                    streams.append(restored)
                } else {
                    metrics.streams.decrement()
                }
            }
        } catch {
            logger.error("the journal cannot be read", metadata: ["error": "\(error)"])
        }
        return streams
    }

    /// A stream of a cluster as its last owner left it; nil: it has ended, or begins anew.
    func restore(
        _ name: String, _ snapshot: StreamSnapshot, _ settings: DaemonConfiguration
    ) -> (stream: WatchedStream, events: [MonitorEvent])? {
        guard let state = snapshot.state else {
            retired[name] = snapshot.sequences
            return nil
        }
        guard metrics.streams.increment(upTo: settings.streams.maximum) else {
            log.note("a stream has no place", cause: "too_many_streams", stream: name, detail: "raise streams.maximum")
            return nil
        }
        let known = JournalReader.Known(name: name, snapshot: snapshot, tail: [])
        if let restored = restore(known, state, settings) { return restored }
        metrics.streams.decrement()
        retired[name] = snapshot.sequences
        keptLimits[name] = limits(of: known)
        return nil
    }

    private func restore(
        _ known: JournalReader.Known, _ state: [UInt8], _ settings: DaemonConfiguration
    ) -> (stream: WatchedStream, events: [MonitorEvent])? {
        let monitor: PatientMonitor
        var events: [MonitorEvent] = []
        let own = limits(of: known)
        let configured = settings.limits(of: known.name)
        let inForce = try? own?.applied(to: configured)
        do {
            monitor = try PatientMonitor(snapshot: state, configuration: inForce ?? configured, events: &events)
        } catch {
            metrics.journal.snapshotsRefused.add(1)
            log.note(
                "a stream's state cannot be read; it begins anew", cause: "snapshot", stream: known.name,
                detail: "\(error)")
            var round = JournalRound(stream: known.name)
            round.beginsAnew = true
            round.snapshot = known.snapshot
            round.snapshot?.state = nil
            push(round)
            return nil
        }
        let now = DaemonClock.monotonic()
        let stream = WatchedStream(name: known.name, monitor: monitor, now: now)
        stream.limits = inForce == nil ? nil : own
        if own != nil, inForce == nil {
            stream.limitsChange = .clear
            log.note(
                "the limits set for a stream do not go with the configuration, which holds again", cause: "limits",
                stream: known.name)
        }
        stream.numbering = StreamNumbering(after: known.snapshot.sequences, tail: known.tail)
        stream.lastSamplesUTC = known.snapshot.lastSamplesAt
        stream.lastSnapshotAt = now
        // A clock that was set back makes it young.
        let age = (Double(DaemonClock.utc()) - Double(known.snapshot.lastSamplesAt)) / 1e9
        stream.isForgottenSoon = age > settings.streams.forgottenAfterSeconds
        // By the state, which has a checksum.
        tracker.didRestore(known.name, session: monitor.session ?? 0, next: monitor.nextSampleIndex)
        metrics.journal.streamsRestored.add(1)
        return (stream, events)
    }

    /// Those that were set for a stream: in a cluster its state has them.
    private func limits(of known: JournalReader.Known) -> BedLimits? {
        reader == nil ? known.snapshot.limits.flatMap { BedLimits(stored: $0) } : limits(of: known.name)
    }

    private func limits(of stream: String) -> BedLimits? {
        do {
            return try reader?.limits(of: stream).flatMap { BedLimits(stored: $0) }
        } catch {
            log.note("the journal cannot be read", cause: "journal", stream: stream, detail: "\(error)")
            return nil
        }
    }

    /// Makes a new stream's numbers go on from where the journal is. Limits that were set for it hold on: its state may
    /// only have been one that this version does not read.
    func begin(_ stream: WatchedStream) {
        stream.beginsAnew = true
        stream.needsSnapshot = true
        stream.limits = keptLimits.removeValue(forKey: stream.name)
        if stream.limits == nil, retired[stream.name] == nil { stream.limits = limits(of: stream.name) }
        if let last = retired.removeValue(forKey: stream.name) {
            stream.numbering = StreamNumbering(after: last)
            return
        }
        guard let reader else { return }
        do {
            stream.numbering = StreamNumbering(after: try reader.lastSequences(of: stream.name))
        } catch {
            log.note("the journal cannot be read", cause: "journal", stream: stream.name, detail: "\(error)")
        }
    }

    /// Whether another file has been begun since the last call: what it holds of the streams may be too little.
    func hasBegunAnew() -> Bool {
        guard let number = generation?.number, number != knownGeneration else { return false }
        knownGeneration = number
        return true
    }

    /// Remembers a forgotten stream's numbers.
    func retire(_ stream: WatchedStream) {
        // Those in the file are as good: everything written has long been committed when so many more have ended.
        if reader != nil, retired.count >= Self.maximumRetired { retired.removeAll() }
        retired[stream.name] = stream.numbering.last
    }

    /// Another worker goes on with the stream's numbers.
    func forgetRetired(_ name: String) { (retired[name], keptLimits[name]) = (nil, nil) }

    // MARK: Rounds

    /// Passes events, and the state when it is due, to the journal's thread; waits for room there.
    /// - Parameters:
    ///   - makeMessage: what to publish once the event is written; nil if nobody wants it.
    ///   - hasEnded: the stream ends with these.
    func write(
        _ events: [MonitorEvent], of stream: WatchedStream, hasEnded: Bool = false,
        makeMessage: (WireEvent, _ binary: [UInt8]) -> OutgoingMessage?
    ) {
        var round = JournalRound(stream: stream.name)
        round.beginsAnew = stream.beginsAnew
        round.events.reserveCapacity(events.count)
        let jumps = stream.numbering.jumps
        for event in events {
            guard let kind = JournalKind(event.kind.topic) else { continue }
            var wire = WireEvent(event, stream: stream.name, sequence: 0)
            let number = stream.numbering.number(kind, id: wire.id)
            wire.sequence = number.sequence
            guard let body: [UInt8] = try? wire.serializedBytes() else {
                metrics.count(.eventDropped, of: stream.name)
                log.note("event not encoded", cause: "encoding", stream: stream.name)
                continue
            }
            round.events.append(
                JournaledEvent(
                    kind: kind, sequence: number.sequence, id: wire.id,
                    acquisitionTimeNanoseconds: wire.acquisitionTimeNs, body: body, alert: Self.alert(event),
                    message: makeMessage(wire, body), trend: TrendPart(event)))
        }
        if stream.numbering.jumps > jumps {
            metrics.journal.sequenceJumps.add(1)
            log.note(
                "events were not made again: the source went on elsewhere", cause: "sequence_jump", stream: stream.name)
        }
        if hasEnded || stream.needsSnapshot { round.snapshot = snapshot(of: stream, hasEnded: hasEnded) }
        round.limits = hasEnded ? .clear : stream.limitsChange
        guard !round.events.isEmpty || round.snapshot != nil || round.beginsAnew || round.limits != nil else { return }
        stream.beginsAnew = false
        stream.limitsChange = nil
        push(round)
    }

    /// Whether enough of the signal has passed since the last snapshot.
    func noteSamples(_ count: Int, of stream: WatchedStream, samplingRate: Double, _ settings: DaemonConfiguration) {
        stream.lastSamplesUTC = DaemonClock.utc()
        guard stream.snapshots.note(count, period: settings.journal.snapshotSeconds * samplingRate),
            DaemonClock.elapsed(since: stream.lastSnapshotAt) >= Self.minimumPause
        else { return }
        stream.needsSnapshot = true
    }

    private func snapshot(of stream: WatchedStream, hasEnded: Bool) -> StreamSnapshot {
        stream.needsSnapshot = false
        stream.snapshots.restart()
        stream.lastSnapshotAt = DaemonClock.monotonic()
        return StreamSnapshot(
            session: stream.monitor.session ?? 0, nextSampleIndex: stream.monitor.nextSampleIndex,
            sequences: stream.numbering.last, state: hasEnded ? nil : stream.monitor.snapshot(),
            lastSamplesAt: stream.lastSamplesUTC, limits: hasEnded ? nil : stream.limits?.stored)
    }

    private func push(_ round: JournalRound) {
        guard queue.push(round, waitingAtMost: nil) == .taken else {
            return metrics.count(.eventDropped, round.events.count, of: round.stream)
        }
    }

    private static func alert(_ event: MonitorEvent) -> (life: String, isOn: Bool)? {
        guard case .alert(let alert) = event.kind else { return nil }
        let life = "\(event.session)/\(alert.kind.contractName)/\(alert.basis.contractName)/\(alert.number)"
        return (life, alert.phase != .ended)
    }
}
