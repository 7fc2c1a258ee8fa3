import ECGMonitor
import ECGWire
import Logging
import SwiftProtobuf

/// A worker's end of the journal: brings its streams back at the start, numbers their events, and hands what has
/// happened to a stream to the journal's thread, from time to time with the stream's state.
///
/// A snapshot is taken at once whenever something has happened to a stream that is not its samples: a command, a signal
/// that is lost by the clock, other limits, its beginning and its end. So everything in the journal after a stream's
/// snapshot follows from the samples after it, and comes out again, with the same ids and numbers, when they are sent
/// again.
final class StreamJournal {
    private let queue: BoundedQueue<JournalRound>
    private let reader: JournalReader
    private let board: AcknowledgementBoard
    private let metrics: DaemonMetrics
    private let log: PeriodicLog
    private let logger: Logger
    /// Last numbers of streams forgotten lately, which the file may not hold yet.
    private var retired: [String: JournalSequences] = [:]

    private static let mostRetired = 65_536
    /// At high speed snapshots come no more often than this by the clock. It decides when a snapshot is taken, and
    /// nothing that is in it.
    private static let minimumPause: UInt64 = 100_000_000

    init(
        queue: BoundedQueue<JournalRound>, reader: JournalReader, board: AcknowledgementBoard, metrics: DaemonMetrics,
        log: PeriodicLog, logger: Logger
    ) {
        self.queue = queue
        self.reader = reader
        self.board = board
        self.metrics = metrics
        self.log = log
        self.logger = logger
    }

    // MARK: The start

    /// The streams of one worker as the journal left them.
    /// - Parameter isMine: whether the worker owns the stream of a name.
    /// - Returns: each with the events that limits bring which have changed since.
    func restore(
        _ settings: DaemonConfiguration, isMine: (String) -> Bool
    ) -> [(stream: WatchedStream, events: [MonitorEvent])] {
        var streams: [(stream: WatchedStream, events: [MonitorEvent])] = []
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

    private func restore(
        _ known: JournalReader.Known, _ state: [UInt8], _ settings: DaemonConfiguration
    ) -> (stream: WatchedStream, events: [MonitorEvent])? {
        let monitor: PatientMonitor
        var events: [MonitorEvent] = []
        do {
            monitor = try PatientMonitor(
                snapshot: state, configuration: settings.limits(of: known.name), events: &events)
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
        stream.numbering = StreamNumbering(after: known.snapshot.sequences, tail: known.tail)
        stream.lastSamplesUTC = known.snapshot.lastSamplesAt
        stream.lastSnapshotAt = now
        // A clock that was set back makes it young.
        let age = (Double(DaemonClock.utc()) - Double(known.snapshot.lastSamplesAt)) / 1e9
        stream.isForgottenSoon = age > settings.streams.forgottenAfterSeconds
        // By the state, which has a checksum.
        board.isRestored(known.name, session: monitor.session ?? 0, next: monitor.nextSampleIndex)
        metrics.journal.streamsRestored.add(1)
        return (stream, events)
    }

    /// Makes a new stream's numbers go on from where the journal is.
    func begin(_ stream: WatchedStream) {
        stream.beginsAnew = true
        stream.needsSnapshot = true
        if let last = retired.removeValue(forKey: stream.name) {
            stream.numbering = StreamNumbering(after: last)
            return
        }
        do {
            stream.numbering = StreamNumbering(after: try reader.lastSequences(of: stream.name))
        } catch {
            log.note("the journal cannot be read", cause: "journal", stream: stream.name, detail: "\(error)")
        }
    }

    /// Remembers a forgotten stream's numbers.
    func retire(_ stream: WatchedStream) {
        // Those in the file are as good: everything written has long been committed when so many more have ended.
        if retired.count >= Self.mostRetired { retired.removeAll() }
        retired[stream.name] = stream.numbering.last
    }

    // MARK: Rounds

    /// Hands events, and the state where it is due, to the journal's thread; waits for room there.
    /// - Parameters:
    ///   - makeMessage: what to publish when the event is written; nil where nobody wants it.
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
                    message: makeMessage(wire, body)))
        }
        if stream.numbering.jumps > jumps {
            metrics.journal.sequenceJumps.add(1)
            log.note(
                "events were not made again: the source went on elsewhere", cause: "sequence_jump", stream: stream.name)
        }
        if hasEnded || stream.needsSnapshot { round.snapshot = snapshot(of: stream, hasEnded: hasEnded) }
        guard !round.events.isEmpty || round.snapshot != nil || round.beginsAnew else { return }
        stream.beginsAnew = false
        push(round)
    }

    /// Whether enough of the signal has passed since the last snapshot.
    func noteSamples(_ count: Int, of stream: WatchedStream, samplingRate: Double, _ settings: DaemonConfiguration) {
        stream.samplesSinceSnapshot += count
        stream.lastSamplesUTC = DaemonClock.utc()
        guard Double(stream.samplesSinceSnapshot) >= settings.journal.snapshotSeconds * samplingRate,
            DaemonClock.elapsed(since: stream.lastSnapshotAt) >= Self.minimumPause
        else { return }
        stream.needsSnapshot = true
    }

    private func snapshot(of stream: WatchedStream, hasEnded: Bool) -> StreamSnapshot {
        stream.needsSnapshot = false
        stream.samplesSinceSnapshot = 0
        stream.lastSnapshotAt = DaemonClock.monotonic()
        return StreamSnapshot(
            session: stream.monitor.session ?? 0, nextSampleIndex: stream.monitor.nextSampleIndex,
            sequences: stream.numbering.last, state: hasEnded ? nil : stream.monitor.snapshot(),
            lastSamplesAt: stream.lastSamplesUTC)
    }

    private func push(_ round: JournalRound) {
        guard queue.push(round, waitingAtMost: nil) == .taken else {
            return metrics.count(.eventDropped, round.events.count, of: round.stream)
        }
    }

    private static func alert(_ event: MonitorEvent) -> (life: String, isOn: Bool)? {
        guard case .alert(let alert) = event.kind else { return nil }
        return ("\(event.session)/\(alert.kind)/\(alert.basis)/\(alert.number)", alert.phase != .ended)
    }
}
