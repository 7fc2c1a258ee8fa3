/// What a member of a cluster counts.
final class ClusterMetrics: Sendable {
    /// Connections to brokers that are up: a gateway has two, a worker one.
    let connections = Gauge()
    let connectionsLost = Counter()
    let connectionsFailed = Counter()
    /// 1 while the broker takes no messages: its memory or its disk is full.
    let blocked = Gauge()

    // The worker.
    let partitionsOwned = Gauge()
    /// Partitions for which it stands in line.
    let partitionsInLine = Gauge()
    /// Partitions taken over, and those given up, whatever the reason.
    let partitionsTaken = Counter()
    let partitionsLeft = Counter()
    /// From the first word of the broker to the restored streams.
    let takeOverTime = LatencyHistogram()
    /// Blocks delivered and not yet covered by a state.
    let unfinishedBlocks = Gauge()
    let statesPublished = Counter()
    let staleStates = Counter()
    let eventsPublished = Counter()
    /// Messages of the cluster that could not be read.
    let unreadable = Counter()

    // The gateway.
    let blocksPublished = Counter()
    let blocksConfirmed = Counter()
    /// Blocks that the broker did not take over; their sources send them again.
    let blocksRefused = Counter()
    let confirmTime = LatencyHistogram()
    let eventsReceived = Counter()
    /// Events that this gateway has published before.
    let eventsRepeated = Counter()

    // Displays.
    /// The worker's.
    let displayMessages = Counter()
    let displayDropped = Counter()
    /// The gateway's: times that something was missing among them.
    let displayGaps = Counter()
}

extension MetricsPage {
    mutating func cluster(_ metrics: ClusterMetrics) {
        gauge("ecgmon_cluster_connections", "Connections to brokers that are up.", metrics.connections)
        counter("ecgmon_cluster_connections_lost_total", "Connections to brokers that broke.", metrics.connectionsLost)
        counter(
            "ecgmon_cluster_connections_failed_total", "Tries to connect to a broker that failed.",
            metrics.connectionsFailed)
        gauge("ecgmon_cluster_blocked", "Connections on which the broker takes no messages.", metrics.blocked)
        gauge("ecgmon_cluster_partitions_owned", "Partitions that this worker owns.", metrics.partitionsOwned)
        gauge("ecgmon_cluster_partitions_in_line", "Partitions that it stands in line for.", metrics.partitionsInLine)
        counter("ecgmon_cluster_partitions_taken_total", "Partitions taken over.", metrics.partitionsTaken)
        counter("ecgmon_cluster_partitions_left_total", "Partitions given up or lost.", metrics.partitionsLeft)
        histogram(
            "ecgmon_cluster_take_over_seconds", "From the broker's first word to the restored streams.",
            metrics.takeOverTime)
        gauge(
            "ecgmon_cluster_unfinished_blocks", "Blocks delivered and not yet covered by a state: the lag.",
            metrics.unfinishedBlocks)
        counter("ecgmon_cluster_states_total", "States of streams published.", metrics.statesPublished)
        counter(
            "ecgmon_cluster_stale_states_total", "States of earlier owners that came too late to count.",
            metrics.staleStates)
        counter("ecgmon_cluster_events_total", "Events passed to the broker.", metrics.eventsPublished)
        counter("ecgmon_cluster_unreadable_total", "Messages that could not be read.", metrics.unreadable)
        counter("ecgmon_cluster_blocks_total", "Blocks passed to the broker.", metrics.blocksPublished)
        counter("ecgmon_cluster_blocks_confirmed_total", "Blocks that it has taken over.", metrics.blocksConfirmed)
        counter(
            "ecgmon_cluster_blocks_refused_total", "Blocks that it has not; their sources send them again.",
            metrics.blocksRefused)
        histogram(
            "ecgmon_cluster_confirm_seconds", "How long the broker takes to confirm a block.", metrics.confirmTime)
        counter("ecgmon_cluster_events_received_total", "Events taken from the broker.", metrics.eventsReceived)
        counter(
            "ecgmon_cluster_events_repeated_total", "Those that this gateway has published before.",
            metrics.eventsRepeated)
        counter("ecgmon_cluster_display_messages_total", "Messages to displays.", metrics.displayMessages)
        counter(
            "ecgmon_cluster_display_dropped_total", "What was not passed to displays, since no broker took it.",
            metrics.displayDropped)
        counter(
            "ecgmon_cluster_display_gaps_total", "Times that messages to this gateway's displays were missing.",
            metrics.displayGaps)
    }
}
