import AMQP
import ECGMonitor
import ECGWire
import FoundationEssentials
import MonitorCluster
import MonitorWire
import SwiftProtobuf

/// How the daemon's own values become the cluster's messages, and back.

extension ClusterEvent {
    /// The type of an event's message.
    static let type = "event"
    /// The same, where its stream begins without a past.
    static let beginType = "begin"
}

extension JournalRound {
    var clusterEvents: [ClusterEvent] {
        events.enumerated().map { index, event in
            ClusterEvent(
                topic: Topic(event.kind.topic, stream: stream).name, body: event.body,
                beginsAnew: beginsAnew && index == 0)
        }
    }

    /// What a gateway makes of an event's message.
    /// - Parameter event: what it says, in the monitor's terms; nil where another version wrote it.
    /// - Returns: nil if it cannot be read.
    init?(_ delivery: AMQPDelivery, connection: Int, event found: inout MonitorEvent?) {
        guard let topic = Topic(delivery.routingKey), let stream = topic.stream, let kind = JournalKind(topic.kind),
            let event = try? WireEvent(serializedBytes: delivery.body), event.topicKind == topic.kind
        else { return nil }
        self.init(stream: stream)
        self.delivery = DeliveryPlace(connection: connection, tag: delivery.tag)
        beginsAnew = delivery.properties.type == ClusterEvent.beginType
        var journaled = JournaledEvent(
            kind: kind, sequence: event.sequence, id: event.id, acquisitionTimeNanoseconds: event.acquisitionTimeNs,
            body: delivery.body)
        if case .alert(let alert) = event.payload, let kind = AlertKind(alert.kind) {
            let basis: AlertBasis = alert.basis == .wallClock ? .wallClock : .samples
            journaled.alert = (
                "\(event.session)/\(kind.contractName)/\(basis.contractName)/\(alert.number)", alert.phase != .ended
            )
        }
        found = MonitorEvent(event)
        journaled.trend = found.flatMap { TrendPart($0) }
        events = [journaled]
    }
}

extension StateMessage {
    init(_ snapshot: StreamSnapshot, stream: String) {
        self.init(
            stream: stream, session: snapshot.session, nextSampleIndex: snapshot.nextSampleIndex,
            sequences: snapshot.sequences.indices.map { snapshot.sequences[$0] },
            lastSamplesAt: snapshot.lastSamplesAt, state: snapshot.state, events: [], limits: snapshot.limits)
    }
}

extension StreamSnapshot {
    init(_ message: StateMessage) {
        var sequences = JournalSequences(repeating: 0)
        for place in sequences.indices where place < message.sequences.count {
            sequences[place] = message.sequences[place]
        }
        self.init(
            session: message.session, nextSampleIndex: message.nextSampleIndex, sequences: sequences,
            state: message.state, lastSamplesAt: message.lastSamplesAt, limits: message.limits)
    }
}

extension WorkerInput {
    static let blockType = "block"
    static let commandType = "command"
    static let limitsType = "limits"

    /// What a partition's queue delivered.
    /// - Returns: nil if it cannot be read.
    init?(_ delivery: AMQPDelivery, receivedAt: UInt64) {
        switch delivery.properties.type {
        case Self.blockType:
            guard let wire = try? delivery.body.withUnsafeBytes({ try WireSampleBlock(frame: $0) }),
                (try? wire.validate()) != nil
            else { return nil }
            // Nobody waits for an answer; a block that the monitor refuses is reported by this.
            let nobody = Acknowledgement(source: ReplyAddress(routingID: []), isFirst: true)
            self = .block(ReceivedBlock(wire, receivedAt: receivedAt, acknowledgement: nobody))
        case Self.commandType:
            guard let way = CommandWay(bytes: delivery.properties.correlationID),
                let wire = try? WireCommand(serializedBytes: delivery.body),
                let command = try? CommandParsing.command(wire)
            else { return nil }
            self = .command(
                ReceivedCommand(stream: wire.stream, command: command, number: wire.number, origin: way.origin))
        case Self.limitsType:
            guard let way = CommandWay(bytes: delivery.properties.correlationID),
                let limits = LimitsMessage(delivery.body)
            else { return nil }
            self = .limits(limits.received(from: way.origin))
        default: return nil
        }
    }
}

