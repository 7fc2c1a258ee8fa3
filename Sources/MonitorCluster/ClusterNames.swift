/// What the exchanges and queues of a cluster are called at the broker. Two clusters of different names share nothing.
///
///     NAME.blocks        consistent-hash exchange: samples and commands, by their stream's name
///     NAME.blocks.007    quorum queue: those of partition 7
///     NAME.states.007    quorum queue: the newest state of each stream of partition 7, and who owns it
///     NAME.events        topic exchange: events, by their topic
///     NAME.events.GATE   quorum queue: the events that gateway GATE has yet to write
///     NAME.replies       direct exchange: replies to commands, by the gateway's name
///     NAME.members       fanout exchange: signs of life of the members
///     NAME.display       fanout exchange: samples and limits for the gateways' displays
public struct ClusterNames: Sendable, Equatable {
    public let cluster: String
    /// 1 to 999.
    public let partitions: Int

    public static let maximumPartitions = 999

    public init(cluster: String, partitions: Int) {
        self.cluster = cluster
        self.partitions = partitions
    }

    /// Whether a cluster or a member may be called so: 1 to 64 letters, digits, hyphens and underscores.
    public static func isValid(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_".utf8.contains($0)
            }
    }

    public var blocks: String { "\(cluster).blocks" }
    public var events: String { "\(cluster).events" }
    public var replies: String { "\(cluster).replies" }
    public var members: String { "\(cluster).members" }
    public var display: String { "\(cluster).display" }

    public func blocks(_ partition: Int) -> String { "\(blocks).\(Self.number(partition))" }
    public func states(_ partition: Int) -> String { "\(cluster).states.\(Self.number(partition))" }
    public func events(gateway: String) -> String { "\(events).\(gateway)" }

    /// Always three digits. After all brokers were down, RabbitMQ 3.10 builds the exchange's ring anew, with the queues
    /// in the order of their names; so they are bound in that order in the first place, or streams would change their
    /// partitions.
    private static func number(_ partition: Int) -> String {
        let digits = String(partition)
        return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    }
}
