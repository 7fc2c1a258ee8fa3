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
    let link: BrokerLink
    let workers: WorkerQueues
    private let rounds: BoundedQueue<JournalRound>
    private let replies: BoundedQueue<OutgoingReply>
    private let tracker: AcknowledgementTracker
    let context: DaemonContext
    private let activity: ThreadActivity

    var slots: [PartitionSlot]
    var others: ClusterMembers
    private var partitionOf: [String: Int] = [:]
    /// What a worker thread has no room for yet, in order.
    private var backlogs: [[WorkerInput]]
    private var partitionOfChannel: [UInt16: Int] = [:]
    private var lastChannel = BrokerLink.channel
    var actions: [PartitionOwner.Action] = []
    var nextSign: UInt64 = 0
    var nextCheck: UInt64 = 0
    var connectedAt: UInt64 = 0
    var hasEnded = false

    /// Unacknowledged deliveries of one queue. It is the same for every worker and never changes, so that what one
    /// gives back fits into the hands of the next, in order.
    static let prefetch: UInt16 = 65_535
    /// Blocks of one partition without a state after which states are asked for.
    static let pressure = 16_384
    private static let memberQueue = "members"
    /// How long states of streams are waited for before a partition is handed over; ns.
    static let handOverPatience: UInt64 = 3_000_000_000
    /// After the broker took nothing, confirms may come late; ns.
    static let grace: UInt64 = 3_000_000_000
    /// A partition with something that this version cannot read is left to others for so long; ns.
    private static let aversion: UInt64 = 30_000_000_000
    /// After connecting, other members are listened for before standing in line; ns.
    static let listening: UInt64 = 1_200_000_000

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
        others = ClusterMembers(settings, model: model, context: context)
        slots = (0..<settings.names.partitions).map { PartitionSlot(number: $0) }
        backlogs = Array(repeating: [], count: workers.count)
    }

    var names: ClusterNames { link.settings.names }
    private var metrics: ClusterMetrics { context.metrics.cluster }

    /// Works until the queue of rounds is closed and everything in it is with the broker, or that takes too long.
    func run() {
        var end: UInt64?
        while true {
            let isNew = link.connectIfDue { (connection) throws(AMQPError) in
                // A broker that is cut off may still hold the queue of the connection before.
                let queue = "\(self.names.members).\(self.link.settings.member).\(UInt64.random(in: 0 ... .max))"
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
        others.forgetAll()
        for number in slots.indices where slots[number].stage != .away { leave(number) }
    }

    /// The channel of a partition is closed, or gone: its streams are dropped here.
    func leave(_ number: Int) {
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
        case .unblocked:
            link.note(blocked: nil)
            nextCheck = DaemonClock.monotonic() + Self.grace
        }
    }

    private func partition(of channel: UInt16) -> Int? {
        guard let number = partitionOfChannel[channel], slots[number].stage != .away else { return nil }
        return number
    }

    func openChannel(_ number: Int, _ connection: AMQPConnection) throws(AMQPError) {
        repeat {
            lastChannel = lastChannel < AMQPConnection.maximumChannels ? lastChannel + 1 : BrokerLink.channel + 1
        } while partitionOfChannel[lastChannel] != nil
        try connection.openChannel(lastChannel)
        partitionOfChannel[lastChannel] = number
        slots[number].channel = lastChannel
    }

    private func take(_ delivery: AMQPDelivery) throws(AMQPError) {
        if delivery.consumer == Self.memberQueue { return others.hear(delivery.body) }
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
        case .limits(let received):
            stream = received.stream
            try link.connection?.acknowledge(delivery.tag, channel: delivery.channel)
        case .hello, .restore, .save, .leave: return
        }
        partitionOf[stream] = number
        push(input, to: workers.worker(of: stream))
    }

    // MARK: Worker threads

    func push(_ input: WorkerInput, to worker: Int) {
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
                of: round.stream, at: DaemonClock.monotonic(), &actions)
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

    func act(on number: Int) throws(AMQPError) {
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
}
