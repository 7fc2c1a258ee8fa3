import AMQP
import ECGMonitor
import ECGWire
import Glibc
import Logging
import MonitorCluster
import SwiftProtobuf

/// A gateway's way to the brokers: it publishes blocks and commands, and tells the sources what the broker has taken
/// over. A block is acknowledged when the broker confirms it: a majority of the brokers has it on disk.
///
/// While there is no broker, blocks of the acknowledged endpoint are refused, and their sources keep them; blocks of
/// the other endpoint wait here and then in the sources' own queues. After a block was refused, none of its stream is
/// published before its source has said hello: so nothing that was skipped can look like a gap.
final class GatewaySender: ThreadService {
    private let link: BrokerLink
    private let queues: GatewayQueues
    private let tracker: AcknowledgementTracker
    private let replies: BoundedQueue<OutgoingReply>
    private let stop: StopRequest
    private let context: DaemonContext
    private let activity: ThreadActivity

    /// Published and not confirmed, by its number.
    private var inFlight: [UInt64: Sent] = [:]
    private var firstInFlight: UInt64 = 1
    private var pace = ConfirmPace()
    private var notLateBefore: UInt64 = 0
    private var lastPublished: UInt64 = 0
    private var streams: [String: StreamState] = [:]
    /// Blocks without acknowledgement that must be published again.
    private var again: [ReceivedBlock] = []
    private var batch: [WorkerInput] = []
    private var hasEnded = false
    private var nextSweep: UInt64 = 0

    private static let repliesConsumer = "replies"
    /// Messages that may be on their way to the broker.
    private static let window = 4096
    /// How long confirms are waited for at the end; ns.
    private static let lastPatience: UInt64 = 3_000_000_000

    private struct Sent {
        var block: ReceivedBlock
        var at: UInt64
    }

    private struct StreamState {
        var session: UInt64 = 0
        var end: Int64 = 0
        var inFlight = 0
        /// When something of it came last; monotonic, ns.
        var lastAt = DaemonClock.monotonic()
        /// The last hello, which waits for what is on its way.
        var hello: ReceivedHello?
        /// A block was refused, and no hello has come since.
        var needsHello = false
    }

    init(
        _ settings: ClusterSettings, queues: GatewayQueues, tracker: AcknowledgementTracker,
        replies: BoundedQueue<OutgoingReply>, stop: StopRequest, context: DaemonContext, activity: ThreadActivity
    ) {
        link = BrokerLink(settings, purpose: "gateway", context: context, activity: activity)
        self.queues = queues
        self.tracker = tracker
        self.replies = replies
        self.stop = stop
        self.context = context
        self.activity = activity
    }

    private var names: ClusterNames { link.settings.names }
    private var metrics: ClusterMetrics { context.metrics.cluster }

    /// Publishes until the queues are closed and everything in them is confirmed, or that takes too long.
    func run() {
        var end: UInt64?
        while true {
            let isNew = link.connectIfDue { (connection) throws(AMQPError) in
                // So that no event is published that no gateway has a queue for.
                let events = self.names.events(gateway: self.link.settings.member)
                try connection.declareQueue(events, GatewayEvents.queue)
                try connection.bind(events, to: self.names.events, key: "#")
                // A broker that is cut off may still hold the queue of the connection before.
                let queue = "\(self.names.replies).\(self.link.settings.member).\(UInt64.random(in: 0 ... .max))"
                try connection.declareQueue(queue, isExclusive: true)
                try connection.bind(queue, to: self.names.replies, key: self.link.settings.member)
                try connection.consume(
                    queue, as: Self.repliesConsumer, channel: BrokerLink.channel, prefetch: 1000, acknowledges: false)
            }
            if isNew { didConnect() }
            let work = turn()
            forgetSilent()
            activity.didTurn(working: work)
            if stop.isRequested, link.connection?.isBlocked != false { queues.close() }
            if hasEnded {
                let now = DaemonClock.monotonic()
                if end == nil { end = now + Self.lastPatience }
                if inFlight.isEmpty && again.isEmpty || now > (end ?? now) { break }
            }
            if !work { wait() }
        }
        refuseInFlight()
        link.close()
    }

    private func wait() {
        var descriptors = queues.wakeUps
        if let connection = link.connection { descriptors.append(connection.fileDescriptor) }
        DescriptorPoll.wait(descriptors, milliseconds: 100)
    }

    private func turn() -> Bool {
        var work = false
        do throws(AMQPError) {
            work = try takeEvents()
            work = try takeInputs() || work
        } catch {
            link.lose(error)
            refuseInFlight()
        }
        return work
    }

    private func didConnect() {
        inFlight = [:]
        (firstInFlight, lastPublished) = (1, 0)
        pace = ConfirmPace()
        for stream in streams.keys { answerHello(of: stream) }
    }

