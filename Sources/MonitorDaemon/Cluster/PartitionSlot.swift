import MonitorCluster

/// A partition as one worker sees it.
struct PartitionSlot {
    enum Stage: Equatable {
        /// Not in line.
        case away
        /// In line for it, or its owner.
        case joined
        /// In line for it until what it has is saved; gives up at this time, monotonic, ns.
        case handingOver(until: UInt64)
    }

    let number: Int
    var stage = Stage.away
    /// Of the present or the last time in line.
    var owner = PartitionOwner(owner: "", seed: 0)
    /// Worker threads that still hold streams of it from the last time.
    var pendingLeaves = 0
    /// Not to stand in line before; monotonic, ns.
    var notBefore: UInt64 = 0
    /// When the broker's first word came; monotonic, ns.
    var begunAt: UInt64?

    init(number: Int) { self.number = number }

    /// On the worker's connection; a new one each time, so that nothing late is taken for something new.
    var channel: UInt16 = 0
    var isOwned: Bool { stage != .away && owner.phase == .owning }
    /// Consumers are called after it.
    var statesConsumer: String { "s\(number)" }
    var blocksConsumer: String { "b\(number)" }

    /// The partition and the queue that a consumer's name stands for.
    static func parse(_ consumer: String) -> (partition: Int, isBlocks: Bool)? {
        guard let first = consumer.first, first == "s" || first == "b", let number = Int(consumer.dropFirst()) else {
            return nil
        }
        return (number, first == "b")
    }
}
