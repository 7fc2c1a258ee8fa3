import ECGSecurity
import ECGWire
import MonitorWire
import SwiftProtobuf

/// Answers questions about published events from the journal. Each answer is bounded in events and bytes, whatever the
/// question. An error repeats nothing of the question.
struct HistoryAnswer {
    /// Larger than any sensible request: 256 topics.
    static let maximumRequestBytes = 65_536
    static let maximumTopics = 256
    static let maximumPositions = 5000
    static let maximumEvents = 1000
    static let defaultEvents = 500
    /// Bytes of events in a reply, as the journal holds them; a single event may be larger.
    static let maximumEventBytes = 1 << 20

    /// Why there is no answer, for the asker.
    struct Problem: Error, Equatable { var words: String }

    let reader: JournalReader

    /// - Parameter peer: who asks; what the peer may not read is left out as if it did not exist.
    /// - Throws: `Problem`, or what the database throws.
    func reply(to request: WireHistoryRequest, of peer: Peer = .local) throws -> WireHistoryReply {
        guard request.schemaVersion == SampleBlockLimits.schemaVersion else {
            throw Problem(words: "schema_version must be \(SampleBlockLimits.schemaVersion)")
        }
        var reply =
            switch request.question {
            case .positions(let question): try positions(question, peer)
            case .after(let question): try after(question, peer)
            case .find(let question): try find(question, peer)
            case nil: throw Problem(words: "no question: positions, after or find")
            }
        reply.schemaVersion = SampleBlockLimits.schemaVersion
        reply.number = request.number
        return reply
    }

    private func positions(_ question: WireHistoryRequest.Positions, _ peer: Peer) throws -> WireHistoryReply {
        guard question.prefixes.count <= Self.maximumTopics else {
            throw Problem(words: "at most \(Self.maximumTopics) prefixes")
        }
        return try reader.read { moment in
            var reply = WireHistoryReply()
            let found = try moment.positions(after: question.sincePlace, limit: Self.maximumPositions)
            for position in found {
                let topic = Topic(position.kind.topic, stream: position.stream)
                guard peer.mayRead(topic), Self.matches(topic.name, question.prefixes) else { continue }
                reply.positions.append(WireTopicPosition(topic: topic.name, sequence: position.sequence))
            }
            reply.more = found.count == Self.maximumPositions
            // Less than asked for: this journal is another one.
            reply.place = try found.last?.place ?? min(question.sincePlace, moment.lastPlace())
            if question.activeAlerts {
                var bytes = 0
                for alert in try moment.activeAlerts(limit: Self.maximumPositions) {
                    let topic = Topic(.alert, stream: alert.stream)
                    guard peer.mayRead(topic), Self.matches(topic.name, question.prefixes) else { continue }
                    bytes += alert.body.count
                    guard bytes <= 4 * Self.maximumEventBytes else { break }
                    if let event = try? WireEvent(serializedBytes: alert.body) { reply.events.append(event) }
                }
            }
            return reply
        }
    }

    private static func matches(_ topic: String, _ prefixes: [String]) -> Bool {
        prefixes.isEmpty || prefixes.contains { topic.hasPrefix($0) }
    }

    private func after(_ question: WireHistoryRequest.After, _ peer: Peer) throws -> WireHistoryReply {
        guard question.positions.count <= Self.maximumTopics else {
            throw Problem(words: "at most \(Self.maximumTopics) topics")
        }
        let limit = try Self.limit(question.limit)
        return try reader.read { moment in
            var reply = WireHistoryReply()
            var found: [JournalMoment.StoredEvent] = []
            var bytes = 0
            for position in question.positions {
                guard let topic = Topic(position.topic), let stream = topic.stream, let kind = JournalKind(topic.kind)
                else { throw Problem(words: "a topic that is not kept") }
                guard peer.mayRead(topic) else { throw Problem(words: "a topic that this key has no right to") }
                // One more than fits tells whether there is more.
                let events = try moment.events(
                    kind, of: stream, after: position.sequence, limit: limit - found.count + 1)
                if let first = events.first, first.sequence > position.sequence + 1 {
                    reply.positions.append(WireTopicPosition(topic: position.topic, sequence: first.sequence - 1))
                }
                for event in events {
                    guard found.count < limit, bytes == 0 || bytes + event.body.count <= Self.maximumEventBytes else {
                        reply.more = true
                        break
                    }
                    bytes += event.body.count
                    found.append(event)
                }
                if reply.more { break }
            }
            reply.events = Self.decoded(found.sorted { $0.place < $1.place })
            reply.place = found.map(\.place).max() ?? 0
            return reply
        }
    }

    private func find(_ question: WireHistoryRequest.Find, _ peer: Peer) throws -> WireHistoryReply {
        guard let topic = Topic.Kind(rawValue: question.kind), let kind = JournalKind(topic) else {
            throw Problem(words: "kind must be alert, beat, suspicion or status")
        }
        guard question.stream.isEmpty || StreamName.isValid(question.stream) else {
            throw Problem(words: "stream is no name of a stream")
        }
        let limit = try Self.limit(question.limit)
        let conditions = JournalMoment.Conditions(
            kind: kind, stream: question.stream, from: question.fromTimeNs, until: question.untilTimeNs,
            place: question.afterPlace, newestFirst: question.newestFirst)
        return try reader.read { moment in
            var reply = WireHistoryReply()
            let found = try moment.find(conditions, limit: limit + 1)
            var bytes = 0
            var kept: [JournalMoment.StoredEvent] = []
            for event in found.events {
                guard kept.count < limit, bytes == 0 || bytes + event.body.count <= Self.maximumEventBytes else {
                    break
                }
                bytes += event.body.count
                kept.append(event)
            }
            reply.events = Self.decoded(kept).filter { peer.mayRead(Topic(topic, stream: $0.stream)) }
            reply.more = kept.count < found.events.count || found.lookedUpTo != nil
            let lookedUpTo = kept.count == found.events.count ? found.lookedUpTo : nil
            reply.place = lookedUpTo ?? kept.last?.place ?? question.afterPlace
            return reply
        }
    }

    private static func limit(_ asked: UInt32) throws -> Int {
        guard asked <= maximumEvents else { throw Problem(words: "limit must be at most \(maximumEvents)") }
        return asked == 0 ? defaultEvents : Int(asked)
    }

    private static func decoded(_ events: [JournalMoment.StoredEvent]) -> [WireEvent] {
        events.compactMap { try? WireEvent(serializedBytes: $0.body) }
    }
}

extension WireTopicPosition {
    init(topic: String, sequence: UInt64) {
        self.init()
        self.topic = topic
        self.sequence = sequence
    }
}
