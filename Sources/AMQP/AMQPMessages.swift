/// A message of a queue, as it came to a consumer.
public struct AMQPDelivery: Sendable, Equatable {
    public var channel: UInt16
    /// The consumer that it came to.
    public var consumer: String
    /// To acknowledge it by, on its channel.
    public var tag: UInt64
    /// It was delivered before, to this or another consumer.
    public var isRedelivered: Bool
    public var routingKey: String
    public var properties: AMQPProperties
    public var body: [UInt8]

    public init(
        channel: UInt16, consumer: String, tag: UInt64, isRedelivered: Bool, routingKey: String,
        properties: AMQPProperties, body: [UInt8]
    ) {
        self.channel = channel
        self.consumer = consumer
        self.tag = tag
        self.isRedelivered = isRedelivered
        self.routingKey = routingKey
        self.properties = properties
        self.body = body
    }
}

/// What goes along with a message.
public struct AMQPProperties: Sendable, Equatable {
    /// What kind of message it is.
    public var type: String
    public var replyTo: String
    public var correlationID: [UInt8]
    /// The broker keeps it on disk.
    public var isPersistent: Bool

    public init(type: String = "", replyTo: String = "", correlationID: [UInt8] = [], isPersistent: Bool = true) {
        self.type = type
        self.replyTo = replyTo
        self.correlationID = correlationID
        self.isPersistent = isPersistent
    }
}

/// What the broker says without having been asked.
public enum AMQPEvent: Sendable, Equatable {
    case delivery(AMQPDelivery)
    /// The broker has taken over the message with this number, or all up to it.
    case confirmed(channel: UInt16, upTo: UInt64, isMultiple: Bool)
    /// The broker has not taken it over.
    case rejected(channel: UInt16, upTo: UInt64, isMultiple: Bool)
    /// No queue takes the message; its confirm follows all the same.
    case returned(channel: UInt16, properties: AMQPProperties, words: String)
    /// The broker has ended a consumer, since its queue is gone.
    case consumerEnded(channel: UInt16, consumer: String)
    /// The broker takes no messages for now: no memory or no room on its disk.
    case blocked(String)
    case unblocked
    /// The broker has closed a channel, and goes on with the others.
    case channelClosed(UInt16, AMQPError)
}

/// The arguments of a queue.
public enum AMQPArgument: Sendable, Equatable {
    case text(String, String)
    case number(String, Int64)
    case flag(String, Bool)
}
