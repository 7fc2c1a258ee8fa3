/// The blocks of one stream that the daemon may still need, and how far they have been sent. A value without socket or
/// clock: it is told what came and says what to send.
struct UnacknowledgedBlocks: Sendable {
    struct Block: Sendable, Equatable {
        var session: UInt64
        var first: Int64
        var count: Int
        var body: [UInt8]
        /// Samples of the stream's blocks up to this one's end, since the client was made.
        fileprivate var total: UInt64
        var end: Int64 { first + Int64(count) }
    }

    enum Phase: Sendable, Equatable {
        /// A hello must go out before the next block.
        case needsHello
        /// Its answer is awaited.
        case awaitsAnswer
        case sending
    }

    let stream: String
    private(set) var phase = Phase.needsHello
    /// Of the last hello; its answer names it.
    private(set) var helloNumber: UInt64 = 0
    /// How often nothing was heard for long, less how often a hello was answered: a daemon that is behind is asked again
    /// more and more seldom, lest each hello make it later.
    private(set) var silences = 0
    private var blocks: [Block] = []
    /// Blocks before it are let go; the array is cut when they are many.
    private var head = 0
    /// The first that the daemon is not known to have in memory; between `head` and `nextToSend`.
    private var unconfirmed = 0
    private var nextToSend = 0
    private var total: UInt64 = 0
    private var window = 0

    init(stream: String) { self.stream = stream }

    var isEmpty: Bool { head == blocks.count }
    /// Samples that are kept.
    var samples: Int { isEmpty ? 0 : Int(total - blocks[head].total) + blocks[head].count }
    /// The session of the last block that was added; what a hello names.
    var session: UInt64 { blocks.last?.session ?? 0 }
    /// Samples sent that the daemon is not known to have.
    var onTheWay: Int {
        guard nextToSend > unconfirmed else { return 0 }
        return Int(blocks[nextToSend - 1].total - blocks[unconfirmed].total) + blocks[unconfirmed].count
    }

    mutating func append(session: UInt64, first: Int64, count: Int, body: [UInt8]) {
        total += UInt64(count)
        blocks.append(Block(session: session, first: first, count: count, body: body, total: total))
    }

    /// The next block that may be sent; nil: none at the moment.
    var sendable: Block? {
        guard phase == .sending, nextToSend < blocks.count else { return nil }
        let block = blocks[nextToSend]
        let onTheWay = self.onTheWay
        return onTheWay == 0 || onTheWay + block.count <= window ? block : nil
    }

    mutating func didSend() { nextToSend += 1 }

    /// The hello that goes out now carries `nextHelloNumber`.
    mutating func didSayHello() {
        helloNumber = nextHelloNumber
        phase = .awaitsAnswer
    }

    var nextHelloNumber: UInt64 { helloNumber &+ 1 }

    /// The connection broke.
    mutating func lose() { phase = .needsHello }

    /// Nothing was heard for long.
    mutating func loseBySilence() {
        silences = min(silences + 1, Self.mostSilences)
        phase = .needsHello
    }

    /// Patience doubles with each silence, up to this often.
    static let mostSilences = 5

    /// What a reply means.
    enum Outcome: Equatable {
        case nothing
        /// The block will never be taken, and is let go.
        case refused(cause: String, first: Int64)
        /// The daemon watches a later session: these blocks will never be taken, and are let go.
        case stale(samples: Int)
    }

    mutating func take(_ reply: WireIngestReply) -> Outcome {
        var outcome = Outcome.nothing
        if !reply.cause.isEmpty {
            if Self.retryable.contains(reply.cause) {
                // What is refused while the answer to a hello is awaited was on its way before it.
                if phase == .sending { phase = .needsHello }
                return .nothing
            }
            outcome = drop(first: reply.refusedSampleIndex, cause: reply.cause)
        }
        release(reply)
        let (room, overflow) = reply.sendUpToSampleIndex.subtractingReportingOverflow(reply.expectedSampleIndex)
        // Numbers that make no sense leave room for a block at a time.
        window = overflow ? 0 : Int(clamping: room)
        while unconfirmed < nextToSend, isPast(blocks[unconfirmed], reply) { unconfirmed += 1 }
        // A daemon that names no number knows none.
        if reply.answersHello, phase == .awaitsAnswer, reply.helloNumber == helloNumber || reply.helloNumber == 0 {
            phase = .sending
            silences = max(0, silences - 1)
            let stale = staleSamples(reply)
            if stale > 0 { outcome = .stale(samples: stale) }
            nextToSend = blocks[head...].firstIndex { !isPast($0, reply) } ?? blocks.count
            unconfirmed = nextToSend
        }
        return outcome
    }

    /// Causes after which a block may be sent again.
    static let retryable: Set<String> = [
        "hello_needed", "beyond_credit", "worker_queue_full", "too_many_streams", "stopping",
    ]

    private func isPast(_ block: Block, _ reply: WireIngestReply) -> Bool {
        block.session < reply.session || block.session == reply.session && block.end <= reply.expectedSampleIndex
    }

    /// Lets go of what will never be needed again. Blocks of a session before the daemon's are needed until something
    /// of the daemon's is safe.
    private mutating func release(_ reply: WireIngestReply) {
        while head < blocks.count {
            let block = blocks[head]
            let isSafe = block.session == reply.session && block.end <= reply.neededFromSampleIndex
            let isOver = block.session < reply.session && reply.neededFromSampleIndex > 0
            guard isSafe || isOver else { break }
            // Its bytes go now, its place with many others.
            blocks[head].body = []
            head += 1
        }
        nextToSend = max(nextToSend, head)
        unconfirmed = max(unconfirmed, head)
        guard head > 1024, head * 2 > blocks.count else { return }
        blocks.removeFirst(head)
        nextToSend -= head
        unconfirmed -= head
        head = 0
    }

    /// Blocks of a session that is over, and never sent.
    private func staleSamples(_ reply: WireIngestReply) -> Int {
        guard reply.session > session, !isEmpty, nextToSend < blocks.count else { return 0 }
        return blocks[nextToSend...].reduce(0) { $0 + ($1.session < reply.session ? $1.count : 0) }
    }

    private mutating func drop(first: Int64, cause: String) -> Outcome {
        guard nextToSend > head, let index = blocks[head..<nextToSend].lastIndex(where: { $0.first == first }) else {
            return .nothing
        }
        let block = blocks.remove(at: index)
        for later in index..<blocks.count { blocks[later].total -= UInt64(block.count) }
        total -= UInt64(block.count)
        nextToSend -= 1
        if index < unconfirmed { unconfirmed -= 1 }
        return .refused(cause: cause, first: first)
    }
}