/// A wish to set limits on its way from a gateway to the worker that owns the stream, in JSON.
struct LimitsMessage: Codable {
    private var stream: String
    /// By raw value of `BedLimit`; nil: those of the configuration shall hold again.
    private var values: [String: Double]?
    private var by: String
    private var number: UInt64

    init(_ wish: ReceivedLimits) {
        stream = wish.stream
        values = wish.values.map { Dictionary(uniqueKeysWithValues: $0.map { ($0.key.rawValue, $0.value) }) }
        (by, number) = (wish.by, wish.number)
    }

    /// - Returns: nil for what no gateway sends.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= 16_384, let message = try? JSONDecoder().decode(LimitsMessage.self, from: Data(bytes)),
            StreamName.isValid(message.stream), AlarmCommand.isValid(name: message.by)
        else { return nil }
        for (key, value) in message.values ?? [:] {
            guard let limit = BedLimit(rawValue: key), limit.allows(value) else { return nil }
        }
        self = message
    }

    var bytes: [UInt8] { (try? JSONEncoder().encode(self)).map { Array($0) } ?? [] }

    func received(from origin: CommandOrigin) -> ReceivedLimits {
        let limits = values.map { values in
            Dictionary(
                uniqueKeysWithValues: values.compactMap { key, value in BedLimit(rawValue: key).map { ($0, value) } })
        }
        return ReceivedLimits(stream: stream, values: limits, by: by, number: number, origin: origin)
    }
}

/// The way back of a command's reply: to which gateway, and to whom there.
struct CommandWay: Equatable {
    enum Destination: Equatable {
        case socket(ReplyAddress, BodyEncoding)
        /// A viewer of the gateway's station, by its number there.
        case viewer(UInt64)
        /// The station itself, which wants to know what is on in this stream.
        case station(stream: String)
    }

    var gateway: String
    var destination: Destination

    init(gateway: String, _ origin: CommandOrigin, stream: String) {
        self.gateway = gateway
        destination =
            switch origin {
            case .socket(let reply): .socket(reply.address, reply.encoding)
            case .station(let viewer): .viewer(viewer)
            case .stationList: .station(stream: stream)
            }
    }

    private static let (emptyFrame, binary, viewer, station): (UInt8, UInt8, UInt8, UInt8) = (1, 2, 4, 8)

    /// One byte of flags, one for the length of the gateway's name, the name, and the rest is the peer's routing id, a
    /// viewer's number or a stream's name.
    var bytes: [UInt8] {
        let (flags, rest): (UInt8, [UInt8]) =
            switch destination {
            case .socket(let address, let encoding):
                (
                    (address.hasEmptyFrame ? Self.emptyFrame : 0) | (encoding == .binary ? Self.binary : 0),
                    address.routingID
                )
            case .viewer(let number):
                (Self.viewer, (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) })
            case .station(let stream): (Self.station, Array(stream.utf8))
            }
        return [flags, UInt8(clamping: gateway.utf8.count)] + Array(gateway.utf8) + rest
    }

    /// - Parameter bytes: any.
    init?(bytes: [UInt8]) {
        guard bytes.count >= 2, bytes.count >= 2 + Int(bytes[1]) else { return nil }
        gateway = String(decoding: bytes[2..<2 + Int(bytes[1])], as: UTF8.self)
        guard ClusterNames.isValid(gateway) else { return nil }
        let rest = Array(bytes[(2 + Int(bytes[1]))...])
        switch bytes[0] {
        case Self.viewer:
            guard rest.count == 8 else { return nil }
            destination = .viewer(rest.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        case Self.station:
            guard let stream = String(validating: rest, as: UTF8.self), StreamName.isValid(stream) else { return nil }
            destination = .station(stream: stream)
        case let flags where flags <= Self.emptyFrame | Self.binary:
            destination = .socket(
                ReplyAddress(routingID: rest, hasEmptyFrame: flags & Self.emptyFrame != 0),
                flags & Self.binary != 0 ? .binary : .json)
        default: return nil
        }
    }

    /// As the worker sees it: the reply carries the way with it.
    var origin: CommandOrigin { .socket(ReplyTo(address: ReplyAddress(routingID: bytes), encoding: .binary)) }
}
