/// One term of a partition's ownership: it begins when a worker takes the partition over. Terms only grow.
public struct Term: Sendable, Hashable, Comparable {
    /// 1, 2, 3 ...
    public var epoch: UInt64
    /// Tells apart two workers that tried to begin the same epoch; only one of them ever hears that it has.
    public var claim: UInt64

    public init(epoch: UInt64, claim: UInt64) {
        self.epoch = epoch
        self.claim = claim
    }

    public static func < (a: Term, b: Term) -> Bool { (a.epoch, a.claim) < (b.epoch, b.claim) }
}

/// An event ready to be published.
public struct ClusterEvent: Sendable, Equatable {
    /// Its topic, which is its routing key.
    public var topic: String
    /// The `Event` in binary protobuf.
    public var body: [UInt8]
    /// The stream begins without a past here: alerts that were on when it was last seen are forgotten.
    public var beginsAnew: Bool

    public init(topic: String, body: [UInt8], beginsAnew: Bool = false) {
        self.topic = topic
        self.body = body
        self.beginsAnew = beginsAnew
    }
}

/// The state of one stream after all samples before `nextSampleIndex` and everything else that has happened to it, with
/// the events that came with it.
public struct StateMessage: Sendable, Equatable {
    public var stream: String
    /// The owner that wrote it.
    public var term = Term(epoch: 0, claim: 0)
    /// Grows with every state of the term.
    public var revision: UInt64 = 0
    public var session: UInt64
    public var nextSampleIndex: Int64
    /// The last sequence number of each of the four kinds of events.
    public var sequences: [UInt64]
    /// When samples last came: UTC, ns since 1970.
    public var lastSamplesAt: Int64
    /// The monitor as bytes; nil: the stream has ended, and only its numbers are kept.
    public var state: [UInt8]?
    /// Published once the broker has the state. They may rest on something other than samples, so a later owner cannot
    /// make them again: it publishes them itself.
    public var events: [ClusterEvent]
    /// Alarm limits that were set for the stream beside the configuration's, as they are stored; nil: none.
    public var limits: [UInt8]?

    public init(
        stream: String, session: UInt64, nextSampleIndex: Int64, sequences: [UInt64], lastSamplesAt: Int64,
        state: [UInt8]?, events: [ClusterEvent], limits: [UInt8]? = nil
    ) {
        self.stream = stream
        self.session = session
        self.nextSampleIndex = nextSampleIndex
        self.sequences = sequences
        self.lastSamplesAt = lastSamplesAt
        self.state = state
        self.events = events
        self.limits = limits
    }

    /// Whether it is newer than another state of its stream.
    func isNewer(than other: StateMessage) -> Bool { (term, revision) > (other.term, other.revision) }

    /// Version 2 has limits; without any, every version can read it.
    private static let versions: ClosedRange<UInt8> = 1...2

    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(limits == nil ? Self.versions.lowerBound : 2)
        writer.put(stream)
        writer.put(term.epoch)
        writer.put(term.claim)
        writer.put(revision)
        writer.put(session)
        writer.put(nextSampleIndex)
        for place in 0..<4 { writer.put(place < sequences.count ? sequences[place] : 0) }
        writer.put(lastSamplesAt)
        writer.put(UInt8(state == nil ? 0 : 1))
        if let state { writer.put(state) }
        writer.put(UInt32(clamping: events.count))
        for event in events {
            writer.put(event.topic)
            writer.put(event.body)
            writer.put(UInt8(event.beginsAnew ? 1 : 0))
        }
        if let limits { writer.put(limits) }
        return writer.bytes
    }

    /// - Parameter bytes: any.
    public init(bytes: [UInt8]) throws(ClusterMessageError) {
        var reader = ByteReader(bytes)
        let version = try reader.number(UInt8.self)
        guard Self.versions.contains(version) else { throw .otherVersion(version) }
        stream = try reader.text()
        term = Term(epoch: try reader.number(), claim: try reader.number())
        revision = try reader.number()
        session = try reader.number()
        nextSampleIndex = try reader.number()
        sequences = []
        for _ in 0..<4 { sequences.append(try reader.number()) }
        lastSamplesAt = try reader.number()
        state = try reader.number(UInt8.self) == 0 ? nil : try reader.run()
        events = []
        for _ in 0..<(try reader.number(UInt32.self)) {
            events.append(
                ClusterEvent(
                    topic: try reader.text(), body: try reader.run(), beginsAnew: try reader.number(UInt8.self) != 0))
        }
        if version >= 2 { limits = try reader.run() }
        guard reader.isAtEnd else { throw .tooLong }
    }
}

/// What a queue of states holds.
public enum StatesEntry: Sendable, Equatable {
    case state(StateMessage)
    /// A term has begun; states of earlier terms behind it do not count.
    case marker(Term, owner: String)
    /// A worker asks where the end of the queue is, or whether it owns the partition.
    case probe(UInt64)

    public enum Kind: String { case state, marker, probe }

    /// The type that the message carries.
    public var kind: Kind {
        switch self {
        case .state: .state
        case .marker: .marker
        case .probe: .probe
        }
    }

    public var bytes: [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .state(let message): return message.bytes
        case .marker(let term, let owner):
            writer.put(term.epoch)
            writer.put(term.claim)
            writer.put(owner)
        case .probe(let number): writer.put(number)
        }
        return writer.bytes
    }

    /// - Parameters:
    ///   - type: that the message carries.
    ///   - bytes: any.
    /// - Returns: nil for a type that this version does not know.
    public init?(type: String, bytes: [UInt8]) throws(ClusterMessageError) {
        guard let kind = Kind(rawValue: type) else { return nil }
        var reader = ByteReader(bytes)
        switch kind {
        case .state: self = .state(try StateMessage(bytes: bytes))
        case .marker:
            let term = Term(epoch: try reader.number(), claim: try reader.number())
            self = .marker(term, owner: try reader.text())
        case .probe: self = .probe(try reader.number())
        }
    }
}
