import ECGMonitor
import MonitorCluster

/// Every key there is. What is not here is a mistake in the file.
enum ConfigurationSchema {
    static let keys: [ConfigurationKey] = daemon + recovery + cluster + monitor

    private static let daemon: [ConfigurationKey] =
        [
            .endpoints("ingest", \.ingest.endpoints),
            .integer("ingest", "maximum_frame_bytes", \.ingest.maximumFrameBytes, 1024...(1 << 28), .atOnce),
            .integer("ingest", "connection_limit_bytes", \.ingest.connectionLimitBytes, 1024...(1 << 30), .restart),
            .integer("ingest", "receive_queue_messages", \.ingest.receiveQueueMessages, 1...1_000_000, .restart),
            .number("ingest", "patience_seconds", \.ingest.patienceSeconds, 0...60, .atOnce),

            .endpoints("events", \.events.endpoints),
            .choice("events", "encoding", \.events.encoding, .restart),
            .integer(
                "events", "subscriber_queue_messages", \.events.subscriberQueueMessages, 1...10_000_000, .restart),
            .integer("events", "publish_queue_events", \.events.publishQueueEvents, 16...10_000_000, .restart),
            .integer("events", "publish_queue_bytes", \.events.publishQueueBytes, 1...1_000_000_000, .restart),
            .number("events", "health_period_seconds", \.events.healthPeriodSeconds, 0.1...3600, .atOnce),

            .endpoints("commands", \.commands.endpoints),

            .string("security", "server_key", \.security.serverKey, .restart) { _ in nil },
            .string("security", "authorized_keys", \.security.authorizedKeys, .restart) { _ in nil },
            .boolean("security", "ipc_without_curve", \.security.ipcWithoutCurve, .restart),

            .string("model", "path", \.model.path, .restart),

            .integer("streams", "maximum", \.streams.maximum, 1...1_000_000, .atOnce),
            .number("streams", "silent_after_seconds", \.streams.silentAfterSeconds, 0.5...3600, .atOnce),
            .number("streams", "forgotten_after_seconds", \.streams.forgottenAfterSeconds, 1...(30 * 86_400), .atOnce),
            .boolean("streams", "report_same_heartbeat", \.streams.reportSameHeartbeat, .atOnce),

            .integer("workers", "count", \.workers.count, 0...256, .restart),
            .integer("workers", "queue_segments", \.workers.queueSegments, 1...1_000_000, .restart),
            .integer("workers", "queue_samples", \.workers.queueSamples, 1...1_000_000_000, .restart),
            .integer("workers", "round_segments", \.workers.roundSegments, 1...65_536, .atOnce),

            .boolean("http", "enabled", \.http.enabled, .restart),
            .string("http", "address", \.http.address, .restart),
            .integer("http", "port", \.http.port, 0...65_535, .restart),
            .string("http", "token_file", \.http.tokenFile, .restart) { _ in nil },

            .boolean("station", "enabled", \.station.enabled, .restart),
            .string("station", "address", \.station.address, .restart),
            .integer("station", "port", \.station.port, 0...65_535, .restart),
            .hostNames("station", "host_names", \.station.hostNames, .restart),
            .integer("station", "maximum_connections", \.station.maximumConnections, 1...1024, .restart),
            .integer("station", "maximum_beds", \.station.maximumBeds, 1...512, .restart),
            .string("station", "view_token_file", \.station.viewTokenFile, .restart) { _ in nil },
            .string("station", "command_token_file", \.station.commandTokenFile, .restart) { _ in nil },

            .choice("log", "level", \.log.level, .atOnce),
            .number("log", "period_seconds", \.log.periodSeconds, 0.1...86_400, .atOnce),

            .number("stop", "limit_seconds", \.stop.limitSeconds, 0.5...600, .atOnce),
        ]

