import Synchronization

/// What sources are to be told, between the threads that know (workers, journal) and the one that tells (acknowledged
/// ingest). It holds how far each stream is, not how it got there: bounded by the number of streams, and nobody waits.
final class AcknowledgementBoard: Sendable {
    /// How far a stream is.
    struct Standing: Sendable, Equatable {
        /// The session that the worker watches.
        var session: UInt64 = 0
        /// The sample that it expects next.
        var expected: Int64 = 0
        /// The session and first sample that are needed to go on after a crash.
        var durableSession: UInt64 = 0
        var durableFrom: Int64 = 0
        /// Samples of acknowledged blocks that the worker has taken since the daemon started.
        var processed: UInt64 = 0

        /// The first sample of `session` that may be needed again.
        var neededFrom: Int64 { durableSession == session ? durableFrom : 0 }
    }

    /// What is told once, to one source.
    struct Notice: Sendable {
        enum Kind: Sendable, Equatable {
            /// The worker has come to the hello.
            case hello(number: UInt64)
            /// The worker refused a block.
            case refused(RejectCause, firstSampleIndex: Int64, samples: Int)
            /// The stream is forgotten.
            case forgotten
        }
        var kind: Kind
        var stream: String
        /// The source's routing id; empty: whoever sends the stream.
        var peer: [UInt8] = []
    }

    private struct State {
        var standings: [String: Standing] = [:]
        var changed: Set<String> = []
        var notices: [Notice] = []
        var isClosed = false
    }

    /// More are dropped: whoever said hello says it again.
    static let mostNotices = 65_536

    let wakeUp: WakeUp
    private let state = Mutex(State())
    private let metrics: DaemonMetrics

    init(metrics: DaemonMetrics) throws(SystemCallError) {
        wakeUp = try WakeUp()
        self.metrics = metrics
    }

    // MARK: Workers and journal

    /// The worker has done with blocks of a stream.
    /// - Parameters:
    ///   - processed: samples in them.
    ///   - isAll: there is no journal: what is in memory is all there is.
    func isExpected(_ stream: String, session: UInt64, next: Int64, processed: Int, isAll: Bool) {
        change(stream) { standing in
            standing.session = session
            standing.expected = next
            standing.processed &+= UInt64(processed)
            if isAll { (standing.durableSession, standing.durableFrom) = (session, next) }
        }
    }

    /// A stream goes on from a snapshot that the journal holds.
    func isRestored(_ stream: String, session: UInt64, next: Int64) {
        change(stream) { $0 = Standing(session: session, expected: next, durableSession: session, durableFrom: next) }
    }

    /// The journal holds a snapshot of a stream.
    func isDurable(_ stream: String, session: UInt64, before next: Int64) {
        let woke = state.withLock { state -> Bool in
            // Streams of sources that want no acknowledgement have no standing.
            guard state.standings[stream] != nil else { return false }
            state.standings[stream]?.durableSession = session
            state.standings[stream]?.durableFrom = next
            return state.changed.insert(stream).inserted
        }
        if woke { wakeUp.signal() }
    }

    func post(_ notice: Notice) {
        let isPosted = state.withLock { state -> Bool in
            guard state.notices.count < Self.mostNotices else { return false }
            state.notices.append(notice)
            return true
        }
        if isPosted { wakeUp.signal() } else { metrics.count(.ingestReplyDropped, of: notice.stream) }
    }

    func isForgotten(_ stream: String) {
        let isKnown = state.withLock { state -> Bool in
            state.changed.remove(stream)
            return state.standings.removeValue(forKey: stream) != nil
        }
        if isKnown { post(Notice(kind: .forgotten, stream: stream)) }
    }

    /// Nothing more will come.
    func close() {
        state.withLock { $0.isClosed = true }
        wakeUp.signal()
    }

    private func change(_ stream: String, _ body: (inout Standing) -> Void) {
        let woke = state.withLock { state -> Bool in
            body(&state.standings[stream, default: Standing()])
            return state.changed.insert(stream).inserted && state.changed.count == 1
        }
        if woke { wakeUp.signal() }
    }

    // MARK: Ingest

    func standing(of stream: String) -> Standing? { state.withLock { $0.standings[stream] } }

    /// Takes what has changed since the last call.
    /// - Returns: true when nothing more will come.
    func take(changed: inout [(stream: String, standing: Standing)], notices: inout [Notice]) -> Bool {
        state.withLock { state in
            for stream in state.changed {
                if let standing = state.standings[stream] { changed.append((stream, standing)) }
            }
            state.changed.removeAll(keepingCapacity: true)
            swap(&notices, &state.notices)
            state.notices.removeAll(keepingCapacity: true)
            return state.isClosed
        }
    }
}
