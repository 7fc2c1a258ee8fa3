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
    /// Last sequence number on each.
    private var sequences = InlineArray<5, UInt64>(repeating: 0)
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

    init(name: String, configuration: MonitorConfiguration, now: UInt64) {
        self.name = name
        monitor = PatientMonitor(configuration: configuration)
        lastSamplesAt = now
        topics = Self.topicKinds.map { Array(Topic($0, stream: name).name.utf8) }
    }

    func nextSequence(_ place: Int) -> UInt64 {
        sequences[place] += 1
        return sequences[place]
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
