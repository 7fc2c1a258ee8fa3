import ECGATKGAN
import ECGMonitor
import ECGWire
import Synchronization

/// Everything that the daemon counts. Threads add to it, `MetricsPage` reads it.
final class DaemonMetrics: Sendable {
    /// UTC, nanoseconds since 1970.
    let startTime = DaemonClock.utc()
    private let startMonotonic = DaemonClock.monotonic()
    var uptimeSeconds: Double { Double(DaemonClock.elapsed(since: startMonotonic)) / 1e9 }

    // Ingest.
    let messagesReceived = Counter()
    let bytesReceived = Counter()
    let rejects = CounterTable<RejectCause>()
    /// Connections that ended: the source left, or libzmq closed them.
    let sourceConnections = Gauge()
    let sourceDisconnects = Counter()

    // Streams and their samples.
    let streams = Gauge()
    /// Pairs of streams with the same heartbeat.
    let sameHeartbeatPairs = Gauge()
    let streamsOpened = Counter()
    let streamsExpired = Counter()
    let segmentsProcessed = Counter()
    let samplesAccepted = Counter()
    let samplesDuplicate = Counter()
    let samplesReordered = Counter()
    let samplesInvalid = Counter()
    let samplesSetAside = Counter()
    let gaps = Counter()
    let samplesMissing = Counter()
    let timeWentBackwards = Counter()
    let sessionsChanged = Counter()
    let signalsChanged = Counter()

    // What was found.
    let beats = CounterTable<BeatLabel>()
    let events = CounterTable<Topic.Kind>()
    let alertsStarted = CounterTable<AlertKind>()

    /// Commands, by what became of them.
    let commands = CounterTable<CommandLabel>()
    /// Replies to them that the sender did not read, or that found no room.
    let commandRepliesDropped = Counter()

    // The way through.
    let workerRounds = Counter()
    let windowsClassified = Counter()
    let ingestToPublish = LatencyHistogram()
    let subscriptions = Gauge()
    let subscriberConnections = Gauge()
    /// Events at which the queue of a subscriber that wants them became full, by kind.
    let subscriberQueueFull = CounterTable<Topic.Kind>()
    /// Events that could no longer be passed to the publisher when the daemon stopped.
    let eventsDropped = Counter()

    /// The journal, acknowledgements and history.
    let journal = JournalMetrics()

    /// What was lost, stream by stream.
    let streamLosses = StreamLosses()

    // Who was turned away.
    let handshakesFailed = Counter()
    let handshakesRefused = CounterTable<AuthenticatorService.RefusalCause>()
    let subscriptionsRefused = Counter()
    let subscriberResets = CounterTable<SubscriberAdmission.Offence>()
    let httpUnauthorized = Counter()

    /// The central station.
    let station = StationMetrics()

    /// The cluster, where the daemon is a member of one.
    let cluster = ClusterMetrics()

    // The process.
    /// Log entries that were dropped because nobody read them in time.
    let logDropped: Counter
    /// Connections that had to wait because no file descriptor was free.
    let acceptFailures = CounterTable<AcceptingPart>()
    let reloads = CounterTable<ReloadResult>()
    let watchdogWithheld = Counter()

    /// - Parameter logDropped: what `LogWriter` counts.
    init(logDropped: Counter = Counter()) { self.logDropped = logDropped }

    /// Counts what is turned away or lost of a stream, in the total and for the stream.
    /// - Parameter stream: a valid name; empty: not known.
    func count(_ loss: StreamLoss, _ amount: Int = 1, of stream: String) {
        guard amount > 0 else { return }
        counter(of: loss).add(amount)
        streamLosses.add(amount, loss, of: stream)
    }

    /// The total over all streams.
    func total(of loss: StreamLoss) -> UInt64 { counter(of: loss).value }

    private func counter(of loss: StreamLoss) -> Counter {
        switch loss {
        case .rejected(let cause): rejects[cause]
        case .gap: gaps
        case .samplesMissing: samplesMissing
        case .samplesDuplicate: samplesDuplicate
        case .samplesInvalid: samplesInvalid
        case .samplesSetAside: samplesSetAside
        case .eventDropped: eventsDropped
        case .journalDropped(let cause): journal.dropped[cause]
        case .ingestReplyDropped: journal.repliesDropped
        case .commandReplyDropped: commandRepliesDropped
        case .subscriberQueueFull(let kind): subscriberQueueFull[kind]
        }
    }

    enum BeatLabel: String, CaseIterable, Sendable {
        case N, S, V, F
        case unclassified

        init(_ beatClass: BeatClass?) {
            switch beatClass {
            case .normal: self = .N
            case .supraventricular: self = .S
            case .ventricular: self = .V
            case .fusion: self = .F
            case nil: self = .unclassified
            }
        }
    }

    /// What accepts connections. On `/metrics`; a contract.
    enum AcceptingPart: String, CaseIterable, Sendable {
        case sockets, http
    }

    enum ReloadResult: String, CaseIterable, Sendable {
        case ok, failed
    }
}