    // MARK: What the broker says

    private func takeEvents() throws(AMQPError) -> Bool {
        guard let connection = link.connection else { return false }
        var taken = 0
        while taken < 512, let event = try connection.next() {
            taken += 1
            switch event {
            case .confirmed(_, let number, let isMultiple):
                for number in isMultiple ? min(firstInFlight, number)...number : number...number { didConfirm(number) }
                while firstInFlight <= lastPublished, inFlight[firstInFlight] == nil { firstInFlight += 1 }
            case .rejected: throw AMQPError(.other, "the broker refused a block")
            case .returned(_, let properties, let words):
                // Its confirm must not count: the connection begins anew, and the queues are declared again.
                throw AMQPError(.closed(code: 404), "no queue takes a \(properties.type) (\(words))")
            case .channelClosed(_, let error): throw error
            case .consumerEnded: throw AMQPError(.closed(code: 404), "the queue of replies is gone")
            case .delivery(let delivery): pass(delivery)
            case .blocked(let reason): link.note(blocked: reason)
            case .unblocked:
                link.note(blocked: nil)
                notLateBefore = DaemonClock.monotonic() + ClusterWorkerService.grace
            }
        }
        if !connection.isBlocked, DaemonClock.monotonic() >= notLateBefore, let oldest = inFlight[firstInFlight],
            DaemonClock.elapsed(since: oldest.at) > pace.patience
        {
            throw AMQPError(.lost, "the broker does not confirm a block")
        }
        return taken > 0
    }

    private func didConfirm(_ number: UInt64) {
        guard let sent = inFlight.removeValue(forKey: number) else { return }
        let block = sent.block
        metrics.blocksConfirmed.add(1)
        let time = DaemonClock.elapsed(since: sent.at)
        metrics.confirmTime.record(nanoseconds: time)
        pace.note(time)
        var state = streams[block.stream] ?? StreamState()
        state.inFlight -= 1
        let end = block.block.firstSampleIndex + Int64(block.block.millivolts.count)
        if (block.block.session, end) > (state.session, state.end) {
            (state.session, state.end) = (block.block.session, end)
        }
        streams[block.stream] = state
        if block.acknowledgement != nil {
            tracker.didProcess(
                block.stream, session: state.session, next: state.end, samples: block.block.millivolts.count)
            tracker.didPersist(block.stream, session: state.session, before: state.end)
        }
        answerHello(of: block.stream)
    }

    private func pass(_ delivery: AMQPDelivery) {
        guard let way = CommandWay(bytes: delivery.properties.correlationID),
            let reply = try? WireCommandReply(serializedBytes: delivery.body)
        else { return metrics.unreadable.add(1) }
        let to = ReplyTo(address: way.address, encoding: way.encoding)
        _ = replies.push(OutgoingReply(to: to, reply: reply), waitingAtMost: 0)
    }

    private func answerHello(of stream: String) {
        guard let hello = streams[stream]?.hello, streams[stream]?.inFlight == 0, link.connection != nil else { return }
        streams[stream]?.hello = nil
        streams[stream]?.needsHello = false
        tracker.post(.hello(stream: stream, number: hello.number, to: hello.source))
    }

    // MARK: What comes from the sources

    private func takeInputs() throws(AMQPError) -> Bool {
        for wakeUp in [queues.acknowledged.wakeUp, queues.plain.wakeUp, queues.commands.wakeUp] { wakeUp?.clear() }
        let isUp = link.connection.map { !$0.isBlocked } ?? false
        // Without a broker, sources of acknowledged blocks are told at once.
        let room = link.connection == nil ? Self.window : isUp ? Self.window - inFlight.count : 0
        guard room > 0 else { return false }
        var done = 0
        while isUp, !again.isEmpty {
            try publish(again.removeFirst())
            done += 1
        }
        batch.removeAll(keepingCapacity: true)
        let limit = min(256, room)
        let isAcknowledgedOver = queues.acknowledged.pop(into: &batch, limit: limit, waitingAtMost: 0)
        let isPlainOver =
            (isUp || stop.isRequested) && queues.plain.pop(into: &batch, limit: limit, waitingAtMost: 0)
        let areCommandsOver = queues.commands.pop(into: &batch, limit: 64, waitingAtMost: 0)
        hasEnded = isAcknowledgedOver && isPlainOver && areCommandsOver
        for index in batch.indices {
            do throws(AMQPError) {
                try take(batch[index])
            } catch {
                // The rest finds no connection, and is refused.
                link.lose(error)
                refuseInFlight()
            }
        }
        return done + batch.count > 0
    }

