import AMQP
import ECGMonitor
import ECGWire
import Glibc
import Logging
import MonitorCluster
import MonitorWire
import SwiftProtobuf

/// A worker's end of a cluster: it stands in line for partitions, passes their blocks and commands to the worker
/// threads, and what these make of them to the brokers (`PartitionOwner` says when and in which order).
///
/// Each partition has a channel of its own: closing it gives everything back to the broker at once and in order.
final class ClusterWorkerService: ThreadService {
    private let link: BrokerLink
    private let workers: WorkerQueues
    private let rounds: BoundedQueue<JournalRound>
    private let replies: BoundedQueue<OutgoingReply>
    private let tracker: AcknowledgementTracker
    private let context: DaemonContext
    private let activity: ThreadActivity
    private let model: String
    private let start: UInt64

    private var slots: [PartitionSlot]
    private var members = MemberTable()
    private var partitionOf: [String: Int] = [:]
    /// What a worker thread has no room for yet, in order.
    private var backlogs: [[WorkerInput]]
    private var partitionOfChannel: [UInt16: Int] = [:]
    private var lastChannel = BrokerLink.channel
    private var actions: [PartitionOwner.Action] = []
    private var nextSign: UInt64 = 0
    private var nextCheck: UInt64 = 0
    private var connectedAt: UInt64 = 0
    private var hasEnded = false

    /// Unacknowledged deliveries of one queue. It is the same for every worker and never changes, so that what one gives
    /// back fits into the hands of the next, in order.
    private static let prefetch: UInt16 = 65_535
    /// Blocks of one partition without a state after which states are asked for.
    private static let pressure = 16_384
    private static let memberQueue = "members"
    /// How long states of streams are waited for before a partition is handed over; ns.
    private static let handOverPatience: UInt64 = 3_000_000_000
    /// A partition with something that this version cannot read is left to others for so long; ns.
    private static let aversion: UInt64 = 30_000_000_000
    /// After connecting, other members are listened for before standing in line; ns.
    private static let listening: UInt64 = 1_200_000_000

    init(
        _ settings: ClusterSettings, workers: WorkerQueues, rounds: BoundedQueue<JournalRound>,
        replies: BoundedQueue<OutgoingReply>, tracker: AcknowledgementTracker, model: String, context: DaemonContext,
        activity: ThreadActivity
    ) {
        link = BrokerLink(settings, purpose: "worker", context: context, activity: activity)
        self.workers = workers
        self.rounds = rounds
        self.replies = replies
        self.tracker = tracker
        self.context = context
        self.activity = activity
        self.model = model
        start = UInt64.random(in: 1 ... .max)
        slots = (0..<settings.names.partitions).map { PartitionSlot(number: $0) }
        backlogs = Array(repeating: [], count: workers.count)
    }

    private var names: ClusterNames { link.settings.names }
    private var metrics: ClusterMetrics { context.metrics.cluster }

    /// Works until the queue of rounds is closed and everything in it is with the broker, or that takes too long.
    func run() {
        var end: UInt64?
        while true {
            let isNew = link.connectIfDue { (connection) throws(AMQPError) in
                let queue = "\(self.names.members).\(self.link.settings.member).\(self.start)"
                try connection.declareQueue(queue, isExclusive: true)
                try connection.bind(queue, to: self.names.members, key: "")
                try connection.consume(
                    queue, as: Self.memberQueue, channel: BrokerLink.channel, prefetch: 1000, acknowledges: false)
            }
            if isNew {
                connectedAt = DaemonClock.monotonic()
                nextSign = 0
            }
            let work = turn()
            activity.didTurn(working: work)
            if hasEnded {
                let now = DaemonClock.monotonic()
                if end == nil { end = now + Self.handOverPatience }
                let isDone = slots.allSatisfy { !$0.isOwned || $0.owner.hasNothingToDo }
                if isDone || link.connection == nil || now > (end ?? now) { break }
            }
            if !work { wait() }
        }
        link.close()
    }

    private func wait() {
        var descriptors = [tracker.wakeUp.fileDescriptor]
        for wakeUp in [rounds.wakeUp, replies.wakeUp] { if let wakeUp { descriptors.append(wakeUp.fileDescriptor) } }
        if let connection = link.connection { descriptors.append(connection.fileDescriptor) }
        let isPressed = backlogs.contains { !$0.isEmpty }
        DescriptorPoll.wait(descriptors, milliseconds: isPressed ? 2 : 100)
    }

    /// - Returns: whether there was something to do.
    private func turn() -> Bool {
        var work = false
        do throws(AMQPError) {
            work = try takeDeliveries()
            work = try takeNotices() || work
            work = try takeReplies() || work
            try lookAround()
        } catch {
            lose(error)
            _ = try? takeNotices()
        }
        for worker in backlogs.indices { work = drain(worker) || work }
        return work
    }

