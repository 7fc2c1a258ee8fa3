import ECGMonitor
import ECGWire
import MonitorWire

/// One stream as the worker that owns it sees it. A class, so that its monitor is changed in place.
final class WatchedStream {
    let name: String
    var monitor: PatientMonitor
    /// When samples last came; monotonic, ns.
    var lastSamplesAt: UInt64
    /// None of its blocks has been accepted yet.
    var isNew = false
    /// By the daemon's clock its signal was reported as lost, and no samples have come since.
    var isSilent = false
    /// Has blocks in the round being made.
    var isInRound = false
    /// Beats of the round that wait for their class.
    var windowsInRound = 0
    /// When the oldest of the round's messages was taken; monotonic, ns.
    var oldestInRound: UInt64 = 0
    /// Its topics, in the order of `topicKinds`.
    let topics: [[UInt8]]
    /// By which it is compared with other streams.
    var heartbeat = HeartbeatPattern()
    /// Of its events.
    var numbering = StreamNumbering()

    /// Set for it beside those of the configuration.
    var limits: BedLimits?

    // What the central station needs.
    /// It knows which limits hold.
    var hasToldLimits = false
    /// It has a place there.
    var isOnStation = false
    /// It has asked for one.
    var isKnownToStation = false

    // What the journal needs.
    /// It does not go on from anything in the journal.
    var beginsAnew = false
    /// The next round carries its state.
    var needsSnapshot = false
    var snapshots: SnapshotSchedule
    /// What the next round tells the journal of `limits`.
    var limitsChange: LimitsChange?
    /// Monotonic, ns.
    var lastSnapshotAt: UInt64 = 0
    /// When samples last came: UTC, ns since 1970.
    var lastSamplesUTC: Int64 = 0
    /// Was restored from the journal when it was older than `streams.forgotten_after_seconds`.
    var isForgottenSoon = false

    // What its source is told.
    /// Its source wants its blocks acknowledged.
    var isAcknowledged = false
    /// The tracker of acknowledgements knows it.
    var isTracked = false
    /// Samples of the round's acknowledged blocks.
    var processedInRound = 0

    /// Which of them somebody has subscribed to, as of `subscriptionGeneration`.
    private var wanted = InlineArray<5, Bool>(repeating: false)
    private var subscriptionGeneration: UInt64 = 0

    static let topicKinds: [Topic.Kind] = [.beat, .alert, .suspicion, .status, .waveform]

    static func place(of kind: Topic.Kind) -> Int {
        switch kind {
        case .beat: 0
        case .alert: 1
        case .suspicion: 2
        case .status: 3
        case .waveform, .health: 4
        }
    }

    convenience init(name: String, configuration: MonitorConfiguration, now: UInt64) {
        self.init(name: name, monitor: PatientMonitor(configuration: configuration), now: now)
    }

    init(name: String, monitor: PatientMonitor, now: UInt64) {
        self.name = name
        self.monitor = monitor
        lastSamplesAt = now
        snapshots = SnapshotSchedule(stream: name)
        topics = Self.topicKinds.map { Array(Topic($0, stream: name).name.utf8) }
    }

    /// Reports what was processed since the last report.
    func reportProgress(to tracker: AcknowledgementTracker) {
        let (session, next) = monitor.progress()
        tracker.didProcess(name, session: session, next: next, samples: processedInRound)
        processedInRound = 0
    }

    func nextSequence(_ kind: Topic.Kind) -> UInt64 {
        JournalKind(kind).map { numbering.next($0) } ?? numbering.nextWaveform()
    }

    /// Whether somebody has subscribed to a topic.
    /// - Parameter place: of its kind in `topicKinds`.
    func isWanted(_ place: Int, _ subscriptions: Subscriptions) -> Bool {
        let generation = subscriptions.generation
        if generation != subscriptionGeneration {
            for place in topics.indices { wanted[place] = subscriptions.wants(topics[place]) }
            subscriptionGeneration = generation
        }
        return wanted[place]
    }
}
