/// One worker's part in one partition: how it becomes the owner, what it may publish and when, and what it may
/// acknowledge. A plain value: it says what is to be done on the partition's channel, in order, and is told what comes.
///
/// The broker gives the queue of states to one consumer at a time (single active consumer). Whoever gets something from
/// it owns the partition as far as the broker knows, and does this:
///
/// 1. It publishes a probe into the queue. When the probe comes back, everything before it has been read: the newest
///    state of each stream, and the marker of the term before.
/// 2. It publishes the marker of its own term, one epoch later. When that comes back, the term has begun: no state of
///    an earlier term that comes behind it counts.
/// 3. It restores the streams and consumes the queue of blocks, which has a single active consumer, too.
///
/// From then on:
///
/// - Events that follow from samples alone are published at once.
/// - A state is published when all earlier events of its stream are confirmed. It carries the events of its round.
/// - A state counts once it has come back: it is on a majority of the brokers' disks, and this worker is still the
///   owner. Only then are its events published, the state before it acknowledged, and the blocks that it covers.
///
/// So at any time the broker holds for each stream a state, every block behind it, and every event before it. Whoever
/// takes over computes from there, and gets the same events with the same ids and numbers. An owner that was only cut
/// off gets no state back: it can acknowledge nothing, and publishes only what its successor publishes, too.
public struct PartitionOwner: Sendable {
    /// To be done on the partition's channel, in this order.
    public enum Action: Sendable, Equatable {
        /// Into the queue of states.
        case publish(StatesEntry)
        case publishEvent(ClusterEvent)
        /// A delivery of either queue, by its tag.
        case acknowledge(UInt64)
        /// The term has begun: go on with these streams.
        case restore([StateMessage])
        /// After `restore`.
        case consumeBlocks
        /// Close the channel, forget the streams, and stand in line again.
        case stepDown(String)
    }

    public enum Phase: Sendable, Equatable {
        /// Stands in line.
        case waiting
        /// Reads the queue of states until this probe comes back.
        case reading(UInt64)
        /// Waits for its marker.
        case claiming
        case owning
        /// It is over; a new value is needed to stand in line again.
        case over
    }

    public private(set) var phase = Phase.waiting
    public private(set) var term = Term(epoch: 0, claim: 0)
    /// States that came too late to count.
    public private(set) var staleStates = 0
    /// Blocks not yet covered by a state.
    public private(set) var unfinishedBlocks = 0

    private let owner: String
    private var nextClaim: UInt64
    private var newestTerm = Term(epoch: 0, claim: 0)
    private var markers: [UInt64] = []
    private var candidates: [String: (message: StateMessage, tag: UInt64)] = [:]
    private var streams: [String: StreamInHand] = [:]
    private var revision: UInt64 = 0
    /// What was published on the channel and is not confirmed, by its number.
    private var unconfirmed: [UInt64: (what: Unconfirmed, at: UInt64)] = [:]
    private var pace = ConfirmPace()
    private var now: UInt64 = 0
    private var published: UInt64 = 0
    private var firstUnconfirmed: UInt64 = 1

    /// How long a state may take to come back once it is confirmed; ns.
    public static let returnPatience: UInt64 = 5_000_000_000

    private enum Unconfirmed {
        case entry
        case state(stream: String)
        case event(stream: String)
    }

    private struct Round {
        var events: [ClusterEvent]
        var state: StateMessage?
    }

    private struct Block {
        var tag: UInt64
        var session: UInt64
        var end: Int64
    }

    private struct StreamInHand {
        var heldTag: UInt64?
        var rounds: [Round] = []
        /// The revision of the first round's state, once it is published.
        var revisionOut: UInt64?
        var confirmedAt: UInt64?
        var unconfirmedEvents = 0
        var blocks: [Block] = []
    }

    /// - Parameters:
    ///   - owner: the worker's name, for whoever looks.
    ///   - seed: a random number, different for every worker and every time.
    public init(owner: String, seed: UInt64) {
        self.owner = owner
        nextClaim = seed
    }

    public var streamCount: Int { streams.count }
    public var streamNames: [String] { Array(streams.keys) }
    /// Everything that was passed in is published, confirmed and covered.
    public var hasNothingToDo: Bool {
        unconfirmed.isEmpty && streams.values.allSatisfy { $0.rounds.isEmpty }
    }

