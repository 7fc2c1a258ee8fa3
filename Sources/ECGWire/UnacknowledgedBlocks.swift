/// The blocks of one stream that the daemon may still need, and how far they have been sent. A value type with neither
/// socket nor clock: it is told what was received and determines what to send.
struct UnacknowledgedBlocks: Sendable {
    struct Block: Sendable, Equatable {
        var session: UInt64
        var first: Int64
        var count: Int
        var body: [UInt8]
        /// Samples of the stream up to the end of this block, counted since the client was created.
        fileprivate var total: UInt64
        var end: Int64 { first + Int64(count) }
    }

    enum Phase: Sendable, Equatable {
        /// A hello must be sent before the next block.
        case needsHello
        /// The answer to the hello is pending.
        case awaitsAnswer
        case sending
    }

    let stream: String
    private(set) var phase = Phase.needsHello
    /// Number of the last hello, which its answer repeats.
    private(set) var helloNumber: UInt64 = 0
    /// Number of timeouts minus number of answered hellos. A daemon that is behind is asked less and less often, so
    /// that the hellos do not delay it further.
    private(set) var silences = 0
    private var blocks: [Block] = []
    /// Blocks before this index are released; the array is trimmed when there are many of them.
    private var head = 0
    /// The first block that the daemon is not known to have in memory; between `head` and `nextToSend`.
    private var unconfirmed = 0
    private var nextToSend = 0
    private var total: UInt64 = 0
    private var window = 0

    init(stream: String) { self.stream = stream }

    var isEmpty: Bool { head == blocks.count }
    /// Number of samples kept.
    var samples: Int { isEmpty ? 0 : Int(total - blocks[head].total) + blocks[head].count }
    /// The session of the last block added, which a hello names.
    var session: UInt64 { blocks.last?.session ?? 0 }
    /// Number of samples sent that the daemon is not known to have.
    var onTheWay: Int {
        guard nextToSend > unconfirmed else { return 0 }
        return Int(blocks[nextToSend - 1].total - blocks[unconfirmed].total) + blocks[unconfirmed].count
    }

    /// All that is kept was sent, and the daemon has it, if only in memory: it has yet to say that it will not need it
    /// again. That word can get lost, or go to another source of the same stream.
    var awaitsRelease: Bool { phase == .sending && !isEmpty && nextToSend == blocks.count && onTheWay == 0 }

    mutating func append(session: UInt64, first: Int64, count: Int, body: [UInt8]) {
        total += UInt64(count)
        blocks.append(Block(session: session, first: first, count: count, body: body, total: total))
    }

    /// The next block that may be sent; nil if there is none at the moment.
    var sendable: Block? {
        guard phase == .sending, nextToSend < blocks.count else { return nil }
        let block = blocks[nextToSend]
        let onTheWay = self.onTheWay
        return onTheWay == 0 || onTheWay + block.count <= window ? block : nil
    }

    mutating func didSend() { nextToSend += 1 }

    /// The next hello carries `nextHelloNumber`.
    mutating func didSayHello() {
        helloNumber = nextHelloNumber
        phase = .awaitsAnswer
    }

    var nextHelloNumber: UInt64 { helloNumber &+ 1 }

    /// Handles a broken connection.
    mutating func lose() { phase = .needsHello }

    /// Handles a timeout: nothing was received for a long time.
    mutating func loseBySilence() {
        silences = min(silences + 1, Self.maximumSilences)
        phase = .needsHello
    }

    /// The timeout doubles each time, up to this many times.
    static let maximumSilences = 5

    /// The outcome of a reply.
    enum Outcome: Equatable {
        case nothing
        /// The block will never be accepted and is released.
        case refused(cause: String, first: Int64)
        /// The daemon is monitoring a later session: these blocks will never be accepted and are released.
        case stale(samples: Int)
    }

    mutating func take(_ reply: WireIngestReply) -> Outcome {
        var outcome = Outcome.nothing
        if !reply.cause.isEmpty {
            if Self.retryable.contains(reply.cause) {
                // A block rejected while the answer to a hello is pending was sent before that hello.
                if phase == .sending { phase = .needsHello }
                return .nothing
            }
            outcome = drop(first: reply.refusedSampleIndex, cause: reply.cause)
        }
        release(reply)
        let (room, overflow) = reply.sendUpToSampleIndex.subtractingReportingOverflow(reply.expectedSampleIndex)
        // Implausible numbers leave room for one block at a time.
        window = overflow ? 0 : Int(clamping: room)
        while unconfirmed < nextToSend, isPast(blocks[unconfirmed], reply) { unconfirmed += 1 }
        // A daemon that sends no number does not know any.
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

    /// Releases blocks that will never be needed again. Blocks of a session before the daemon's are needed until the
    /// daemon has saved something of its own session.
    private mutating func release(_ reply: WireIngestReply) {
        while head < blocks.count {
            let block = blocks[head]
            let isSafe = block.session == reply.session && block.end <= reply.neededFromSampleIndex
            let isOver = block.session < reply.session && reply.neededFromSampleIndex > 0
            guard isSafe || isOver else { break }
            // Frees its bytes now, and its slot together with many others.
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

    /// Blocks of a session that is over and that were never sent.
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
