import AMQP
import ECGMonitor
import ECGWire
import Glibc
import Logging
import MonitorCluster
import SwiftProtobuf

/// A gateway's source of events: it takes those of all workers from its own queue at the broker, passes them to the
/// journal, and from there to the subscribers. A message is acknowledged when the journal holds its event; without a
/// journal, when it is with the publisher. So a gateway that was away gets what it missed.
final class GatewayEvents: ThreadService {
    private let link: BrokerLink
    /// nil: there is no journal.
    private let journal: BoundedQueue<JournalRound>?
    private let publishQueue: BoundedQueue<OutgoingMessage>
    private let subscriptions: Subscriptions
    private let written: WrittenDeliveries
    private let stop: StopRequest
    private let context: DaemonContext
    private let activity: ThreadActivity
    private let encoding: BodyEncoding
    /// The last number of each topic: events that come twice are published once.
    private var last: [String: UInt64] = [:]

    private static let consumer = "events"
    private static let prefetch: UInt16 = 4096
    /// A gateway that stays away for so long gets no more than what comes from then on; ms.
    private static let patience: Int64 = 24 * 3600 * 1000

    /// A single active consumer: after a broker was cut off, the connection before may still hold events, which would
    /// come behind later ones.
    static let queue: [AMQPArgument] = [
        .text("x-queue-type", "quorum"), .flag("x-single-active-consumer", true),
        .number("x-quorum-initial-group-size", 3), .number("x-expires", patience),
    ]

    init(
        _ settings: ClusterSettings, journal: BoundedQueue<JournalRound>?, publishQueue: BoundedQueue<OutgoingMessage>,
        subscriptions: Subscriptions, written: WrittenDeliveries, stop: StopRequest, context: DaemonContext,
        activity: ThreadActivity
    ) {
        link = BrokerLink(settings, purpose: "events", context: context, activity: activity)
        self.journal = journal
        self.publishQueue = publishQueue
        self.subscriptions = subscriptions
        self.written = written
        self.stop = stop
        self.context = context
        self.activity = activity
        encoding = context.settings.current.events.encoding
    }

    private var metrics: ClusterMetrics { context.metrics.cluster }

    func run() {
        while !stop.isRequested {
            _ = link.connectIfDue { (connection) throws(AMQPError) in
                let queue = self.link.settings.names.events(gateway: self.link.settings.member)
                try connection.declareQueue(queue, Self.queue)
                try connection.bind(queue, to: self.link.settings.names.events, key: "#")
                try connection.consume(
                    queue, as: Self.consumer, channel: BrokerLink.channel, prefetch: Self.prefetch)
            }
            var work = false
            do throws(AMQPError) {
                work = try takeEvents()
                written.wakeUp.clear()
                try acknowledge(written.take())
            } catch {
                link.lose(error)
            }
            context.station?.cut.note(.events, isUp: link.connection != nil)
            activity.didTurn(working: work)
            if !work { wait() }
        }
        link.close()
    }

    private func wait() {
        var descriptors = [written.wakeUp.fileDescriptor, stop.wakeUp.fileDescriptor]
        if let connection = link.connection { descriptors.append(connection.fileDescriptor) }
        DescriptorPoll.wait(descriptors, milliseconds: 250)
    }

    private func acknowledge(_ places: [DeliveryPlace]) throws(AMQPError) {
        guard let connection = link.connection else { return }
        for place in places where place.connection == link.number {
            try connection.acknowledge(place.tag, channel: BrokerLink.channel)
        }
    }

    private func takeEvents() throws(AMQPError) -> Bool {
        guard let connection = link.connection else { return false }
        var taken = 0
        while taken < 256, let event = try connection.next() {
            taken += 1
            switch event {
            case .delivery(let delivery): try take(delivery)
            case .channelClosed(_, let error): throw error
            case .consumerEnded: throw AMQPError(.closed(code: 404), "the queue of events is gone")
            case .confirmed, .rejected, .returned, .blocked, .unblocked: break
            }
        }
        return taken > 0
    }

    private func take(_ delivery: AMQPDelivery) throws(AMQPError) {
        var found: MonitorEvent?
        guard var round = JournalRound(delivery, connection: link.number, event: &found),
            let event = round.events.first
        else {
            metrics.unreadable.add(1)
            context.log.note("an event of the cluster cannot be read", cause: "unreadable", stream: "")
            return try acknowledge([DeliveryPlace(connection: link.number, tag: delivery.tag)])
        }
        metrics.eventsReceived.add(1)
        var message: OutgoingMessage?
        if event.sequence > last[delivery.routingKey] ?? 0 {
            last[delivery.routingKey] = event.sequence
            context.metrics.events.add(for: event.kind.topic)
            message = self.message(event, topic: Array(delivery.routingKey.utf8), stream: round.stream)
            if let found { context.station?.take(.events(stream: round.stream, [found]), ofStream: round.stream) }
        } else {
            metrics.eventsRepeated.add(1)
        }
        guard let journal else {
            if let message { _ = publishQueue.push(message, waitingAtMost: nil) }
            return try acknowledge([DeliveryPlace(connection: link.number, tag: delivery.tag)])
        }
        round.events[0].message = message
        // It waits while the journal does: the rest stays with the broker.
        _ = journal.push(round, waitingAtMost: nil)
    }

    /// nil: nobody wants it.
    private func message(_ event: JournaledEvent, topic: [UInt8], stream: String) -> OutgoingMessage? {
        guard subscriptions.wants(topic) else { return nil }
        if encoding == .binary { return OutgoingMessage(topic: topic, body: event.body, receivedAt: nil) }
        guard let wire = try? WireEvent(serializedBytes: event.body),
            let body = try? PublishedBody.event(wire).encoded(as: encoding)
        else {
            context.metrics.count(.eventDropped, of: stream)
            return nil
        }
        return OutgoingMessage(topic: topic, body: body, receivedAt: nil)
    }
}
