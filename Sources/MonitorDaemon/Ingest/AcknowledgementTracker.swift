import Synchronization

/// How far each acknowledged stream is, between the threads that know (workers, journal) and the one that tells the
/// sources (acknowledged ingest). It holds the present offsets, not how they came about: its size is bounded by the
/// number of streams, and nobody waits.
final class AcknowledgementTracker: Sendable {
    /// How far a stream is.
    struct Offsets: Sendable, Equatable {
        /// The session that the worker watches.
        var session: UInt64 = 0
        /// The sample that the worker expects next.
        var expected: Int64 = 0
        /// The session and first sample that are needed to go on after a crash.
        var durableSession: UInt64 = 0
        var durableFrom: Int64 = 0
        /// Samples of acknowledged blocks that the worker has processed since the daemon started.
        var processed: UInt64 = 0

        /// The journal holds everything that the worker has processed.
        var isAllDurable: Bool { durableSession == session && durableFrom >= expected }
        /// The first sample of `session` that may be needed again.
        var neededFrom: Int64 { durableSession == session ? durableFrom : 0 }
    }

    /// What is reported once.
    enum Notice: Sendable {
        /// The worker has come to the hello.
        case hello(stream: String, number: UInt64, to: ReplyAddress)
        /// The worker refused a block.
        case refused(stream: String, RejectCause, firstSampleIndex: Int64, samples: Int, to: ReplyAddress)
        /// The stream is forgotten; how far it was in the end.
        case forgotten(stream: String, Offsets)
        /// A worker of a cluster has let go of its streams of a partition.
        case left(partition: Int)

        var stream: String {
            switch self {
            case .hello(let stream, _, _), .refused(let stream, _, _, _, _), .forgotten(let stream, _): stream
            case .left: ""
            }
        }
    }

    private struct State {
        var offsets: [String: Offsets] = [:]
        var changed: Set<String> = []
        /// Have ended, but the journal does not hold their last samples yet.
        var ending: Set<String> = []
        var notices: [Notice] = []
        var isClosed = false

        /// - Returns: how far the stream was; nil: it was not known.
        mutating func remove(_ stream: String) -> Offsets? {
            changed.remove(stream)
            ending.remove(stream)
            return offsets.removeValue(forKey: stream)
        }
    }

    /// Notices beyond this are dropped: a source whose hello is not answered says it again.
    static let maximumNotices = 65_536

    /// Signalled when there is something to take.
    let wakeUp: WakeUp
    /// There is a journal: only what it holds is not needed again.
    let isDurable: Bool
    private let state = Mutex(State())
    private let metrics: DaemonMetrics

    init(isDurable: Bool, metrics: DaemonMetrics) throws(SystemCallError) {
        wakeUp = try WakeUp()
        self.isDurable = isDurable
        self.metrics = metrics
    }

    // MARK: For workers and the journal

    /// The worker is about to pass what it made of a new stream's blocks to the journal, which may be quicker than the
    /// worker's own report: what it holds is then not taken for that of a stream without acknowledgement.
    func begin(_ stream: String) {
        state.withLock { state in
            let isBack = state.ending.remove(stream) != nil
            let processed = state.offsets[stream]?.processed ?? 0
            if isBack || state.offsets[stream] == nil { state.offsets[stream] = Offsets(processed: processed) }
        }
    }

    /// The worker has processed blocks of a stream.
    /// - Parameters:
    ///   - next: the sample that it expects next.
    ///   - samples: how many there were in the blocks.
    func didProcess(_ stream: String, session: UInt64, next: Int64, samples: Int) {
        change(stream) { offsets in
            offsets.session = session
            offsets.expected = next
            offsets.processed &+= UInt64(samples)
            if !isDurable { (offsets.durableSession, offsets.durableFrom) = (session, next) }
        }
    }

    /// A stream goes on from a snapshot that the journal holds.
    func didRestore(_ stream: String, session: UInt64, next: Int64) {
        change(stream) { $0 = Offsets(session: session, expected: next, durableSession: session, durableFrom: next) }
    }

    /// The journal holds a snapshot of a stream.
    func didPersist(_ stream: String, session: UInt64, before next: Int64) {
        let (isNews, last) = state.withLock { state -> (Bool, Offsets?) in
            // Streams of sources that want no acknowledgement have no offsets here.
            guard var offsets = state.offsets[stream] else { return (false, nil) }
            (offsets.durableSession, offsets.durableFrom) = (session, next)
            state.offsets[stream] = offsets
            if state.ending.contains(stream), offsets.isAllDurable { return (false, state.remove(stream)) }
            return (state.changed.insert(stream).inserted, nil)
        }
        if let last { post(.forgotten(stream: stream, last)) } else if isNews { wakeUp.signal() }
    }

    func post(_ notice: Notice) {
        let isPosted = state.withLock { state -> Bool in
            guard state.notices.count < Self.maximumNotices else { return false }
            state.notices.append(notice)
            return true
        }
        if isPosted { wakeUp.signal() } else { metrics.count(.ingestReplyDropped, of: notice.stream) }
    }

    /// A stream has ended. It is forgotten once the journal holds all of it: before that, its source would keep the
    /// last samples for ever, and send them anew when it comes back.
    func end(_ stream: String) {
        let last = state.withLock { state -> Offsets? in
            guard let offsets = state.offsets[stream] else { return nil }
            if isDurable, !offsets.isAllDurable {
                state.ending.insert(stream)
                return nil
            }
            return state.remove(stream)
        }
        if let last { post(.forgotten(stream: stream, last)) }
    }

    /// Forgets a stream at once.
    func forget(_ stream: String) {
        if let last = state.withLock({ $0.remove(stream) }) { post(.forgotten(stream: stream, last)) }
    }

    /// Nothing new will come.
    func close() {
        state.withLock { $0.isClosed = true }
        wakeUp.signal()
    }

    private func change(_ stream: String, _ body: (inout Offsets) -> Void) {
        let isNews = state.withLock { state -> Bool in
            body(&state.offsets[stream, default: Offsets()])
            return state.changed.insert(stream).inserted && state.changed.count == 1
        }
        if isNews { wakeUp.signal() }
    }

    // MARK: For the acknowledged ingest

    func offsets(of stream: String) -> Offsets? { state.withLock { $0.offsets[stream] } }

    /// Takes what has changed since the last call.
    /// - Returns: true when nothing new will come.
    func take(changed: inout [(stream: String, offsets: Offsets)], notices: inout [Notice]) -> Bool {
        state.withLock { state in
            for stream in state.changed {
                if let offsets = state.offsets[stream] { changed.append((stream, offsets)) }
            }
            state.changed.removeAll(keepingCapacity: true)
            swap(&notices, &state.notices)
            state.notices.removeAll(keepingCapacity: true)
            return state.isClosed
        }
    }
}
