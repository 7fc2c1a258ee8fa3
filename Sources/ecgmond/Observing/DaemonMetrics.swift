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
    /// Connections that ended, by a source's leaving or by libzmq's cutting them off.
    let sourceConnections = Gauge()
    let sourceDisconnects = Counter()

    // Streams and their samples.
    let streams = Gauge()
    let streamsOpened = Counter()
    let streamsExpired = Counter()
    let segmentsProcessed = Counter()
    let samplesAccepted = Counter()
    let samplesDuplicate = Counter()
    let samplesReordered = Counter()
    let samplesInvalid = Counter()
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

    // The way through.
    let workerRounds = Counter()
    let windowsClassified = Counter()
    let ingestToPublish = LatencyHistogram()
    let subscriptions = Gauge()
    let subscriberConnections = Gauge()
    /// Events that could not be handed to the publisher any more: at the limit of the time to stop.
    let eventsDropped = Counter()

    /// The journal, acknowledgements and history.
    let journal = JournalMetrics()

    // Who was turned away.
    let handshakesFailed = Counter()
    let handshakesRefused = CounterTable<AuthenticatorLoop.RefusalCause>()
    let subscriptionsRefused = Counter()
    let subscriberResets = CounterTable<SubscriberAdmission.Offence>()
    let httpUnauthorized = Counter()

    // The process.
    let reloads = CounterTable<ReloadResult>()
    let watchdogWithheld = Counter()

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

    enum ReloadResult: String, CaseIterable, Sendable {
        case ok, failed
    }
}
