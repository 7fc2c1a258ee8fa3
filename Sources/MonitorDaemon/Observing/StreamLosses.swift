import ECGWire
import Synchronization

/// What can be turned away or lost of a stream.
enum StreamLoss: Hashable, Sendable {
    /// A message that was turned away.
    case rejected(RejectCause)
    case gap
    case samplesMissing
    /// Samples that had come before, or whose place had been given up.
    case samplesDuplicate
    case samplesInvalid
    /// Samples that jump as no heart does.
    case samplesSetAside
    /// An event that could not be passed on because the daemon had to stop.
    case eventDropped
    /// An event that is not, or no longer, in the journal.
    case journalDropped(JournalMetrics.DropCause)
    case ingestReplyDropped
    case commandReplyDropped
    /// The queue of a subscriber was full when an event of this kind came.
    case subscriberQueueFull(Topic.Kind)
}

/// What was lost of each stream, by cause: the part of the totals in `DaemonMetrics` that is counted stream by stream.
///
/// Its size is bounded. A stream takes one place for each of its causes, and all watched streams together at most
/// `maximumPairs`; it gives them back when it is forgotten. Names that are not let in can be chosen by anybody: they
/// have `maximumStrangerPairs` places of their own, which go to others after `strangerQuiet` without anything new. What
/// finds no place is counted in the totals only.
final class StreamLosses: Sendable {
    static let maximumPairs = 8192
    static let maximumStrangerPairs = 256
    /// ns.
    static let strangerQuiet: UInt64 = 3_600_000_000_000

    private typealias Counts = [StreamLoss: UInt64]

    private struct Stranger {
        var counts: Counts = [:]
        /// Monotonic, ns.
        var lastAt: UInt64
    }

    private struct State {
        var watched: [String: Counts] = [:]
        var pairs = 0
        var strangers: [String: Stranger] = [:]
        var strangerPairs = 0
        /// No stranger's places are free for others before; monotonic, ns.
        var nextQuiet: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The stream is let in.
    func watch(_ stream: String) {
        state.withLock { state in
            guard state.watched[stream] == nil else { return }
            var counts: Counts = [:]
            if let stranger = state.strangers.removeValue(forKey: stream) {
                state.strangerPairs -= stranger.counts.count
                if state.pairs + stranger.counts.count <= Self.maximumPairs { counts = stranger.counts }
            }
            state.pairs += counts.count
            state.watched[stream] = counts
        }
    }

    /// The stream is watched no more.
    func forget(_ stream: String) {
        state.withLock { state in state.pairs -= state.watched.removeValue(forKey: stream)?.count ?? 0 }
    }

    /// - Parameters:
    ///   - stream: a valid name; empty: not known.
    ///   - now: monotonic, ns.
    func add(_ amount: Int, _ loss: StreamLoss, of stream: String, now: UInt64 = DaemonClock.monotonic()) {
        guard !stream.isEmpty, amount > 0 else { return }
        state.withLock { state in
            if let counts = state.watched[stream] {
                guard counts[loss] != nil || state.pairs < Self.maximumPairs else { return }
                if counts[loss] == nil { state.pairs += 1 }
                state.watched[stream]?[loss, default: 0] += UInt64(amount)
            } else {
                Self.addToStranger(amount, loss, stream, now, &state)
            }
        }
    }

    private static func addToStranger(
        _ amount: Int, _ loss: StreamLoss, _ stream: String, _ now: UInt64, _ state: inout State
    ) {
        if state.strangers[stream]?.counts[loss] == nil {
            if state.strangerPairs >= maximumStrangerPairs { makeRoom(now, &state) }
            guard state.strangerPairs < maximumStrangerPairs else { return }
            state.strangerPairs += 1
        }
        state.strangers[stream, default: Stranger(lastAt: now)].counts[loss, default: 0] += UInt64(amount)
        state.strangers[stream]?.lastAt = now
    }

    private static func makeRoom(_ now: UInt64, _ state: inout State) {
        guard now >= state.nextQuiet else { return }
        state.strangers = state.strangers.filter { now < $0.value.lastAt &+ strangerQuiet }
        state.strangerPairs = state.strangers.reduce(0) { $0 + $1.value.counts.count }
        state.nextQuiet = (state.strangers.values.map(\.lastAt).min() ?? now) &+ strangerQuiet
    }

    /// Everything that is counted stream by stream, in the order of the streams' names.
    var all: [(stream: String, loss: StreamLoss, count: UInt64)] {
        let (watched, strangers) = state.withLock { ($0.watched.filter { !$0.value.isEmpty }, $0.strangers) }
        let all = watched.map { ($0.key, $0.value) } + strangers.map { ($0.key, $0.value.counts) }
        return all.sorted { $0.0 < $1.0 }.flatMap { stream, counts in
            counts.map { (stream: stream, loss: $0.key, count: $0.value) }
        }
    }
}
