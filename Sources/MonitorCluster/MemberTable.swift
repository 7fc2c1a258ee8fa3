/// A worker's sign of life.
public struct MemberSign: Sendable, Equatable {
    public var name: String
    /// Differs with every start.
    public var start: UInt64
    /// The number of partitions it knows of.
    public var partitions: UInt32
    /// The program's version.
    public var version: String
    /// The classifier's weights, in hexadecimal digits: members that compute differently must not share streams.
    public var model: String
    /// Partitions that it owns, with their epochs and the blocks that wait there to be covered by a state.
    public var owned: [Owned]

    public struct Owned: Sendable, Equatable {
        public var partition: UInt32
        public var epoch: UInt64
        public var streams: UInt32
        public var unfinished: UInt32

        public init(partition: UInt32, epoch: UInt64, streams: UInt32, unfinished: UInt32) {
            self.partition = partition
            self.epoch = epoch
            self.streams = streams
            self.unfinished = unfinished
        }
    }

    public init(
        name: String, start: UInt64, partitions: UInt32, version: String, model: String, owned: [Owned] = []
    ) {
        self.name = name
        self.start = start
        self.partitions = partitions
        self.version = version
        self.model = model
        self.owned = owned
    }

    private static let format: UInt8 = 1

    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(Self.format)
        writer.put(name)
        writer.put(start)
        writer.put(partitions)
        writer.put(version)
        writer.put(model)
        writer.put(UInt32(clamping: owned.count))
        for one in owned {
            writer.put(one.partition)
            writer.put(one.epoch)
            writer.put(one.streams)
            writer.put(one.unfinished)
        }
        return writer.bytes
    }

    /// - Parameter bytes: any.
    public init(bytes: [UInt8]) throws(ClusterMessageError) {
        var reader = ByteReader(bytes)
        let format = try reader.number(UInt8.self)
        guard format == Self.format else { throw .otherVersion(format) }
        name = try reader.text()
        start = try reader.number()
        partitions = try reader.number()
        version = try reader.text()
        model = try reader.text()
        owned = []
        for _ in 0..<(try reader.number(UInt32.self)) {
            owned.append(
                Owned(
                    partition: try reader.number(), epoch: try reader.number(), streams: try reader.number(),
                    unfinished: try reader.number()))
        }
    }
}

/// The workers that have shown life lately, and which of them should own a partition. It decides who stands in line for
/// a partition, never who owns it: that is the broker's decision.
public struct MemberTable: Sendable {
    private var seen: [String: (sign: MemberSign, since: UInt64, last: UInt64)] = [:]

    /// A worker not heard of for so long is not counted on; ns.
    public static let patience: UInt64 = 4_000_000_000

    public init() {}

    /// - Parameter now: monotonic, ns.
    public mutating func hear(_ sign: MemberSign, at now: UInt64) {
        if let known = seen[sign.name], known.sign.start == sign.start {
            seen[sign.name] = (sign, known.since, now)
        } else {
            seen[sign.name] = (sign, now, now)
        }
    }

    public mutating func forgetSilent(at now: UInt64) {
        seen = seen.filter { now < $0.value.last + Self.patience }
    }

    public var signs: [MemberSign] { seen.values.map(\.sign).sorted { $0.name < $1.name } }

    /// When a member was first heard of; nil: it is not known.
    public func since(_ name: String) -> UInt64? { seen[name]?.since }

    /// The members in the order in which they should own a partition: the highest random weight first (Thaler and
    /// Ravishankar 1998), so that a member that comes or goes moves only its own partitions.
    public func order(of partition: Int) -> [String] {
        seen.keys.map { ($0, Self.weight($0, partition)) }.sorted { ($0.1, $0.0) > ($1.1, $1.0) }.map(\.0)
    }

    private static func weight(_ name: String, _ partition: Int) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 {
            hash ^= UInt64(byte)
            hash &*= 0x100_0000_01b3
        }
        // SplitMix64's last steps: neighbouring partitions get unrelated weights.
        var mixed = hash &+ UInt64(partition) &* 0x9e37_79b9_7f4a_7c15
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