    private func take(_ input: WorkerInput) throws(AMQPError) {
        switch input {
        case .block(let block): try take(block)
        case .hello(let hello):
            streams[hello.stream, default: StreamState()].hello = hello
            answerHello(of: hello.stream)
        case .command(let command): try publish(command)
        case .limits(let limits): refuse(limits)
        case .restore, .save, .leave: break
        }
    }

    private func take(_ block: ReceivedBlock) throws(AMQPError) {
        guard block.acknowledgement != nil else {
            if link.connection == nil { again.append(block) } else { try publish(block) }
            return
        }
        if link.connection == nil || streams[block.stream]?.needsHello == true { return refuse(block) }
        try publish(block)
    }

    private func publish(_ block: ReceivedBlock) throws(AMQPError) {
        guard let connection = link.connection else { return refuse(block) }
        // Whatever happens, it is in flight from now on.
        streams[block.stream, default: StreamState()].inFlight += 1
        streams[block.stream]?.lastAt = block.receivedAt
        lastPublished += 1
        inFlight[lastPublished] = Sent(block: block, at: DaemonClock.monotonic())
        metrics.blocksPublished.add(1)
        try connection.publish(
            block.message, to: names.blocks, key: block.stream, channel: BrokerLink.channel,
            AMQPProperties(type: WorkerInput.blockType), isMandatory: true)
    }

    /// Commands wait for nothing: without a reply, the sender tries again.
    private func publish(_ command: ReceivedCommand) throws(AMQPError) {
        guard let wire = command.wire, case .socket(let reply) = command.origin,
            let body: [UInt8] = try? wire.serializedBytes()
        else { return }
        guard let connection = link.connection else {
            context.metrics.commands.add(for: .unavailable)
            let answer = WireCommandReply(
                .unavailable, "the cluster's broker cannot be reached", number: command.number)
            _ = replies.push(OutgoingReply(to: reply, stream: command.stream, reply: answer), waitingAtMost: 0)
            return
        }
        lastPublished += 1
        try connection.publish(
            body, to: names.blocks, key: command.stream, channel: BrokerLink.channel,
            AMQPProperties(
                type: WorkerInput.commandType,
                correlationID: CommandWay(gateway: link.settings.member, reply).bytes, isPersistent: false))
    }

    /// Limits of a bed do not move from worker to worker with its stream.
    private func refuse(_ limits: ReceivedLimits) {
        guard case .socket(let reply) = limits.origin else { return }
        context.metrics.commands.add(for: .invalid)
        let answer = WireCommandReply(
            .invalid, "in a cluster the limits are those of the configuration", number: limits.number)
        _ = replies.push(OutgoingReply(to: reply, stream: limits.stream, reply: answer), waitingAtMost: 0)
    }

    // MARK: What was not taken over

    private func refuseInFlight() {
        let later = again
        again = []
        for number in inFlight.keys.sorted() {
            guard let sent = inFlight.removeValue(forKey: number) else { continue }
            streams[sent.block.stream]?.inFlight -= 1
            refuse(sent.block)
        }
        again += later
    }

    /// Forgets streams that have sent nothing for as long as workers remember them.
    private func forgetSilent() {
        let now = DaemonClock.monotonic()
        guard now >= nextSweep else { return }
        nextSweep = now + 10_000_000_000
        let patience = UInt64(context.settings.current.streams.forgottenAfterSeconds * 1e9)
        for (stream, state) in streams where state.inFlight == 0 && now > state.lastAt + patience {
            streams[stream] = nil
            tracker.forget(stream)
        }
    }

    private func refuse(_ block: ReceivedBlock) {
        metrics.blocksRefused.add(1)
        guard let acknowledgement = block.acknowledgement else { return again.append(block) }
        streams[block.stream, default: StreamState()].needsHello = true
        tracker.post(
            .refused(
                stream: block.stream, .workerQueueFull, firstSampleIndex: block.block.firstSampleIndex,
                samples: block.block.millivolts.count, to: acknowledgement.source))
    }
}

/// What a gateway's sockets pass to its thread.
struct GatewayQueues: Sendable {
    let acknowledged: BoundedQueue<WorkerInput>
    let plain: BoundedQueue<WorkerInput>
    let commands: BoundedQueue<WorkerInput>

    init(_ settings: DaemonConfiguration.Workers) throws(SystemCallError) {
        func queue() throws(SystemCallError) -> BoundedQueue<WorkerInput> {
            BoundedQueue(
                capacity: settings.queueSegments, costLimit: settings.queueSamples, wakeUp: try WakeUp(),
                cost: { $0.cost })
        }
        acknowledged = try queue()
        plain = try queue()
        commands = try queue()
    }

    func close() { for queue in [acknowledged, plain, commands] { queue.close() } }

    var wakeUps: [Int32] { [acknowledged, plain, commands].compactMap { $0.wakeUp?.fileDescriptor } }
}
