public import ECGATKGAN
public import ECGSignal

/// Something that the monitor found. Events come in the order in which they were decided.
public struct MonitorEvent: Sendable, Equatable {
    /// The session of the samples.
    public var session: UInt64
    /// What the event is about, in samples of the source's own rate: for a beat the R peak, for an alert the sample at
    /// which its condition began or, in a later phase, changed or ended.
    public var sampleIndex: Int64
    /// The sample whose arrival decided it, in the source's own rate.
    public var decidedAtSampleIndex: Int64
    /// When `sampleIndex` was taken, by the source's clock: UTC, nanoseconds since 1970-01-01. 0: unknown.
    public var acquisitionTimeNanoseconds: Int64
    public var kind: Kind

    public enum Kind: Sendable, Equatable {
        case beat(Beat)
        case alert(Alert)
        case suspicion(Suspicion)
        case status(Status)
    }

    public init(
        session: UInt64, sampleIndex: Int64, decidedAtSampleIndex: Int64, acquisitionTimeNanoseconds: Int64, kind: Kind
    ) {
        self.session = session
        self.sampleIndex = sampleIndex
        self.decidedAtSampleIndex = decidedAtSampleIndex
        self.acquisitionTimeNanoseconds = acquisitionTimeNanoseconds
        self.kind = kind
    }
}

/// One heart beat, at the R peak `MonitorEvent.sampleIndex`.
public struct Beat: Sendable, Equatable {
    /// Its class; `nil` where it could not be classified, and then `notClassifiedBecause` says why.
    public var beatClass: BeatClass?
    public var notClassifiedBecause: NotClassifiedCause?
    /// N, S, V, F; all 0 where it is not classified.
    public var probabilities: SIMD4<Float>
    /// How much this one beat looks like an adversarial example, 0 ... 1; 0 where it is not classified.
    public var attackSuspicion: Float
    /// Since the R peak before, in s; `nil` for the first beat and the first after an interruption.
    public var rrIntervalSeconds: Double?
    /// Apex against the local baseline, in mV, signed.
    public var amplitudeMillivolts: Float
    /// The detector found it by going back with a lower threshold.
    public var foundBySearchBack: Bool

    public init(
        beatClass: BeatClass?, notClassifiedBecause: NotClassifiedCause?, probabilities: SIMD4<Float>,
        attackSuspicion: Float, rrIntervalSeconds: Double?, amplitudeMillivolts: Float, foundBySearchBack: Bool
    ) {
        self.beatClass = beatClass
        self.notClassifiedBecause = notClassifiedBecause
        self.probabilities = probabilities
        self.attackSuspicion = attackSuspicion
        self.rrIntervalSeconds = rrIntervalSeconds
        self.amplitudeMillivolts = amplitudeMillivolts
        self.foundBySearchBack = foundBySearchBack
    }
}

/// Why a beat has no class.
public enum NotClassifiedCause: UInt8, Sendable, CaseIterable, Codable {
    /// The window of 280 samples around R reaches over a gap, over the start of the signal, or over a change of rate or
    /// lead.
    case gapAtEdge
    /// The input ended before the window was complete.
    case endOfSignal
    /// The window reaches into samples that are invalid, saturated, or taken with the electrode off.
    case poorSignal
    /// The window is constant and cannot be scaled.
    case flatWindow
}

/// Evidence, over a stretch of beats, that the signal was changed so as to mislead the classifier.
public struct Suspicion: Sendable, Equatable {
    /// Whether the evidence suffices: true from the event that raises the suspicion until the one that withdraws it.
    public var active: Bool
    /// Strength of the evidence: the logistic function of the mean log-odds of the beats considered, 0 ... 1.
    public var score: Float
    /// Beats that the score was made from.
    public var beatsConsidered: Int
    /// R peak of the first beat of the suspected stretch; source rate.
    public var firstSampleIndex: Int64
    /// R peak of the last beat of the suspected stretch so far; source rate.
    public var lastSampleIndex: Int64

    public init(
        active: Bool, score: Float, beatsConsidered: Int, firstSampleIndex: Int64, lastSampleIndex: Int64
    ) {
        self.active = active
        self.score = score
        self.beatsConsidered = beatsConsidered
        self.firstSampleIndex = firstSampleIndex
        self.lastSampleIndex = lastSampleIndex
    }
}

/// The state of a stream: at every change of it, and every few seconds of signal.
public struct Status: Sendable, Equatable {
    /// What the signal is like now.
    public var condition: SignalCondition
    /// Since when, source rate.
    public var conditionSinceSampleIndex: Int64
    public var state: MonitorState
    /// Beats a minute, averaged as `HeartRate` says; `nil`: unknown.
    public var heartRate: Double?
    /// Set in the event that reports a gap, and only there.
    public var gap: Gap?
    /// The pause of the stream's alarms, counted down; `nil`: none.
    public var pause: AlarmPause?
    /// In the event that reports the beginning or the end of a pause: how many of these the session has had; else 0.
    public var pauseChange: UInt32 = 0

    public init(
        condition: SignalCondition, conditionSinceSampleIndex: Int64, state: MonitorState, heartRate: Double?,
        gap: Gap? = nil, pause: AlarmPause? = nil, pauseChange: UInt32 = 0
    ) {
        self.condition = condition
        self.conditionSinceSampleIndex = conditionSinceSampleIndex
        self.state = state
        self.heartRate = heartRate
        self.gap = gap
        self.pause = pause
        self.pauseChange = pauseChange
    }
}

/// Samples that never came, in the source's rate.
public struct Gap: Sendable, Equatable {
    public var firstMissingSampleIndex: Int64
    public var missingSampleCount: Int64

    public init(firstMissingSampleIndex: Int64, missingSampleCount: Int64) {
        self.firstMissingSampleIndex = firstMissingSampleIndex
        self.missingSampleCount = missingSampleCount
    }
}

/// Whether the detector knows the signal already.
public enum MonitorState: UInt8, Sendable, CaseIterable, Codable {
    /// From the start of a stretch of signal to its first beat.
    case learning
    case monitoring
    /// The input or the session ended.
    case ended
}
