public import ZeroMQ

/// A subscriber that misses nothing. It subscribes, queries the daemon's history for events published before it started
/// or while it was disconnected, and delivers every event of each topic once and in order. Based on the "clone" pattern
/// of the ZeroMQ guide (chapter 5).
///
/// If there is no history to query because the daemon keeps no journal, it behaves like a `SubscriberClient`, and
/// `Publication.missedBefore` reports the gaps. Like its sockets, it belongs to the thread that created it.
public struct HistorySubscriberClient: ~Copyable {
    /// The position at which to start.
    public enum Start: Sendable {
        /// At the active alerts, followed by everything published from now on. The history is asked at once: where it
        /// does not answer, half a second is waited, and the client starts when it first does.
        case now
        /// At the oldest event that is still kept.
        case beginning
        /// After these sequence numbers; topics not listed start at the oldest event that is still kept.
        case after([Topic: UInt64])
    }

    private var subscriber: SubscriberClient
    private var history: HistoryClient?
    private let watch: ZeroMQSocket
    private let monitor: ZeroMQMonitor
    private let filters: [TopicFilter]
    private let start: Start
    private var merge = SubscriptionMerge()
    private var ready: [Publication] = []
    private var readyHead = 0
    /// Whether the journal's position at the start is known.
    private var knowsStart = false
    private var hasAsked = false
    private var hasReconnected = false
    private var place: UInt64 = 0
    private var nextLook: ContinuousClock.Instant
    /// When the history stopped answering.
    private var silentSince: ContinuousClock.Instant?

    /// Whether the last history query was answered.
    public private(set) var hasHistory = false
    /// Number of events that came from the history.
    public private(set) var fromHistory = 0
    /// Number of duplicate messages that were dropped.
    public var repeats: Int { merge.repeats }

    private static let patience = Duration.milliseconds(500)
    /// Events missed on a quiet topic are noticed after this time at the latest.
    private static let lookInterval = Duration.seconds(10)
    /// After this long without an answer it continues without a history.
    private static let maximumSilence = Duration.seconds(30)
    private static let maximumTopics = 256

    /// - Parameters:
    ///   - endpoint: the daemon's events endpoint.
    ///   - history: the daemon's history endpoint; nil: do not use the history.
    ///   - filters: what to receive; a message that matches several filters is delivered once.
    ///   - start: where to start.
    ///   - context: the context of its sockets.
    ///   - keys: the key of this subscriber and that of the daemon; nil: no encryption. Topics that the key may not
    ///     read are not delivered.
    /// - Throws: `.socket` for an invalid endpoint.
    public init(
        endpoint: String, history: String?, filters: [TopicFilter] = [.everything], start: Start = .now,
        context: ZeroMQContext, keys: CurveClientKeys? = nil
    ) throws(WireError) {
        let subscriber = try SubscriberClient(
            endpoint: endpoint, filters: filters, context: context, keys: keys, queueLength: 100_000)
        let historyClient = try Self.client(history, context, keys)
        let watch = try Self.watch(endpoint, context, keys)
        let monitor = try Self.monitor(watch, endpoint)
        self.subscriber = subscriber
        self.history = historyClient
        self.watch = watch
        self.monitor = monitor
        self.filters = filters
        self.start = start
        nextLook = .now
        // A client that asks for past events waits for them; one that starts now takes what arrives until the history
        // answers.
        if case .now = start { hasHistory = false } else { hasHistory = history != nil }
        if case .after(let sequences) = start {
            for (topic, sequence) in sequences { merge.begin(topic, after: sequence) }
        }
        // What is published between now and the first `receive` belongs to it, too.
        if case .now = start {
            // What went wrong will do so again, and is thrown there.
            do throws(WireError) { try look() } catch { nextLook = .now }
        }
    }

    private static func client(
        _ endpoint: String?, _ context: ZeroMQContext, _ keys: CurveClientKeys?
    ) throws(WireError) -> HistoryClient? {
        guard let endpoint else { return nil }
        return try HistoryClient(endpoint: endpoint, context: context, keys: keys)
    }

