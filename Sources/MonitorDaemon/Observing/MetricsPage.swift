import ECGMonitor
import ECGWire
import FoundationEssentials
import Glibc
import MonitorWire

/// The `/metrics` page in Prometheus' text format, version 0.0.4. The names and labels are a contract.
struct MetricsPage {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// A queue as it is now.
    struct QueueReading {
        var name: String
        var depth: Int
        var capacity: Int
        var waits: UInt64
    }

    private var text = ""

    static func render(
        _ metrics: DaemonMetrics, version: String, modelName: String, modelSHA256: String, queues: [QueueReading],
        station: StationFeed? = nil, isInCluster: Bool = false
    ) -> String {
        var page = MetricsPage()
        page.identity(metrics, version: version, modelName: modelName, modelSHA256: modelSHA256)
        page.ingest(metrics)
        page.findings(metrics)
        page.way(metrics, queues)
        page.journal(metrics.journal)
        page.streams(metrics)
        page.security(metrics)
        page.station(metrics.station, station)
        if isInCluster { page.cluster(metrics.cluster) }
        page.process(metrics)
        return page.text
    }

    private mutating func identity(
        _ metrics: DaemonMetrics, version: String, modelName: String, modelSHA256: String
    ) {
        family("ecgmon_build_info", "gauge", "The running version; always 1.")
        sample("ecgmon_build_info", [("version", version)], "1")
        family("ecgmon_model_info", "gauge", "The classifier's weights in use; always 1.")
        sample("ecgmon_model_info", [("name", modelName), ("sha256", modelSHA256)], "1")
        family("ecgmon_uptime_seconds", "gauge", "Seconds since the daemon started.")
        sample("ecgmon_uptime_seconds", [], "\(metrics.uptimeSeconds)")
    }

    private mutating func ingest(_ metrics: DaemonMetrics) {
        counter("ecgmon_messages_received_total", "Messages taken from the ingest sockets.", metrics.messagesReceived)
        counter("ecgmon_bytes_received_total", "Their size in bytes, envelopes included.", metrics.bytesReceived)
        counters(
            "ecgmon_rejects_total", "Messages turned away, by cause; nothing else is lost with them.",
            by: "cause", metrics.rejects
        ) { $0.label }
        gauge("ecgmon_source_connections", "Connections of sources that are open now.", metrics.sourceConnections)
        counter(
            "ecgmon_source_disconnects_total",
            "Connections of sources that ended; one that sends a frame above the hard limit is cut off.",
            metrics.sourceDisconnects)
        gauge("ecgmon_streams", "Streams being watched now.", metrics.streams)
        counter("ecgmon_streams_opened_total", "Streams that began.", metrics.streamsOpened)
        counter("ecgmon_streams_expired_total", "Streams forgotten after long silence.", metrics.streamsExpired)
        counter("ecgmon_segments_processed_total", "Messages that the monitors took.", metrics.segmentsProcessed)
        counter("ecgmon_samples_total", "Samples that were new and went on their way.", metrics.samplesAccepted)
        counter("ecgmon_samples_duplicate_total", "Samples that had come before.", metrics.samplesDuplicate)
        counter(
            "ecgmon_samples_reordered_total", "Samples that came too early and were put in their place.",
            metrics.samplesReordered)
        counter("ecgmon_samples_invalid_total", "Accepted samples that are NaN or infinite.", metrics.samplesInvalid)
        counter(
            "ecgmon_samples_set_aside_total", "Accepted samples that were set aside as spikes.",
            metrics.samplesSetAside)
        counter("ecgmon_gaps_total", "Gaps between messages of a stream.", metrics.gaps)
        counter("ecgmon_samples_missing_total", "Samples that never came.", metrics.samplesMissing)
        counter(
            "ecgmon_time_went_backwards_total", "Messages stamped earlier than the one before.",
            metrics.timeWentBackwards)
        counter("ecgmon_sessions_changed_total", "New sessions of known streams.", metrics.sessionsChanged)
        counter("ecgmon_signals_changed_total", "Changes of rate or lead in a session.", metrics.signalsChanged)
    }

    private mutating func findings(_ metrics: DaemonMetrics) {
        counters("ecgmon_beats_total", "Heart beats by class after AAMI EC57.", by: "class", metrics.beats)
        counters(
            "ecgmon_events_total", "Events decided, by kind; published to whoever has subscribed.",
            by: "kind", metrics.events)
        counters(
            "ecgmon_alerts_started_total", "Alerts that began, by kind.",
            by: "kind", metrics.alertsStarted
        ) { $0.contractName }
        gauge(
            "ecgmon_same_heartbeat_pairs", "Pairs of streams that carry the same heartbeat now.",
            metrics.sameHeartbeatPairs)
        counters(
            "ecgmon_commands_total", "Commands about alarms, by what became of them.",
            by: "result", metrics.commands)
        counter(
            "ecgmon_command_replies_dropped_total",
            "Replies to commands that the sender did not read, or to one that had gone.", metrics.commandRepliesDropped)
    }

