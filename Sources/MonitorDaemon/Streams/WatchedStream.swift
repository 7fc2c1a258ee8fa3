import ECGMonitor
import ECGWire

/// One stream as the worker that owns it sees it. An object, so that its monitor is worked on in its place.
final class WatchedStream {
    let name: String
    var monitor: PatientMonitor
    /// When samples last came; monotonic, ns.
    var lastSamplesAt: UInt64
    /// Signal lost by the daemon's clock has been said, and not yet taken back.
    var isSilent = false
    /// Has segments in the round being made.
    var isInRound = false
    /// When the oldest of the round's messages was taken.
    var oldestInRound: UInt64 = 0
    /// Its topics, in the order of `topicKinds`.
    let topics: [[UInt8]]
    /// Of its events.
    var numbering = StreamNumbering()

    // What the journal needs.
    /// Nothing of it is in the journal yet that it goes on from.
    var beginsAnew = false
    /// The next round carries its state.
    var needsSnapshot = false
    var samplesSinceSnapshot = 0
    /// Monotonic, ns.
    var lastSnapshotAt: UInt64 = 0
    /// When samples last came: UTC, ns since 1970.
    var lastSamplesUTC: Int64 = 0
    /// Came out of the journal older than `streams.forgotten_after_seconds`.
    var isForgottenSoon = false

    // What its source is told.
    /// Its source wants to be told how far it is.
    var isAcknowledged = false
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
        topics = Self.topicKinds.map { Array(Topic($0, stream: name).name.utf8) }
    }

    func nextSequence(_ kind: Topic.Kind) -> UInt64 {
        JournalKind(kind).map { numbering.next($0) } ?? numbering.nextWaveform()
    }

    func isWanted(_ place: Int, _ subscriptions: Subscriptions) -> Bool {
        let generation = subscriptions.generation
        if generation != subscriptionGeneration {
            for place in topics.indices { wanted[place] = subscriptions.wants(topics[place]) }
            subscriptionGeneration = generation
        }
        return wanted[place]
    }
}
