import ECGATKGAN
import ECGEvaluation
import ECGWire

/// What came out of the daemon during a demonstration, counted.
struct DemoTally {
    struct Beat: Equatable {
        var rPeak: Int64
        var beatClass: WireBeatClass
    }

    struct SuspicionChange: Equatable {
        var cause: WireSuspicionCause
        var raised: Bool
        /// R peak of the beat that brought it.
        var lastSampleIndex: Int64
        var score: Float
    }

    private(set) var beats: [Beat] = []
    /// Alerts that began, by kind.
    private(set) var alerts: [WireAlertKind: Int] = [:]
    private(set) var suspicions: [SuspicionChange] = []
    /// Messages that the sequence numbers say are missing.
    private(set) var lost: UInt64 = 0
    private(set) var events = 0
    private(set) var samplesAccepted: UInt64 = 0
    private(set) var messagesRejected: UInt64 = 0
    private var seenTopics: Set<Topic> = []

    /// Whether anything has come at all.
    var heard: Bool { !seenTopics.isEmpty }

    /// Takes a published message.
    /// - Parameter missed: messages of the topic that the subscriber says were lost before it.
    mutating func note(_ body: PublishedBody, on topic: Topic, missed: UInt64) {
        lost += missed
        // Subscribed before the first sample was sent: an event topic must begin at 1. Health may have begun earlier.
        if seenTopics.insert(topic).inserted, topic != .health {
            lost += body.sequence > 0 ? body.sequence - 1 : 0
        }
        switch body {
        case .health(let health):
            samplesAccepted = health.samplesAccepted
            messagesRejected = health.rejectedByCause.values.reduce(0, +)
        case .event(let event): note(event)
        }
    }

    private mutating func note(_ event: WireEvent) {
        events += 1
        switch event.payload {
        case .beat(let beat): beats.append(Beat(rPeak: event.sampleIndex, beatClass: beat.beatClass))
        case .alert(let alert) where alert.phase == .started: alerts[alert.kind, default: 0] += 1
        case .suspicion(let suspicion):
            suspicions.append(
                SuspicionChange(
                    cause: suspicion.cause, raised: suspicion.active, lastSampleIndex: suspicion.lastSampleIndex,
                    score: suspicion.score))
        default: break
        }
    }

    func count(_ beatClass: WireBeatClass) -> Int {
        beats.count { $0.beatClass == beatClass }
    }

    /// How many beats of the attacked stretch it took until the suspicion was raised; nil: it was not.
    func suspicionDelay(attacked: Range<Int64>) -> Int? {
        guard
            let raised = suspicions.first(where: {
                $0.cause != .replay && $0.raised && attacked.contains($0.lastSampleIndex)
            })
        else {
            return nil
        }
        return beats.count { attacked.contains($0.rPeak) && $0.rPeak <= raised.lastSampleIndex }
    }

    /// R peak of the beat that first raised the suspicion of a replay, from a sample on; nil: none did.
    func replaySuspicion(from start: Int64) -> Int64? {
        suspicions.first { $0.cause == .replay && $0.raised && $0.lastSampleIndex >= start }?.lastSampleIndex
    }

    /// Where suspicions were raised outside of the attacked segment, and of a replay outside of the copy.
    func falseSuspicions(attacked: Range<Int64>, playedBack: Range<Int64>? = nil) -> [Int64] {
        suspicions.filter { suspicion in
            let place = suspicion.lastSampleIndex
            return suspicion.raised
                && (suspicion.cause == .replay ? playedBack?.contains(place) != true : !attacked.contains(place))
        }.map(\.lastSampleIndex)
    }

    /// Of the beats that were attacked, how many got another class than the clean ECG gives them, or were not found.
    func changedByAttack(_ clean: [AttackedEpisode.LocatedBeat], toleranceSamples: Int64) -> Int {
        clean.count { beat in
            let peak = Int64(beat.rPeak)
            guard let nearest = beats.min(by: { abs($0.rPeak - peak) < abs($1.rPeak - peak) }),
                abs(nearest.rPeak - peak) <= toleranceSamples
            else { return true }
            return nearest.beatClass.rawValue != Int(beat.beatClass.rawValue) + 1
        }
    }
}