    private mutating func way(_ metrics: DaemonMetrics, _ queues: [QueueReading]) {
        family("ecgmon_queue_depth", "gauge", "Elements waiting in a queue now.")
        for queue in queues { sample("ecgmon_queue_depth", [("queue", queue.name)], "\(queue.depth)") }
        family("ecgmon_queue_capacity", "gauge", "Most elements that fit into it.")
        for queue in queues { sample("ecgmon_queue_capacity", [("queue", queue.name)], "\(queue.capacity)") }
        family("ecgmon_queue_waits_total", "counter", "Times that somebody had to wait for room in it.")
        for queue in queues { sample("ecgmon_queue_waits_total", [("queue", queue.name)], "\(queue.waits)") }
        counter("ecgmon_worker_rounds_total", "Rounds of the workers.", metrics.workerRounds)
        counter("ecgmon_windows_classified_total", "Beats put through the classifier.", metrics.windowsClassified)
        gauge("ecgmon_subscriptions", "Topic prefixes subscribed to now.", metrics.subscriptions)
        gauge("ecgmon_subscriber_connections", "Subscribers connected now.", metrics.subscriberConnections)
        counters(
            "ecgmon_subscriber_queue_full_total",
            "Events at which the queue of a subscriber became full, by kind; it misses this one and those after it, "
                + "until it has read a good part of its queue.",
            by: "kind", metrics.subscriberQueueFull)
        counter(
            "ecgmon_events_dropped_total", "Events not published because the daemon had to stop.",
            metrics.eventsDropped)
        histogram(
            "ecgmon_ingest_to_publish_seconds", "From taking the message to handing out the events that it decided.",
            metrics.ingestToPublish)
    }

    private mutating func security(_ metrics: DaemonMetrics) {
        counter(
            "ecgmon_handshakes_failed_total",
            "Connections that did not get through the handshake: no ZeroMQ, a wrong key, or not let in.",
            metrics.handshakesFailed)
        counters(
            "ecgmon_handshakes_refused_total", "Connections that the table of keys did not let in.",
            by: "cause", metrics.handshakesRefused)
        counter(
            "ecgmon_subscriptions_refused_total", "Subscriptions of which the key may read nothing.",
            metrics.subscriptionsRefused)
        counters(
            "ecgmon_subscriber_resets_total", "Times that all subscribers' connections were closed.",
            by: "cause", metrics.subscriberResets)
        counter("ecgmon_http_unauthorized_total", "Requests for pages without the token.", metrics.httpUnauthorized)
    }

    private mutating func process(_ metrics: DaemonMetrics) {
        counters(
            "ecgmon_reloads_total", "Readings of the configuration on SIGHUP, by result.",
            by: "result", metrics.reloads)
        counter(
            "ecgmon_log_dropped_total", "Log entries dropped because nobody read them in time.",
            metrics.logDropped)
        counters(
            "ecgmon_accept_failures_total",
            "Times that a connection found no file descriptor free.",
            by: "by", metrics.acceptFailures)
        counter(
            "ecgmon_watchdog_withheld_total", "Times that the watchdog was not fed since a thread showed no life.",
            metrics.watchdogWithheld)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds =
            Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        family("process_cpu_seconds_total", "counter", "User and system time spent, in seconds.")
        sample("process_cpu_seconds_total", [], "\(seconds)")
        if let pages = Self.residentPages {
            family("process_resident_memory_bytes", "gauge", "Resident memory in bytes.")
            sample("process_resident_memory_bytes", [], "\(pages * UInt64(sysconf(Int32(_SC_PAGESIZE))))")
        }
        family("process_start_time_seconds", "gauge", "Start of the process, in seconds since 1970.")
        sample("process_start_time_seconds", [], "\(Double(metrics.startTime) / 1e9)")
    }

    private static var residentPages: UInt64? {
        guard let text = try? String(contentsOf: URL(filePath: "/proc/self/statm"), encoding: .utf8) else { return nil }
        let words = text.split(separator: " ")
        return words.count > 1 ? UInt64(words[1]) : nil
    }

    mutating func counter(_ name: String, _ help: String, _ counter: Counter) {
        family(name, "counter", help)
        sample(name, [], "\(counter.value)")
    }

    /// The counters of a table, each with the value of a label.
    mutating func counters<Label>(
        _ name: String, _ help: String, by label: String, _ table: CounterTable<Label>, _ value: (Label) -> String
    ) {
        family(name, "counter", help)
        for (one, count) in table.all { sample(name, [(label, value(one))], "\(count)") }
    }

    mutating func counters<Label: RawRepresentable<String>>(
        _ name: String, _ help: String, by label: String, _ table: CounterTable<Label>
    ) {
        counters(name, help, by: label, table) { $0.rawValue }
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: LatencyHistogram) {
        family(name, "histogram", help)
        var count: UInt64 = 0
        for bucket in histogram.cumulative {
            count = bucket.count
            let bound = bucket.upperBoundSeconds.isInfinite ? "+Inf" : "\(bucket.upperBoundSeconds)"
            sample("\(name)_bucket", [("le", bound)], "\(bucket.count)")
        }
        sample("\(name)_sum", [], "\(histogram.sumSeconds)")
        sample("\(name)_count", [], "\(count)")
    }

    mutating func gauge(_ name: String, _ help: String, _ gauge: Gauge) {
        family(name, "gauge", help)
        sample(name, [], "\(gauge.value)")
    }

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        // Most are names in which nothing is to be escaped.
        guard value.utf8.contains(where: { $0 == 0x5c || $0 == 0x22 || $0 == 0x0a }) else { return value }
        return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