    private static func monitor(_ watch: borrowing ZeroMQSocket, _ endpoint: String) throws(WireError) -> ZeroMQMonitor
    {
        do throws(ZeroMQError) {
            let monitor = try watch.monitor()
            try watch.connect(endpoint)
            return monitor
        } catch {
            throw .socket(error)
        }
    }

    /// Reports when the publisher is back; a SUB socket by itself does not.
    private static func watch(
        _ endpoint: String, _ context: ZeroMQContext, _ keys: CurveClientKeys?
    ) throws(WireError) -> ZeroMQSocket {
        do throws(ZeroMQError) {
            let watch = try ZeroMQSocket(context, .sub)
            try watch.set(.linger(.zero))
            try watch.set(.reconnectIntervalMaximum(.seconds(1)))
            try watch.noticeVanishedPeers()
            try watch.useCurve(keys)
            return watch
        } catch {
            throw .socket(error)
        }
    }

    /// Waits for the next event, whether newly published or from the history.
    /// - Parameter timeout: nil: wait forever; zero: do not wait.
    /// - Returns: nil if the timeout expired.
    /// - Throws: `.unreadable` for a message that cannot be decoded, after which the caller may continue; `.socket`.
    public mutating func receive(timeout: Duration? = nil) throws(WireError) -> Publication? {
        let end = timeout.map { ContinuousClock.now + min($0, .seconds(30 * 86_400)) }
        while true {
            if let publication = nextReady() { return publication }
            try noticeConnections()
            if ContinuousClock.now >= nextLook { try look() }
            if let publication = nextReady() { return publication }
            let left = end.map { $0 - .now } ?? .seconds(1)
            if let publication = try subscriber.receive(timeout: max(.zero, min(left, .milliseconds(100)))) {
                if let publication = try judge(publication) { return publication }
            } else if left <= .zero {
                return nil
            }
        }
    }

    private mutating func nextReady() -> Publication? {
        guard readyHead < ready.count else {
            if !ready.isEmpty { ready.removeAll(keepingCapacity: true) }
            readyHead = 0
            return nil
        }
        defer { readyHead += 1 }
        return ready[readyHead]
    }

    private mutating func noticeConnections() throws(WireError) {
        do throws(ZeroMQError) {
            while let event = try monitor.next(timeout: .zero) {
                guard event.kind == .handshakeSucceeded else { continue }
                hasReconnected = true
                nextLook = .now
            }
        } catch {
            throw .socket(error)
        }
    }

    /// Decides what to do with a message as it was published.
    private mutating func judge(_ publication: Publication) throws(WireError) -> Publication? {
        let topic = publication.topic
        guard SubscriptionMerge.isKept(topic), hasHistory else {
            // Without a history, a drop in the sequence numbers means that the daemon restarted.
            merge.begin(topic, after: publication.body.sequence)
            return publication
        }
        switch merge.verdict(topic, publication.body.sequence) {
        case .drop:
            merge.didDrop()
            return nil
        case .deliver:
            merge.didDeliver(topic, publication.body.sequence)
            return deliverable(publication, missed: 0)
        case .hole:
            // Everything published is also in the history, this message included, so it can wait there until the
            // history answers.
            guard try fetch([topic]) || !hasHistory else { return nil }
            switch merge.verdict(topic, publication.body.sequence) {
            case .drop: return nil
            case .deliver: ready.append(deliverable(publication, missed: 0))
            // The journal could not be written, or no longer holds these events.
            case .hole(let missed): ready.append(deliverable(publication, missed: missed))
            }
            merge.didDeliver(topic, publication.body.sequence)
            return nil
        }
    }

    private func deliverable(_ publication: Publication, missed: UInt64) -> Publication {
        var publication = publication
        publication.missedBefore = missed
        return publication
    }

    // MARK: History

