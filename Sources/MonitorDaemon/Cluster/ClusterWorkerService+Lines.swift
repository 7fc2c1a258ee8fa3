import AMQP
import Logging
import MonitorCluster

/// For which partitions a worker stands in line, and when it hands one over.
extension ClusterWorkerService {
    func lookAround() throws(AMQPError) {
        let now = DaemonClock.monotonic()
        guard let connection = link.connection else { return }
        if now >= nextSign {
            nextSign = now + 1_000_000_000
            if !connection.isBlocked { try sendSign(connection) }
        }
        // While the broker takes nothing, nothing is late.
        guard now >= nextCheck, !connection.isBlocked else { return }
        nextCheck = now + 250_000_000
        for number in slots.indices where slots[number].stage != .away {
            slots[number].owner.check(at: now, &actions)
            try act(on: number)
            if slots[number].isOwned { relieve(number) }
        }
        // Before anything is heard, everything would seem to be this worker's.
        guard now >= connectedAt + Self.listening, !hasEnded else { return }
        others.forgetSilent(at: now)
        for number in slots.indices { try line(up: number, now, connection) }
    }

    private func sendSign(_ connection: AMQPConnection) throws(AMQPError) {
        let owned = slots.filter(\.isOwned).map { slot in
            MemberSign.Owned(
                partition: UInt32(slot.number), epoch: slot.owner.term.epoch,
                streams: UInt32(clamping: slot.owner.streamCount),
                unfinished: UInt32(clamping: slot.owner.unfinishedBlocks))
        }
        try connection.publish(
            others.sign(owned).bytes, to: names.members, key: "", channel: BrokerLink.channel,
            AMQPProperties(type: "sign", isPersistent: false))
    }

    /// Asks for states where too many blocks wait for them.
    private func relieve(_ number: Int) {
        guard slots[number].owner.unfinishedBlocks > Self.pressure else { return }
        let average = slots[number].owner.unfinishedBlocks / max(1, slots[number].owner.streamCount)
        for stream in slots[number].owner.streamsToSave(atLeast: max(1, average)) {
            push(.save(stream: stream), to: workers.worker(of: stream))
        }
    }

    /// Stands in line for a partition, or leaves the line. The first two members in its order stand in line, so that
    /// one can go on at once when the other is gone; an owner that is not the first hands over to the first.
    private func line(up number: Int, _ now: UInt64, _ connection: AMQPConnection) throws(AMQPError) {
        let order = others.order(of: number)
        let rank = order.firstIndex(of: link.settings.member) ?? order.count
        switch slots[number].stage {
        case .away:
            guard rank < 2, slots[number].pendingLeaves == 0, now >= slots[number].notBefore else { return }
            try openChannel(number, connection)
            slots[number].owner = PartitionOwner(owner: link.settings.member, seed: .random(in: 0 ... .max))
            slots[number].stage = .joined
            try connection.consume(
                names.states(number), as: slots[number].statesConsumer, channel: slots[number].channel,
                prefetch: Self.prefetch)
            slots[number].owner.standInLine(at: now, &actions)
            try act(on: number)
        case .joined where slots[number].isOwned:
            // The first must have had the time to stand in line, or a third would be next.
            guard rank > 0, let first = order.first, let since = others.since(first),
                now > since + 2 * MemberTable.patience
            else { return }
            slots[number].stage = .handingOver(until: now + Self.handOverPatience)
            for stream in slots[number].owner.streamNames {
                push(.save(stream: stream), to: workers.worker(of: stream))
            }
        case .joined where rank >= 2 && slots[number].owner.phase == .waiting: try letGo(number, connection)
        case .joined: break
        case .handingOver(let until):
            guard
                now >= until || slots[number].owner.hasNothingToDo && now + Self.handOverPatience > until + 500_000_000
            else { return }
            context.logger.info("a partition is handed over", metadata: ["partition": "\(number)"])
            try letGo(number, connection)
        }
    }

    private func letGo(_ number: Int, _ connection: AMQPConnection) throws(AMQPError) {
        leave(number)
        try connection.closeChannel(slots[number].channel)
    }
}
