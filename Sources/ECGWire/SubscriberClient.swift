public import ZeroMQ

/// One published message.
public struct Publication: Sendable, Equatable {
    public var topic: Topic
    public var body: PublishedBody
    /// How many messages of this topic were lost just before this one, by the sequence numbers.
    public var missedBefore: UInt64

    /// The event, unless it is the daemon's health.
    public var event: WireEvent? {
        if case .event(let event) = body { event } else { nil }
    }

    /// The daemon's health, if it is that.
    public var health: WireHealth? {
        if case .health(let health) = body { health } else { nil }
    }
}

/// The listener's end of the wire: gets what a daemon publishes, in JSON or binary, whichever comes.
///
/// It belongs to the thread that made it, like its socket. It connects again by itself when the daemon comes back.
public struct SubscriberClient: ~Copyable {
    /// Largest body taken, in bytes: far above any that a daemon sends.
    public static let maximumMessageSize = 16 << 20

    /// Where it listens to.
    public let endpoint: String
    private let filters: [TopicFilter]
    private let socket: ZeroMQSocket
    private var message = ZeroMQMessage()
    /// The last sequence number of each topic: a hole in them is a loss.
    private var lastSequences: [Topic: UInt64] = [:]

    /// - Parameters:
    ///   - endpoint: the daemon's events endpoint, such as `tcp://127.0.0.1:5572` or `ipc:///run/ecgmon/events`.
    ///   - filters: what to get; a message that several of them match comes once.
    ///   - keys: this subscriber's key and the daemon's; nil: no encryption. What the key may not read does not come.
    ///   - queueLength: messages that may wait here while this program is slow; after that the daemon drops them.
    /// - Throws: `.socket` for an endpoint that makes no sense.
    public init(
        endpoint: String, filters: [TopicFilter] = [.everything], context: ZeroMQContext,
        keys: CurveClientKeys? = nil, queueLength: Int = 10_000
    ) throws(WireError) {
        self.endpoint = endpoint
        self.filters = filters
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .sub)
            try socket.set(.receiveHighWaterMark(queueLength))
            try socket.set(.maximumMessageSize(Self.maximumMessageSize))
            try socket.set(.linger(.zero))
            try socket.set(.reconnectIntervalMaximum(.seconds(2)))
            // A daemon that vanished without a word is noticed, and connected to again.
            try socket.noticeVanishedPeers()
            for prefix in Set(filters.map(\.prefix)) { try socket.set(.subscribe(prefix)) }
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
        } catch {
            throw .socket(error)
        }
    }

    /// Waits for the next message that a filter matches.
    /// - Parameter timeout: nil: for ever; zero: only look.
    /// - Returns: nil where the time passed.
    /// - Throws: `.unreadable` for a message that makes no sense, after which one can go on; `.socket`.
    public mutating func receive(timeout: Duration? = nil) throws(WireError) -> Publication? {
        // A month is for ever here, and does not overflow.
        let end = timeout.map { ContinuousClock.now + min($0, .seconds(30 * 86_400)) }
        while true {
            do throws(ZeroMQError) {
                guard try socket.receive(into: &message, timeout: end.map { $0 - .now }) else { return nil }
            } catch {
                throw .socket(error)
            }
            let publication = try read()
            if filters.contains(where: { $0.matches(publication.topic) }) { return publication }
        }
    }

    /// Adds this subscriber to a poller, for programs that wait for more than this.
    @discardableResult
    public func add(to poller: inout ZeroMQPoller) -> Int { poller.add(socket) }

    private mutating func read() throws(WireError) -> Publication {
        let name = message.text(ofFrame: 0) ?? ""
        guard message.frameCount == 2, let topic = Topic(name),
            let body = message.withFrame(1, { try? PublishedBody($0, kind: topic.kind) })
        else {
            throw .unreadable(topic: Self.printable(name))
        }
        let missed = missedBefore(body.sequence, of: topic)
        return Publication(topic: topic, body: body, missedBefore: missed)
    }

    private static func printable(_ name: String) -> String {
        let characters = name.unicodeScalars.prefix(80).map { (" "..."~").contains($0) ? Character($0) : "?" }
        return String(characters)
    }

    /// A number that does not go on from the last is a new start of the daemon, not a loss.
    private mutating func missedBefore(_ sequence: UInt64, of topic: Topic) -> UInt64 {
        defer { lastSequences[topic] = sequence }
        guard let last = lastSequences[topic], sequence > last else { return 0 }
        return sequence - last - 1
    }
}
