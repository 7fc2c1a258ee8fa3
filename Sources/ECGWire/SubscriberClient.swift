public import ZeroMQ

/// One published message.
public struct Publication: Sendable, Equatable {
    public var topic: Topic
    public var body: PublishedBody
    /// Number of messages on this topic lost just before this one, according to the sequence numbers.
    public var missedBefore: UInt64

    /// The event, or nil if the message is the daemon's health.
    public var event: WireEvent? {
        if case .event(let event) = body { event } else { nil }
    }

    /// The daemon's health, or nil if the message is an event.
    public var health: WireHealth? {
        if case .health(let health) = body { health } else { nil }
    }
}

/// The subscriber side of a connection: receives what a daemon publishes, in JSON or binary, whichever arrives.
///
/// Like its socket, it belongs to the thread that created it. It reconnects by itself when the daemon comes back.
public struct SubscriberClient: ~Copyable {
    /// Largest body accepted, in bytes; far larger than anything a daemon sends.
    public static let maximumMessageSize = 16 << 20

    /// The endpoint that it subscribes to.
    public let endpoint: String
    private let filters: [TopicFilter]
    private let socket: ZeroMQSocket
    private var message = ZeroMQMessage()
    /// The last sequence number of each topic; a gap means a loss.
    private var lastSequences: [Topic: UInt64] = [:]

    /// - Parameters:
    ///   - endpoint: the daemon's events endpoint, such as `tcp://127.0.0.1:5572` or `ipc:///run/ecgmon/events`.
    ///   - filters: what to receive; a message that matches several filters is delivered once.
    ///   - context: the context of its socket.
    ///   - keys: the key of this subscriber and that of the daemon; nil: no encryption. Topics that the key may not
    ///     read are not delivered.
    ///   - queueLength: maximum number of messages that may wait here while this program is slow; the daemon drops any
    ///     more.
    /// - Throws: `.socket` for an invalid endpoint.
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
            // Detects a daemon that vanished silently, and reconnects to it.
            try socket.noticeVanishedPeers()
            for prefix in Set(filters.map(\.prefix)) { try socket.set(.subscribe(prefix)) }
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
        } catch {
            throw .socket(error)
        }
    }

    /// Waits for the next message that matches a filter.
    /// - Parameter timeout: nil: wait forever; zero: do not wait.
    /// - Returns: nil if the timeout expired.
    /// - Throws: `.unreadable` for a message that cannot be decoded, after which the caller may continue; `.socket`.
    public mutating func receive(timeout: Duration? = nil) throws(WireError) -> Publication? {
        // A month counts as forever here, and does not overflow.
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

    /// Adds this subscriber to a poller, for programs that also wait for other things.
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

    /// A number that does not continue from the last one means that the daemon restarted; it is not a loss.
    private mutating func missedBefore(_ sequence: UInt64, of topic: Topic) -> UInt64 {
        defer { lastSequences[topic] = sequence }
        guard let last = lastSequences[topic], sequence > last else { return 0 }
        return sequence - last - 1
    }
}
