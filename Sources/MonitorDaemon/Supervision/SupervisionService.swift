import CMalloc
import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGWire
import Logging
import MonitorCluster
import ServiceLifecycle
import Synchronization
import UnixSignals
import ZeroMQ

/// Watches over the threads: feeds the service manager's watchdog, publishes the health topic, logs the sums of what is
/// logged once a period, and reads the configuration again on SIGHUP.
struct SupervisionService: Service {
    let pipeline: Pipeline
    let state: DaemonState
    let notifier: ServiceNotifier
    let endpoints: Pipeline.Endpoints
    let reloader: ConfigurationReloader
    /// Carries the http port when the pages are served, and ends.
    let httpListening: AsyncStream<UInt16>
    /// Without them the daemon is not ready, unless they are not wanted.
    let httpEnabled: Bool
    /// Where browsers find the central station; nil: it is not served.
    let stationAddress: String?

    private var context: DaemonContext { pipeline.context }

    func run() async throws {
        var httpPort: UInt16?
        for await port in httpListening {
            httpPort = port
            break
        }
        if httpEnabled && httpPort == nil {
            // Its service ends with the reason, and everything with it.
            try? await gracefulShutdown()
            return
        }
        let hangUps = await UnixSignalsSequence(trapping: .sighup)
        if state.phase == .starting { state.phase = .ready }
        context.logger.info("ready", metadata: readyMetadata(httpPort))
        notifier.ready(status(stuck: []))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await cancelWhenGracefulShutdown { await reloadOnHangUp(hangUps) } }
            group.addTask { await cancelWhenGracefulShutdown { await watch() } }
            await group.waitForAll()
        }
        context.log.flush(everything: true)
    }

    private func readyMetadata(_ httpPort: UInt16?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "version": "\(Daemon.version)", "ingest": "\(endpoints.ingest.joined(separator: " "))",
            "events": "\(endpoints.events.joined(separator: " "))",
            "commands": "\(endpoints.commands.joined(separator: " "))",
            // Without one, what the daemon knows is lost when it ends.
            "journal": "\(pipeline.journal?.path ?? "none")",
            "workers": "\(pipeline.workerCount)",
            "model": "\(pipeline.classifier.name)", "model_sha256": "\(pipeline.classifier.sha256)",
        ]
        for (name, bound) in [("acknowledged", endpoints.acknowledged), ("history", endpoints.history)]
        where !bound.isEmpty {
            metadata[name] = "\(bound.joined(separator: " "))"
        }
        if let cluster = pipeline.cluster {
            metadata["cluster"] = "\(cluster.names.cluster)"
            metadata["member"] = "\(cluster.member)"
            metadata["role"] = "\(cluster.role.rawValue)"
        }
        if let stationAddress { metadata["station"] = "\(stationAddress)" }
        if let httpPort { metadata["http_port"] = "\(httpPort)" }
        return metadata
    }

    private func reloadOnHangUp(_ signals: UnixSignalsSequence) async {
        for await _ in signals {
            notifier.reloading()
            reloader.reload()
            notifier.ready(status(stuck: state.stuck))
        }
    }

    // MARK: Watching

    /// Patients come and go, and what they leave behind in the heap is in small pieces: after a few hundred of them half of
    /// the memory was free, but not given back to the system. It is given back this often, in ns.
    private static let trimPeriod: UInt64 = 600_000_000_000

    private func watch() async {
        let interval = notifier.watchdogInterval
        // Threads have half of the interval, and are looked at every sixth of it.
        var judge = ProgressJudge(patienceNanoseconds: state.patienceNanoseconds)
        let pause = min(interval.map { $0 / 6 } ?? .max, 500_000_000)
        var nextStatus: UInt64 = 0
        var nextHealth: UInt64 = 0
        var nextTrim = DaemonClock.monotonic() + Self.trimPeriod
        var healthSequence: UInt64 = 0
        while !Task.isCancelled {
            let now = DaemonClock.monotonic()
            // Threads that have come to their end while the daemon stops have done so rightly.
            let readings = pipeline.readings.filter { state.phase != .stopping || !$0.hasEnded }
            let verdict = judge.judge(readings, at: now)
            let changed = state.stuck != verdict.stuck
            state.stuck = verdict.stuck
            state.didLook()
            feed(verdict, changed: changed)
            countFailedAccepts()
            if now >= nextStatus {
                if state.phase == .ready { notifier.status(status(stuck: verdict.stuck)) }
                nextStatus = now + 5_000_000_000
            }
            if now >= nextHealth {
                if publishHealth(sequence: healthSequence + 1, isAlive: verdict.isAlive) { healthSequence += 1 }
                nextHealth = now + UInt64(context.settings.current.events.healthPeriodSeconds * 1e9)
            }
            if now >= nextTrim {
                malloc_trim(0)
                nextTrim = now + Self.trimPeriod
            }
            context.log.flush()
            try? await Task.sleep(nanoseconds: pause)
        }
    }

    private func feed(_ verdict: ProgressJudge.Verdict, changed: Bool) {
        if verdict.isAlive {
            notifier.watchdog()
        } else {
            context.metrics.watchdogWithheld.add(1)
            if changed {
                context.logger.critical(
                    "no sign of life; the watchdog is not fed any more",
                    metadata: ["threads": "\(verdict.stuck.joined(separator: " "))"])
                notifier.status(status(stuck: verdict.stuck))
            }
        }
    }

    /// libzmq does not say what it cannot accept.
    private func countFailedAccepts() {
        let metric = context.metrics.acceptFailures[.sockets]
        let count = ZeroMQContext.failedAccepts
        guard count > metric.value else { return }
        metric.add(count - metric.value)
        context.log.note("connections wait: no file descriptor is free", cause: "no_descriptor", stream: "")
    }

    private func status(stuck: [String]) -> String {
        if !stuck.isEmpty { return "no sign of life from \(stuck.joined(separator: ", "))" }
        let metrics = context.metrics
        return "watching \(metrics.streams.value) streams, \(metrics.samplesAccepted.value) samples, "
            + "\(metrics.beats.all.reduce(0) { $0 + $1.count }) beats"
    }

    /// Pairs of streams with the same heartbeat in one message.
    private static let maximumPairs = 64

    /// - Returns: whether the publisher took it: a number is used once only.
    private func publishHealth(sequence: UInt64, isAlive: Bool) -> Bool {
        let metrics = context.metrics
        let rejects = metrics.rejects.all.filter { $0.count > 0 }
        var health = WireHealth()
        health.schemaVersion = SampleBlockLimits.schemaVersion
        health.sequence = sequence
        health.timeNs = DaemonClock.utc()
        health.daemonVersion = Daemon.version
        health.uptimeSeconds = metrics.uptimeSeconds
        health.state =
            switch state.phase {
            case .starting: .starting
            case .ready: isAlive && metrics.eventsDropped.value == 0 && !metrics.journal.fails ? .ok : .degraded
            case .stopping: .stopping
            }
        if metrics.journal.fails { health.degradedBecause = "the journal cannot be written" }
        health.modelName = pipeline.classifier.name
        health.modelSha256 = pipeline.classifier.sha256
        health.streams = UInt32(clamping: metrics.streams.value)
        health.messagesReceived = metrics.messagesReceived.value
        health.samplesAccepted = metrics.samplesAccepted.value
        health.beatsDetected = metrics.beats.all.reduce(0) { $0 + $1.count }
        health.eventsPublished = metrics.events.all.reduce(0) { $0 + $1.count }
        health.eventsDropped = metrics.eventsDropped.value
        health.rejectedByCause = Dictionary(uniqueKeysWithValues: rejects.map { ($0.label.label, $0.count) })
        let pairs = context.sameHeartbeat.pairs
        metrics.sameHeartbeatPairs.set(pairs.count)
        health.sameHeartbeat = pairs.prefix(Self.maximumPairs).map { pair in
            var wire = WireHealth.StreamPair()
            (wire.stream, wire.otherStream) = (pair.first, pair.second)
            return wire
        }
        guard let body = try? PublishedBody.health(health).encoded(as: context.settings.current.events.encoding) else {
            return false
        }
        let message = OutgoingMessage(topic: Array(Topic.health.name.utf8), body: body, receivedAt: nil)
        guard pipeline.publishQueue.push(message, waitingAtMost: 0) == .taken else { return false }
        metrics.events.add(for: .health)
        return true
    }
}