    /// Acknowledged ingest, the journal, the history.
    private static let recovery: [ConfigurationKey] = [
        .endpoints("ingest", name: "acknowledged_endpoints", \.ingest.acknowledgedEndpoints, mayBeEmpty: true),
        .integer(
            "ingest", "acknowledged_window_samples", \.ingest.acknowledgedWindowSamples, 1000...10_000_000, .atOnce),

        .string("journal", "path", \.journal.path, .restart) { _ in nil },
        .choice("journal", "synchronous", \.journal.synchronous, .restart),
        .number("journal", "snapshot_seconds", \.journal.snapshotSeconds, 0.1...3600, .atOnce),
        .number("journal", "group_milliseconds", \.journal.groupMilliseconds, 0...1000, .atOnce),
        .number("journal", "keep_days", \.journal.keepDays, 0.001...3650, .atOnce),
        .number("journal", "keep_beats_hours", \.journal.keepBeatsHours, 0.001...87_600, .atOnce),
        .integer("journal", "maximum_bytes", \.journal.maximumBytes, 1_000_000...(1 << 44), .atOnce),
        .number("journal", "patience_seconds", \.journal.patienceSeconds, 0...60, .atOnce),
        .integer("journal", "pending_events", \.journal.pendingEvents, 100...100_000_000, .atOnce),
        .integer("journal", "queue_rounds", \.journal.queueRounds, 16...1_000_000, .restart),

        .endpoints("history", \.history.endpoints, mayBeEmpty: true),
    ]

    private static let cluster: [ConfigurationKey] = [
        .choice("cluster", "role", \.cluster.role, .restart),
        .string("cluster", "name", \.cluster.name, .restart) { ClusterNames.isValid($0) ? nil : Self.nameRule },
        .string("cluster", "member", \.cluster.member, .restart) {
            $0.isEmpty || ClusterNames.isValid($0) ? nil : Self.nameRule
        },
        .brokers("cluster", "brokers", \.cluster.brokers),
        .string("cluster", "user", \.cluster.user, .restart),
        .string("cluster", "password_file", \.cluster.passwordFile, .restart) { _ in nil },
        .string("cluster", "virtual_host", \.cluster.virtualHost, .restart),
        .string("cluster", "ca_file", \.cluster.authorities, .restart) { _ in nil },
        .string("cluster", "certificate_file", \.cluster.certificate, .restart) { _ in nil },
        .string("cluster", "key_file", \.cluster.key, .restart) { _ in nil },
        .integer("cluster", "partitions", \.cluster.partitions, 1...ClusterNames.maximumPartitions, .restart),
        .integer("cluster", "heartbeat_seconds", \.cluster.heartbeatSeconds, 1...60, .restart),
    ]

    private static let nameRule = "must hold 1 to 64 letters, digits, hyphens and underscores"

