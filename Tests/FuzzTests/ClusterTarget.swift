import AMQP
import ECGMonitor
import MonitorCluster

@testable import MonitorDaemon

/// The first byte chooses: a state, a marker or a probe, a member's sign of life, a block, a command, an event, or the
/// address of a broker.
enum ClusterTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch choice % 7 {
        case 0:
            guard let state = try? StateMessage(bytes: rest) else { return }
            precondition(state.bytes == rest || !state.events.isEmpty || state.state != nil)
            var owner = PartitionOwner(owner: "fuzz", seed: 1)
            var actions: [PartitionOwner.Action] = []
            owner.take(.state(state), tag: 1, at: 0, &actions)
            owner.take(.state(state), tag: 2, at: 0, &actions)
            _ = StreamSnapshot(state)
        case 1:
            for type in ["marker", "probe", "state", "other"] { _ = try? StatesEntry(type: type, bytes: rest) }
        case 2:
            guard let sign = try? MemberSign(bytes: rest) else { return }
            var members = MemberTable()
            members.hear(sign, at: 0)
            precondition(members.order(of: 3) == [sign.name])
        case 3: _ = WorkerInput(delivery(WorkerInput.blockType, rest), receivedAt: 0)
        case 4:
            var command = delivery(WorkerInput.commandType, rest)
            command.properties.correlationID = Array(rest.prefix(80))
            _ = WorkerInput(command, receivedAt: 0)
            command.properties.type = WorkerInput.limitsType
            _ = WorkerInput(command, receivedAt: 0)
            if let way = CommandWay(bytes: rest) { precondition(CommandWay(bytes: way.bytes) == way) }
            if let message = try? DisplayMessage(bytes: rest) {
                precondition((try? DisplayMessage(bytes: message.bytes)) == message)
            }
        case 5:
            let topic = String(decoding: rest.prefix(16), as: UTF8.self)
            for topic in [topic, "alert.bed-1", "beat.bed-1"] {
                var event = delivery("event", Array(rest.dropFirst(16)))
                event.routingKey = topic
                var found: MonitorEvent?
                _ = JournalRound(event, connection: 1, event: &found)
            }
        default:
            let text = String(decoding: rest, as: UTF8.self)
            if let address = AMQPAddress(text) { precondition(AMQPAddress("\(address)") == address) }
        }
    }

    private static func delivery(_ type: String, _ body: [UInt8]) -> AMQPDelivery {
        AMQPDelivery(
            channel: 1, consumer: "b1", tag: 1, isRedelivered: false, routingKey: "bed-1",
            properties: AMQPProperties(type: type), body: body)
    }
}