    // MARK: The connection

    private func lose(_ error: AMQPError) {
        link.lose(error)
        members = MemberTable()
        for number in slots.indices where slots[number].stage != .away { leave(number) }
    }

    /// The channel of a partition is closed, or gone: its streams are dropped here.
    private func leave(_ number: Int) {
        if slots[number].isOwned || slots[number].owner.streamCount > 0 { metrics.partitionsLeft.add(1) }
        slots[number].stage = .away
        slots[number].begunAt = nil
        partitionOfChannel[slots[number].channel] = nil
        let streams = partitionOf.filter { $0.value == number }.map(\.key)
        for stream in streams { partitionOf[stream] = nil }
        for worker in 0..<workers.count {
            let own = streams.filter { workers.worker(of: $0) == worker }
            guard !own.isEmpty else { continue }
            slots[number].pendingLeaves += 1
            push(.leave(partition: number, streams: own), to: worker)
        }
        count()
    }

    private func stepDown(_ number: Int, _ words: String) throws(AMQPError) {
        context.log.note(
            "a partition is given up", cause: "step_down", stream: "", detail: "partition \(number): \(words)")
        leave(number)
        try link.connection?.closeChannel(slots[number].channel)
    }

    private func count() {
        metrics.partitionsOwned.set(slots.count { $0.isOwned })
        metrics.partitionsInLine.set(slots.count { $0.stage != .away && !$0.isOwned })
        metrics.unfinishedBlocks.set(slots.reduce(0) { $0 + ($1.isOwned ? $1.owner.unfinishedBlocks : 0) })
    }

    // MARK: What the broker says

    private func takeDeliveries() throws(AMQPError) -> Bool {
        guard let connection = link.connection else { return false }
        var taken = 0
        while taken < 512, let event = try connection.next() {
            taken += 1
            try take(event)
        }
        return taken > 0
    }

    private func take(_ event: AMQPEvent) throws(AMQPError) {
        switch event {
        case .delivery(let delivery): try take(delivery)
        case .confirmed(let channel, let number, let isMultiple):
            guard let partition = partition(of: channel) else { return }
            slots[partition].owner.didConfirm(
                upTo: number, isMultiple: isMultiple, at: DaemonClock.monotonic(), &actions)
            try act(on: partition)
        case .rejected(let channel, _, _):
            guard let partition = partition(of: channel) else { return }
            slots[partition].owner.didReject(&actions)
            try act(on: partition)
        case .returned: break
        case .consumerEnded(let channel, _):
            guard let partition = partition(of: channel) else { return }
            try stepDown(partition, "its queue is gone; see the broker's log")
        case .channelClosed(let channel, let error):
            guard let partition = partition(of: channel) else { throw error }
            context.log.note(
                "a partition is given up", cause: "channel_closed", stream: "",
                detail: "partition \(partition): \(error.words)")
            leave(partition)
        case .blocked(let reason): link.note(blocked: reason)
        case .unblocked: link.note(blocked: nil)
        }
    }

    private func partition(of channel: UInt16) -> Int? {
        guard let number = partitionOfChannel[channel], slots[number].stage != .away else { return nil }
        return number
    }

    private func openChannel(_ number: Int, _ connection: AMQPConnection) throws(AMQPError) {
        repeat {
            lastChannel = lastChannel < AMQPConnection.maximumChannels ? lastChannel + 1 : BrokerLink.channel + 1
        } while partitionOfChannel[lastChannel] != nil
        try connection.openChannel(lastChannel)
        partitionOfChannel[lastChannel] = number
        slots[number].channel = lastChannel
    }

    private func take(_ delivery: AMQPDelivery) throws(AMQPError) {
        if delivery.consumer == Self.memberQueue { return hear(delivery.body) }
        guard let (number, isBlocks) = PartitionSlot.parse(delivery.consumer), slots.indices.contains(number),
            partition(of: delivery.channel) == number
        else { return }
        if isBlocks { return try takeInput(delivery, number) }
        let now = DaemonClock.monotonic()
        if slots[number].begunAt == nil { slots[number].begunAt = now }
        do throws(ClusterMessageError) {
            if let entry = try StatesEntry(type: delivery.properties.type, bytes: delivery.body) {
                slots[number].owner.take(entry, tag: delivery.tag, at: now, &actions)
            } else {
                throw ClusterMessageError.otherVersion(0)
            }
        } catch {
            metrics.unreadable.add(1)
            context.log.note(
                "a state cannot be read", cause: "unreadable", stream: "",
                detail: "partition \(number): \(error); a later version wrote it: upgrade this member")
            // It stays in the queue, for a member that can read it.
            slots[number].notBefore = now + Self.aversion
            return try stepDown(number, "a state that this version cannot read")
        }
        try act(on: number)
    }

