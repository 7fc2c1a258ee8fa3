import AMQP
import Glibc
import Logging
import MonitorCluster

/// One thread's connection to the brokers of a cluster. It tries one broker after the other until one answers, and
/// says in one line why none does.
final class BrokerLink {
    let settings: ClusterSettings
    private let purpose: String
    private let context: DaemonContext
    private(set) var connection: AMQPConnection?
    /// How many connections there have been.
    private(set) var number = 0
    private var next: Int
    private var nextTry: UInt64 = 0
    private var pause: UInt64 = firstPause
    private var isCounted = false
    private var hasDeclared = false
    /// Declaring a new cluster's queues takes seconds: each is a sign of life.
    private let activity: ThreadActivity

    private static let firstPause: UInt64 = 100_000_000
    private static let maximumPause: UInt64 = 1_000_000_000
    /// Where channel 1's confirms, deliveries and questions belong; partitions use those behind it.
    static let channel: UInt16 = 1

    /// - Parameter purpose: for the brokers' lists of connections.
    init(_ settings: ClusterSettings, purpose: String, context: DaemonContext, activity: ThreadActivity) {
        self.activity = activity
        self.settings = settings
        self.purpose = purpose
        self.context = context
        next = 0
    }

    /// Connects if there is no connection and a try is due.
    /// - Parameter prepare: declares and consumes what the thread needs.
    /// - Returns: whether there is a new connection.
    func connectIfDue(_ prepare: (AMQPConnection) throws(AMQPError) -> Void) -> Bool {
        let now = DaemonClock.monotonic()
        guard connection == nil, now >= nextTry else { return false }
        let address = settings.brokers[next % settings.brokers.count]
        do throws(AMQPError) {
            var login = settings.login
            login.name += " \(purpose)"
            let connection = try AMQPConnection(address, login)
            try connection.openChannel(Self.channel)
            if !hasDeclared { try declare(connection) }
            hasDeclared = true
            try prepare(connection)
            self.connection = connection
        } catch {
            if case .closed = error.kind { hasDeclared = false }
            context.metrics.cluster.connectionsFailed.add(1)
            context.log.note(
                "the cluster's broker cannot be used", cause: "broker", stream: "",
                detail: "\(address): \(error.words); \(Self.nextStep(error))")
            next += 1
            nextTry = DaemonClock.monotonic() + (next % settings.brokers.count == 0 ? pause : 0)
            pause = min(2 * pause, Self.maximumPause)
            return false
        }
        number += 1
        pause = Self.firstPause
        context.metrics.cluster.connections.add(1)
        context.logger.info("connected to the broker", metadata: ["broker": "\(address)", "for": "\(purpose)"])
        return true
    }

    /// The connection is of no more use.
    func lose(_ error: AMQPError) {
        guard let connection else { return }
        // A queue may be gone.
        if case .closed = error.kind { hasDeclared = false }
        self.connection = nil
        context.metrics.cluster.connections.decrement()
        if isCounted { context.metrics.cluster.blocked.decrement() }
        isCounted = false
        context.metrics.cluster.connectionsLost.add(1)
        context.log.note(
            "the connection to the broker is lost", cause: "broker_lost", stream: "",
            detail: "\(connection.address): \(error.words); another is tried")
        next += 1
        nextTry = 0
    }

    func close() {
        if connection != nil { context.metrics.cluster.connections.decrement() }
        connection = nil
    }

    /// Notes that the broker takes no messages, or takes them again.
    func note(blocked reason: String?) {
        guard (reason != nil) != isCounted else { return }
        isCounted = reason != nil
        if let reason {
            context.metrics.cluster.blocked.add(1)
            context.logger.error(
                "the broker takes no messages; sources keep what is not acknowledged",
                metadata: ["reason": "\(LogFields.oneLine(reason))", "next": "make room on the broker's machine"])
        } else {
            context.metrics.cluster.blocked.decrement()
            context.logger.notice("the broker takes messages again")
        }
    }

    /// What all members declare alike.
    private func declare(_ connection: AMQPConnection) throws(AMQPError) {
        let names = settings.names
        do throws(AMQPError) {
            try connection.declareExchange(names.blocks, type: "x-consistent-hash")
        } catch {
            // RabbitMQ closes the connection for an exchange of an unknown type.
            guard case .closed(let code) = error.kind, code == 503 else { throw error }
            throw AMQPError(.closed(code: code), "it lacks the plugin rabbitmq_consistent_hash_exchange")
        }
        try connection.declareExchange(names.events, type: "topic")
        try connection.declareExchange(names.replies, type: "direct")
        try connection.declareExchange(names.members, type: "fanout")
        try connection.declareExchange(names.display, type: "fanout")
        for partition in 0..<names.partitions {
            for queue in [names.blocks(partition), names.states(partition)] {
                try connection.declareQueue(queue, Self.partitionQueue)
            }
            // In the order of their names: see there.
            try connection.bind(names.blocks(partition), to: names.blocks, key: "1")
            activity.didWork()
        }
    }

    private static let partitionQueue: [AMQPArgument] = [
        .text("x-queue-type", "quorum"), .flag("x-single-active-consumer", true),
        .number("x-quorum-initial-group-size", 3),
    ]

    static func nextStep(_ error: AMQPError) -> String {
        switch error.kind {
        case .unreachable, .lost: "start the broker there, or correct cluster.brokers"
        case .refused:
            "compare cluster.user, cluster.password_file and cluster.virtual_host with `rabbitmqctl list_users` and "
                + "`rabbitmqctl list_permissions`"
        case .certificate:
            "compare the broker's certificate with cluster.ca_file, its name with cluster.brokers, and its dates with "
                + "the clock"
        case .closed(404): "start a member of the cluster first, or correct cluster.name"
        case .closed(503): "rabbitmq-plugins enable rabbitmq_consistent_hash_exchange"
        case .closed(406):
            "another cluster has this name with other settings: choose another cluster.name, or delete its queues"
        case .closed, .other: "see the broker's log"
        }
    }
}
