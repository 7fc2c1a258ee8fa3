import AMQP
import ECGMonitor
import ECGWire
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
    /// - Returns: nil if it cannot be read.
    init?(_ delivery: AMQPDelivery, connection: Int) {
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
        events = [journaled]
    }
}

extension StateMessage {
    init(_ snapshot: StreamSnapshot, stream: String) {
        self.init(
            stream: stream, session: snapshot.session, nextSampleIndex: snapshot.nextSampleIndex,
            sequences: snapshot.sequences.indices.map { snapshot.sequences[$0] },
            lastSamplesAt: snapshot.lastSamplesAt, state: snapshot.state, events: [])
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
            state: message.state, lastSamplesAt: message.lastSamplesAt)
    }
}

extension WorkerInput {
    static let blockType = "block"
    static let commandType = "command"

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
            let reply = ReplyTo(address: ReplyAddress(routingID: way.bytes), encoding: way.encoding)
            self = .command(
                ReceivedCommand(stream: wire.stream, command: command, number: wire.number, origin: .socket(reply)))
        default: return nil
        }
    }
}

/// The way back of a command's reply: to which gateway, and to whom there.
struct CommandWay: Equatable {
    var gateway: String
    var address: ReplyAddress
    var encoding: BodyEncoding

    init(gateway: String, _ reply: ReplyTo) {
        self.gateway = gateway
        address = reply.address
        encoding = reply.encoding
    }

    /// One byte of flags, one for the length of the gateway's name, the name, and the rest is the peer's routing id.
    var bytes: [UInt8] {
        let flags: UInt8 = (address.hasEmptyFrame ? 1 : 0) | (encoding == .binary ? 2 : 0)
        return [flags, UInt8(clamping: gateway.utf8.count)] + Array(gateway.utf8) + address.routingID
    }

    /// - Parameter bytes: any.
    init?(bytes: [UInt8]) {
        guard bytes.count >= 2, bytes.count >= 2 + Int(bytes[1]) else { return nil }
        gateway = String(decoding: bytes[2..<2 + Int(bytes[1])], as: UTF8.self)
        guard ClusterNames.isValid(gateway) else { return nil }
        address = ReplyAddress(
            routingID: Array(bytes[(2 + Int(bytes[1]))...]), hasEmptyFrame: bytes[0] & 1 != 0)
        encoding = bytes[0] & 2 != 0 ? .binary : .json
    }
}