    private func takeInput(_ delivery: AMQPDelivery, _ number: Int) throws(AMQPError) {
        guard let input = WorkerInput(delivery, receivedAt: DaemonClock.monotonic()) else {
            metrics.unreadable.add(1)
            context.log.note("a message of the cluster cannot be read", cause: "unreadable", stream: "")
            try link.connection?.acknowledge(delivery.tag, channel: delivery.channel)
            return
        }
        let stream: String
        switch input {
        case .block(let received):
            stream = received.stream
            slots[number].owner.didDeliver(
                block: delivery.tag, of: stream, session: received.block.session,
                end: received.block.firstSampleIndex + Int64(received.block.millivolts.count))
        case .command(let received):
            stream = received.stream
            // Its reply tells the sender what became of it; without one, it is sent again.
            try link.connection?.acknowledge(delivery.tag, channel: delivery.channel)
        default: return
        }
        partitionOf[stream] = number
        push(input, to: workers.worker(of: stream))
    }

    // MARK: Worker threads

    private func push(_ input: WorkerInput, to worker: Int) {
        backlogs[worker].append(input)
        _ = drain(worker)
    }

    /// Never waits: the worker thread may wait for this one.
    private func drain(_ worker: Int) -> Bool {
        var taken = 0
        for input in backlogs[worker] {
            guard workers.queues[worker].push(input, waitingAtMost: 0) == .taken else { break }
            taken += 1
        }
        backlogs[worker].removeFirst(taken)
        return taken > 0
    }

    /// What the worker threads say. Their rounds come first: a thread that has let go of a partition makes no more.
    private func takeNotices() throws(AMQPError) -> Bool {
        tracker.wakeUp.clear()
        var changed: [(stream: String, offsets: AcknowledgementTracker.Offsets)] = []
        var notices: [AcknowledgementTracker.Notice] = []
        _ = tracker.take(changed: &changed, notices: &notices)
        let work = try takeRounds()
        for notice in notices {
            switch notice {
            case .refused(let stream, _, let first, let samples, _):
                guard let number = partitionOf[stream] else { continue }
                slots[number].owner.didRefuse(blockOf: stream, end: first + Int64(samples), &actions)
                try act(on: number)
            case .left(let number): slots[number].pendingLeaves -= 1
            case .hello, .forgotten: break
            }
        }
        return work || !notices.isEmpty
    }

    private func takeRounds() throws(AMQPError) -> Bool {
        rounds.wakeUp?.clear()
        // While the broker takes nothing, the rounds wait, and then the worker threads.
        guard link.connection?.isBlocked != true else { return false }
        var batch: [JournalRound] = []
        hasEnded = rounds.pop(into: &batch, limit: 4096, waitingAtMost: 0)
        for round in batch {
            // Its partition goes on elsewhere, which makes the same events.
            guard let number = partitionOf[round.stream], slots[number].isOwned else { continue }
            slots[number].owner.take(
                round.clusterEvents, state: round.snapshot.map { StateMessage($0, stream: round.stream) },
                of: round.stream, &actions)
            try act(on: number)
        }
        return !batch.isEmpty
    }

    private func takeReplies() throws(AMQPError) -> Bool {
        replies.wakeUp?.clear()
        guard let connection = link.connection, !connection.isBlocked else { return false }
        var batch: [OutgoingReply] = []
        _ = replies.pop(into: &batch, limit: 256, waitingAtMost: 0)
        for reply in batch {
            guard let way = CommandWay(bytes: reply.to.address.routingID),
                let body: [UInt8] = try? reply.reply.serializedBytes()
            else { continue }
            try connection.publish(
                body, to: names.replies, key: way.gateway, channel: BrokerLink.channel,
                AMQPProperties(type: "reply", correlationID: way.bytes, isPersistent: false))
        }
        return !batch.isEmpty
    }

    // MARK: What a partition wants