    /// Streams whose blocks wait longest for a state.
    public func streamsToSave(atLeast blocks: Int) -> [String] {
        streams.filter { $0.value.blocks.count >= blocks }.map(\.key)
    }

    private mutating func claim() -> UInt64 {
        nextClaim = nextClaim &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return nextClaim
    }

    // MARK: The queue of states

    /// To be called once the queue of states is consumed: if it is empty, this is what comes.
    /// - Parameter now: monotonic, ns.
    public mutating func standInLine(at now: UInt64, _ actions: inout [Action]) {
        self.now = now
        publish(.probe(claim()), .entry, &actions)
    }

    /// Takes what the queue of states delivers.
    /// - Parameter now: monotonic, ns.
    public mutating func take(_ entry: StatesEntry, tag: UInt64, at now: UInt64, _ actions: inout [Action]) {
        self.now = now
        if phase == .waiting {
            let number = claim()
            phase = .reading(number)
            publish(.probe(number), .entry, &actions)
        }
        switch entry {
        case .probe(let number):
            actions.append(.acknowledge(tag))
            if phase == .reading(number) { beginTerm(&actions) }
        case .marker(let term, _): take(term, tag, &actions)
        case .state(let message): take(message, tag, &actions)
        }
    }

    private mutating func beginTerm(_ actions: inout [Action]) {
        phase = .claiming
        term = Term(epoch: newestTerm.epoch + 1, claim: claim())
        publish(.marker(term, owner: owner), .entry, &actions)
    }

    private mutating func take(_ other: Term, _ tag: UInt64, _ actions: inout [Action]) {
        switch phase {
        case .claiming where other == term:
            // The marker stays in the queue, so that the next owner hears of this epoch.
            for old in markers { actions.append(.acknowledge(old)) }
            markers = [tag]
            own(&actions)
        case .claiming where other.epoch >= term.epoch, .owning where other > term:
            end("another worker has taken the partition over", &actions)
        case .owning: actions.append(.acknowledge(tag))
        default:
            newestTerm = max(newestTerm, other)
            markers.append(tag)
        }
    }

    private mutating func own(_ actions: inout [Action]) {
        phase = .owning
        let names = candidates.keys.sorted()
        let messages = names.compactMap { candidates[$0]?.message }
        actions.append(.restore(messages))
        for message in messages {
            var stream = StreamInHand()
            stream.heldTag = candidates[message.stream]?.tag
            // Whoever wrote the state may not have come to publish its events.
            if !message.events.isEmpty { stream.rounds = [Round(events: message.events)] }
            streams[message.stream] = stream
            advance(message.stream, &actions)
        }
        candidates = [:]
        actions.append(.consumeBlocks)
    }

    private mutating func take(_ message: StateMessage, _ tag: UInt64, _ actions: inout [Action]) {
        guard phase == .owning else {
            // Until its own marker has come back, everything counts.
            newestTerm = max(newestTerm, message.term)
            if let known = candidates[message.stream] {
                let isNewer = message.isNewer(than: known.message)
                actions.append(.acknowledge(isNewer ? known.tag : tag))
                if isNewer { candidates[message.stream] = (message, tag) }
            } else {
                candidates[message.stream] = (message, tag)
            }
            return
        }
        guard message.term == term, let out = streams[message.stream]?.revisionOut, out == message.revision else {
            staleStates += 1
            actions.append(.acknowledge(tag))
            return
        }
        didReturn(message, tag, &actions)
    }

    private mutating func didReturn(_ message: StateMessage, _ tag: UInt64, _ actions: inout [Action]) {
        guard var stream = streams[message.stream] else { return }
        if let old = stream.heldTag { actions.append(.acknowledge(old)) }
        stream.heldTag = tag
        stream.revisionOut = nil
        stream.confirmedAt = nil
        var left: [Block] = []
        for block in stream.blocks {
            if block.session < message.session
                || block.session == message.session && block.end <= message.nextSampleIndex
            {
                actions.append(.acknowledge(block.tag))
            } else {
                left.append(block)
            }
        }
        unfinishedBlocks -= stream.blocks.count - left.count
        stream.blocks = left
        // What is left of the round are its events.
        if !stream.rounds.isEmpty { stream.rounds[0].state = nil }
        streams[message.stream] = stream
        advance(message.stream, &actions)
    }