    /// Compares with the journal topic by topic and fetches what is missing.
    private mutating func look() throws(WireError) {
        guard history != nil else {
            nextLook = .now + .seconds(3600)
            return
        }
        let isFirst = !knowsStart
        var behind: [Topic] = []
        var more = true
        while more {
            var question = WireHistoryRequest.Positions()
            question.prefixes = Array(Set(filters.map(\.prefix)).prefix(Self.maximumTopics))
            question.sincePlace = place
            question.activeAlerts = isFirst && place == 0
            guard let reply = try ask(.positions(question)) else { return didFail() }
            didAnswer()
            for position in reply.positions {
                guard let topic = Topic(position.topic), filters.contains(where: { $0.matches(topic) }) else {
                    continue
                }
                if isFirst, case .now = start {
                    // Do not ask for events from before this client started.
                    if merge.last[topic] == nil { merge.begin(topic, after: position.sequence) }
                }
                if merge.isBehind(topic, journal: position.sequence) { behind.append(topic) }
            }
            if isFirst, case .now = start { for event in reply.events { add(event) } }
            // A journal with lower numbers is a new one: read it from its beginning.
            // Do not keep querying a journal that reports more events but makes no progress.
            more = reply.more && reply.place > place || reply.place < place
            place = reply.place < place ? 0 : reply.place
        }
        // A subscription takes a moment to reach the publisher, so check once more a little later.
        nextLook = .now + (isFirst || hasReconnected ? .seconds(1) : Self.lookInterval)
        knowsStart = true
        hasReconnected = false
        if !behind.isEmpty { _ = try fetch(behind) }
    }

    /// Fetches the events after the last one delivered on each of these topics.
    /// - Returns: false if the history does not answer.
    private mutating func fetch(_ topics: [Topic]) throws(WireError) -> Bool {
        var left = topics[...]
        while !left.isEmpty {
            let part = left.prefix(Self.maximumTopics)
            var question = WireHistoryRequest.After()
            question.positions = part.map { topic in
                var position = WireTopicPosition()
                position.topic = topic.name
                position.sequence = merge.last[topic] ?? 0
                return position
            }
            question.limit = 1000
            guard let reply = try ask(.after(question)) else {
                didFail()
                return false
            }
            didAnswer()
            var missed: [Topic: UInt64] = [:]
            for position in reply.positions {
                guard let topic = Topic(position.topic) else { continue }
                missed[topic] = position.sequence
            }
            let before = fromHistory
            for event in reply.events { deliver(event, missed: &missed) }
            if !reply.more {
                left = left.dropFirst(part.count)
            } else if fromHistory == before {
                didFail()
                return false
            }
        }
        return true
    }

    private mutating func deliver(_ event: WireEvent, missed: inout [Topic: UInt64]) {
        guard let kind = Self.kind(of: event) else { return }
        let topic = Topic(kind, stream: event.stream)
        let last = merge.last[topic] ?? 0
        guard event.sequence > last else { return }
        ready.append(Publication(topic: topic, body: .event(event), missedBefore: event.sequence - last - 1))
        merge.didDeliver(topic, event.sequence)
        fromHistory += 1
    }

    /// An alert that was already active before this client started.
    private mutating func add(_ event: WireEvent) {
        guard let kind = Self.kind(of: event) else { return }
        let topic = Topic(kind, stream: event.stream)
        guard filters.contains(where: { $0.matches(topic) }) else { return }
        ready.append(Publication(topic: topic, body: .event(event), missedBefore: 0))
    }

    private static func kind(of event: WireEvent) -> Topic.Kind? {
        switch event.payload {
        case .beat: .beat
        case .alert: .alert
        case .suspicion: .suspicion
        case .status: .status
        case .waveform, nil: nil
        }
    }

    /// - Returns: nil if there is no answer.
    private mutating func ask(
        _ question: WireHistoryRequest.OneOf_Question
    ) throws(WireError) -> WireHistoryReply? {
        // Do not wait again and again for a history that is not there.
        let wait: Duration = hasHistory || !hasAsked ? Self.patience : .zero
        hasAsked = true
        guard let reply = try history?.ask(question, timeout: Self.patience, connecting: wait), reply.error.isEmpty
        else {
            return nil
        }
        return reply
    }

    private mutating func didAnswer() {
        silentSince = nil
        hasHistory = true
    }

    /// A restarted daemon answers soon; until then its journal holds what was published.
    private mutating func didFail() {
        let since = silentSince ?? .now
        silentSince = since
        if ContinuousClock.now - since > Self.maximumSilence { hasHistory = false }
        nextLook = .now + (hasHistory ? .milliseconds(200) : .seconds(1))
    }
}