    private func act(on number: Int) throws(AMQPError) {
        guard !actions.isEmpty else { return }
        let todo = actions
        actions.removeAll(keepingCapacity: true)
        guard let connection = link.connection, slots[number].stage != .away else { return }
        let channel = slots[number].channel
        for action in todo {
            switch action {
            case .publish(let entry):
                if entry.kind == .state { metrics.statesPublished.add(1) }
                try connection.publish(
                    entry.bytes, to: "", key: names.states(number), channel: channel,
                    AMQPProperties(type: entry.kind.rawValue))
            case .publishEvent(let event):
                metrics.eventsPublished.add(1)
                try connection.publish(
                    event.body, to: names.events, key: event.topic, channel: channel,
                    AMQPProperties(type: event.beginsAnew ? ClusterEvent.beginType : ClusterEvent.type))
            case .acknowledge(let tag): try connection.acknowledge(tag, channel: channel)
            case .restore(let messages): restore(messages, number)
            case .consumeBlocks:
                try connection.consume(
                    names.blocks(number), as: slots[number].blocksConsumer, channel: channel, prefetch: Self.prefetch)
            case .stepDown(let words): return try stepDown(number, words)
            }
        }
        count()
    }

    private func restore(_ messages: [StateMessage], _ number: Int) {
        for message in messages {
            partitionOf[message.stream] = number
            push(
                .restore(stream: message.stream, StreamSnapshot(message)), to: workers.worker(of: message.stream))
        }
        metrics.partitionsTaken.add(1)
        if let begunAt = slots[number].begunAt {
            metrics.takeOverTime.record(nanoseconds: DaemonClock.elapsed(since: begunAt))
        }
        context.logger.info(
            "a partition is taken over",
            metadata: [
                "partition": "\(number)", "epoch": "\(slots[number].owner.term.epoch)", "streams": "\(messages.count)",
            ])
    }

    // MARK: Members and lines

    private func hear(_ body: [UInt8]) {
        guard let sign = try? MemberSign(bytes: body) else {
            metrics.unreadable.add(1)
            context.log.note(
                "a member of another version", cause: "version", stream: "", detail: "upgrade all of them")
            return
        }
        members.hear(sign, at: DaemonClock.monotonic())
        guard sign.name != link.settings.member || sign.start != start else { return }
        if let words = disagreement(with: sign) {
            context.log.note("members of this cluster disagree", cause: "disagreement", stream: "", detail: words)
        }
    }

    private func disagreement(with sign: MemberSign) -> String? {
        if sign.name == link.settings.member {
            return "two workers are called \(sign.name); give one of them another cluster.member"
        }
        if sign.partitions != UInt32(names.partitions) {
            return "\(sign.name) has \(sign.partitions) partitions, this one \(names.partitions): two clusters are "
                + "called \(names.cluster); give one of them another cluster.name"
        }
        if sign.model != model {
            return "\(sign.name) uses another model (\(sign.model.prefix(12))); set model.path alike on all members"
        }
        return nil
    }

    private func lookAround() throws(AMQPError) {
        let now = DaemonClock.monotonic()
        guard let connection = link.connection else { return }
        if now >= nextSign {
            nextSign = now + 1_000_000_000
            if !connection.isBlocked { try sendSign(connection) }
        }
        guard now >= nextCheck else { return }
        nextCheck = now + 250_000_000
        for number in slots.indices where slots[number].isOwned {
            slots[number].owner.check(at: now, &actions)
            try act(on: number)
            relieve(number)
        }
        // Before anything is heard, everything would seem to be this worker's.
        guard now >= connectedAt + Self.listening, !hasEnded else { return }
        members.forgetSilent(at: now)
        for number in slots.indices { try line(up: number, now, connection) }
    }

    private func sendSign(_ connection: AMQPConnection) throws(AMQPError) {
        var sign = MemberSign(
            name: link.settings.member, start: start, partitions: UInt32(names.partitions), version: Daemon.version,
            model: model)
        for slot in slots where slot.isOwned {
            sign.owned.append(
                .init(
                    partition: UInt32(slot.number), epoch: slot.owner.term.epoch,
                    streams: UInt32(clamping: slot.owner.streamCount),
                    unfinished: UInt32(clamping: slot.owner.unfinishedBlocks)))
        }
        try connection.publish(
            sign.bytes, to: names.members, key: "", channel: BrokerLink.channel,
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
        let order = members.order(of: number)
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
            slots[number].owner.standInLine(&actions)
            try act(on: number)
        case .joined where slots[number].isOwned:
            // The first must have had the time to stand in line, or a third would be next.
            guard rank > 0, let first = order.first, let since = members.since(first),
                now > since + 2 * MemberTable.patience
            else { return }
            slots[number].stage = .handingOver(until: now + Self.handOverPatience)
            for stream in slots[number].owner.streamNames {
                push(.save(stream: stream), to: workers.worker(of: stream))
            }
        case .joined where rank >= 2 && slots[number].owner.phase == .waiting: try letGo(number, connection)
        case .joined: break
        case .handingOver(let until):
            guard now >= until || slots[number].owner.hasNothingToDo && now + Self.handOverPatience > until + 500_000_000
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