    // MARK: Blocks

    /// A block was delivered and goes to its stream.
    /// - Parameter end: the index behind its last sample.
    public mutating func didDeliver(block tag: UInt64, of stream: String, session: UInt64, end: Int64) {
        streams[stream, default: StreamInHand()].blocks.append(Block(tag: tag, session: session, end: end))
        unfinishedBlocks += 1
    }

    /// The stream's monitor has refused a block: no state will ever cover it.
    /// - Parameter end: the index behind its last sample.
    public mutating func didRefuse(blockOf stream: String, end: Int64, _ actions: inout [Action]) {
        guard let place = streams[stream]?.blocks.firstIndex(where: { $0.end == end }),
            let block = streams[stream]?.blocks.remove(at: place)
        else { return }
        unfinishedBlocks -= 1
        actions.append(.acknowledge(block.tag))
    }

    // MARK: Rounds

    /// Takes what a worker's round has made of a stream.
    /// - Parameters:
    ///   - state: if there is one, it comes after the events.
    ///   - now: monotonic, ns.
    public mutating func take(
        _ events: [ClusterEvent], state: StateMessage?, of stream: String, at now: UInt64, _ actions: inout [Action]
    ) {
        self.now = now
        guard phase == .owning else { return }
        streams[stream, default: StreamInHand()].rounds.append(Round(events: events, state: state))
        advance(stream, &actions)
    }

    /// Publishes of a stream what may be published.
    private mutating func advance(_ name: String, _ actions: inout [Action]) {
        guard var stream = streams[name] else { return }
        var done = 0
        loop: for index in stream.rounds.indices {
            if var state = stream.rounds[index].state {
                guard stream.revisionOut == nil, stream.unconfirmedEvents == 0 else { break loop }
                revision += 1
                state.term = term
                state.revision = revision
                state.events = stream.rounds[index].events
                stream.rounds[index].state = state
                stream.revisionOut = revision
                publish(.state(state), .state(stream: name), &actions)
                break loop
            }
            for event in stream.rounds[index].events {
                stream.unconfirmedEvents += 1
                published += 1
                unconfirmed[published] = (.event(stream: name), now)
                actions.append(.publishEvent(event))
            }
            done += 1
        }
        stream.rounds.removeFirst(done)
        streams[name] = stream
    }

    private mutating func publish(_ entry: StatesEntry, _ kind: Unconfirmed, _ actions: inout [Action]) {
        published += 1
        unconfirmed[published] = (kind, now)
        actions.append(.publish(entry))
    }

    // MARK: Confirms

    /// The broker confirms what was published on the channel.
    public mutating func didConfirm(
        upTo number: UInt64, isMultiple: Bool, at now: UInt64, _ actions: inout [Action]
    ) {
        self.now = now
        let numbers = isMultiple ? min(firstUnconfirmed, number)...number : number...number
        for number in numbers {
            guard let (what, publishedAt) = unconfirmed.removeValue(forKey: number) else { continue }
            pace.note(now - min(now, publishedAt))
            switch what {
            case .entry: break
            case .state(let name):
                if streams[name]?.revisionOut != nil { streams[name]?.confirmedAt = now }
            case .event(let name):
                streams[name]?.unconfirmedEvents -= 1
                if streams[name]?.unconfirmedEvents == 0 { advance(name, &actions) }
            }
        }
        while firstUnconfirmed <= published, unconfirmed[firstUnconfirmed] == nil { firstUnconfirmed += 1 }
    }

    /// The broker refuses what was published.
    public mutating func didReject(_ actions: inout [Action]) { end("the broker refused a message", &actions) }

    /// Looks whether states come back, and confirms come, as they must.
    public mutating func check(at now: UInt64, _ actions: inout [Action]) {
        let isLate = streams.values.contains { stream in
            stream.confirmedAt.map { now > $0 + Self.returnPatience } ?? false
        }
        if isLate { return end("the broker no longer counts this worker as the owner", &actions) }
        if let oldest = unconfirmed[firstUnconfirmed], now > oldest.at + pace.patience {
            end("the broker does not confirm", &actions)
        }
    }

    private mutating func end(_ words: String, _ actions: inout [Action]) {
        phase = .over
        actions.append(.stepDown(words))
    }
}