    /// The limits of the rules. Their ranges are `MonitorConfiguration.validate`'s.
    private static let monitor: [ConfigurationKey] = [
        limit("maximum_segment_samples", \.monitor.maximumBlockSamples),
        limit("maximum_index_jump_seconds", \.monitor.maximumIndexJumpSeconds),
        limit("reorder_seconds", \.monitor.reorderSeconds),
        .number("monitor", "recovery_seconds", \.monitor.recoverySeconds, -1e9...1e9, .newStreams),
        limit("signal_lost_gap_seconds", \.monitor.signalLostGapSeconds),
        limit("bridged_gap_seconds", \.monitor.bridgedGapSeconds),
        limit("interruption_hold_seconds", \.monitor.interruptionHoldSeconds),
        limit("status_interval_seconds", \.monitor.statusIntervalSeconds),
        limit("asystole_seconds", \.monitor.asystoleSeconds),
        limit("pause_seconds", \.monitor.pauseSeconds),
        limit("bradycardia_below", \.monitor.bradycardiaBelow),
        limit("tachycardia_above", \.monitor.tachycardiaAbove),
        limit("extreme_bradycardia_below", \.monitor.extremeBradycardiaBelow),
        limit("extreme_tachycardia_above", \.monitor.extremeTachycardiaAbove),
        limit("heart_rate_hysteresis", \.monitor.heartRateHysteresis),
        limit("ventricular_run_beats", \.monitor.ventricularRunBeats),
        limit("ventricular_tachycardia_beats", \.monitor.ventricularTachycardiaBeats),
        limit("ventricular_tachycardia_rate", \.monitor.ventricularTachycardiaRate),
        limit("idioventricular_beats", \.monitor.idioventricularBeats),
        limit("idioventricular_rate", \.monitor.idioventricularRate),
        limit("frequent_ventricular_beats", \.monitor.frequentVentricularBeats),
        limit("frequent_ventricular_beats_hold_seconds", \.monitor.frequentVentricularBeatsHoldSeconds),
        limit("r_on_t_hold_seconds", \.monitor.rOnTHoldSeconds),
        limit("supraventricular_run_beats", \.monitor.supraventricularRunBeats),
        limit("supraventricular_tachycardia_beats", \.monitor.supraventricularTachycardiaBeats),
        limit("supraventricular_tachycardia_rate", \.monitor.supraventricularTachycardiaRate),
        limit("run_end_beats", \.monitor.runEndBeats),
        limit("pattern_cycles", \.monitor.patternCycles),
        limit("single_ventricular_beat_hold_seconds", \.monitor.singleVentricularBeatHoldSeconds),
        limit("couplet_hold_seconds", \.monitor.coupletHoldSeconds),
        limit("heart_rate_hold_seconds", \.monitor.heartRateHoldSeconds),
        limit("pattern_hold_seconds", \.monitor.patternHoldSeconds),
        limit("alert_update_seconds", \.monitor.alertUpdateSeconds),
        limit("ventricular_fibrillation_hold_seconds", \.monitor.ventricularFibrillationHoldSeconds),
        limit("atrial_fibrillation_hold_seconds", \.monitor.atrialFibrillationHoldSeconds),
        .names("monitor.alarms", "latching", \.monitor.alarms.latching, .atOnce),
        .names("monitor.alarms", "off", \.monitor.alarms.off, .atOnce),
        alarm("reminder_seconds", \.monitor.alarms.reminderSeconds),
        .integer("monitor.alarms", "reminders_maximum", \.monitor.alarms.remindersMaximum, 0...1_000_000, .atOnce),
        alarm("pause_seconds", \.monitor.alarms.pauseSeconds),
        alarm("longest_pause_seconds", \.monitor.alarms.maximumPauseSeconds),
        .boolean("monitor.alarms", "high_priority_ends_pause", \.monitor.alarms.highPriorityEndsPause, .atOnce),
        suspicion("margin", \.monitor.suspicion.margin),
        suspicion("agreement_limit", \.monitor.suspicion.agreementLimit),
        suspicion("head_weight", \.monitor.suspicion.headWeight),
        suspicion("head_limit", \.monitor.suspicion.headLimit),
        suspicion("usual_rate", \.monitor.suspicion.usualRate),
        suspicion("raise_at", \.monitor.suspicion.raiseAt),
        suspicion("withdraw_at", \.monitor.suspicion.withdrawAt),
        .integer(
            "monitor.suspicion", "withdraw_beats", \.monitor.suspicion.withdrawBeats, 0...1_000_000_000, .newStreams),
        suspicion("ceiling", \.monitor.suspicion.ceiling),
    ]

    private static func limit(_ name: String, _ path: any ConfigurationKey.Path<Double>) -> ConfigurationKey {
        .number("monitor", name, path, -1e9...1e9, .atOnce)
    }

    private static func alarm(_ name: String, _ path: any ConfigurationKey.Path<Double>) -> ConfigurationKey {
        .number("monitor.alarms", name, path, -1e9...1e9, .atOnce)
    }

    private static func limit(_ name: String, _ path: any ConfigurationKey.Path<Int>) -> ConfigurationKey {
        .integer("monitor", name, path, 0...1_000_000_000, .atOnce)
    }

    private static func suspicion(_ name: String, _ path: any ConfigurationKey.Path<Float>) -> ConfigurationKey {
        .float("monitor.suspicion", name, path, -1e6...1e6, .newStreams)
    }

    static let tables: Set<String> = Set(keys.map(\.table))

    /// The keys by full name.
    static let byName = Dictionary(uniqueKeysWithValues: keys.map { ($0.fullName, $0) })

    /// Keys whose values differ.
    static func differences(_ a: DaemonConfiguration, _ b: DaemonConfiguration) -> [ConfigurationKey] {
        keys.filter { $0.text(a) != $0.text(b) }
    }

    /// "asystoleSeconds" is `monitor.asystole_seconds`, "suspicion.raiseAt" is `monitor.suspicion.raise_at`.
    static func fullName(ofMonitorProperty property: String) -> String {
        // The file's name is a contract; the property's has changed.
        let kept = ["alarms.maximumPauseSeconds": "monitor.alarms.longest_pause_seconds"]
        return kept[property] ?? "monitor." + snakeCase(property)
    }

    /// "asystoleSeconds" is asystole_seconds.
    static func snakeCase(_ name: String) -> String {
        var result = ""
        for character in name {
            if character.isUppercase { result += "_" }
            result += character.lowercased()
        }
        return result
    }
}
