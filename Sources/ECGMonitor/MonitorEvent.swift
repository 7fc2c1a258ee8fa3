public import ECGATKGAN
public import ECGSignal

/// A finding of the monitor. Events are in the order in which they were decided.
public struct MonitorEvent: Sendable, Equatable {
    /// The session that the samples belong to.
    public var session: UInt64
    /// What the event is about, in samples at the source's own rate: for a beat the R peak; for an alert the sample
    /// at which its condition began or, in a later phase, changed or ended.
    public var sampleIndex: Int64
    /// The sample whose arrival decided the event, at the source's own rate.
    public var decidedAtSampleIndex: Int64
    /// When `sampleIndex` was acquired, by the source's clock: UTC, nanoseconds since 1970-01-01; 0 if unknown.
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

/// One heartbeat, with its R peak at `MonitorEvent.sampleIndex`.
public struct Beat: Sendable, Equatable {
    /// Its class; `nil` if it could not be classified, for the reason given by `notClassifiedBecause`.
    public var beatClass: BeatClass?
    public var notClassifiedBecause: NotClassifiedCause?
    /// For N, S, V, F; all 0 if it is not classified.
    public var probabilities: SIMD4<Float>
    /// How strongly this beat alone resembles an adversarial example, 0 ... 1; 0 if it is not classified.
    public var attackSuspicion: Float
    /// How far what differs from the patient's usual beat agrees with the direction that leads away from the beat's
    /// class the fastest (`AttackSuspicionRule`); nil if it was not compared. Not sent to subscribers.
    public var agreement: Float?
    /// RR interval to the previous R peak, in s; `nil` for the first beat and the first after an interruption.
    public var rrIntervalSeconds: Double?
    /// Amplitude of the R peak relative to the local baseline, in mV, signed.
    public var amplitudeMillivolts: Float
    /// Whether the detector found it by searching back with a lower threshold.
    public var foundBySearchBack: Bool
    /// The lead that was classified; nil for a stream of one lead.
    public var lead: String?
    public var pacing: BeatPacing

    public init(
        beatClass: BeatClass?, notClassifiedBecause: NotClassifiedCause?, probabilities: SIMD4<Float>,
        attackSuspicion: Float, agreement: Float? = nil, rrIntervalSeconds: Double?, amplitudeMillivolts: Float,
        foundBySearchBack: Bool, lead: String? = nil, pacing: BeatPacing = BeatPacing()
    ) {
        self.beatClass = beatClass
        self.notClassifiedBecause = notClassifiedBecause
        self.probabilities = probabilities
        self.attackSuspicion = attackSuspicion
        self.agreement = agreement
        self.rrIntervalSeconds = rrIntervalSeconds
        self.amplitudeMillivolts = amplitudeMillivolts
        self.foundBySearchBack = foundBySearchBack
        self.lead = lead
        self.pacing = pacing
    }
}

/// The pulses of a pacemaker before a beat. They say where the pacemaker stimulated, not that the beat was its effect:
/// the heart's own beat may have come at the same time (fusion, pseudofusion).
public struct BeatPacing: Sendable, Equatable, Codable {
    /// A pulse within 160 ms before R or 40 ms after it: where a ventricular stimulus lies.
    public var ventricular: Bool
    /// A pulse 160 to 350 ms before R: where an atrial stimulus lies.
    public var atrial: Bool

    public init(ventricular: Bool = false, atrial: Bool = false) {
        self.ventricular = ventricular
        self.atrial = atrial
    }

    /// Adds what another lead has shown.
    mutating func add(_ other: BeatPacing) {
        ventricular = ventricular || other.ventricular
        atrial = atrial || other.atrial
    }
}

/// Why a beat has no class.
public enum NotClassifiedCause: UInt8, Sendable, CaseIterable, Codable {
    /// The window of 280 samples around R extends across a gap, the start of the signal, or a change of rate or lead.
    case gapAtEdge
    /// The input ended before the window was complete.
    case endOfSignal
    /// The window extends into samples that are invalid, saturated, or acquired with the electrode off.
    case poorSignal
    /// The window is constant and cannot be scaled.
    case flatWindow
}

/// What a suspicion of tampering rests on.
public enum SuspicionCause: UInt8, Sendable, CaseIterable, Codable {
    /// The beats differ from the patient's usual ones in the direction that misleads the classifier.
    case perturbation
    /// The ECG repeats what was received before.
    case replay
}

/// Evidence, over a series of beats, that the signal was tampered with.
public struct Suspicion: Sendable, Equatable {
    public var cause: SuspicionCause
    /// Whether the evidence is sufficient: true from the event that raises the suspicion until the one that withdraws
    /// it.
    public var active: Bool
    /// Strength of the evidence: the logistic function of the mean log-odds of the beats considered, 0 ... 1.
    public var score: Float
    /// Number of beats that the score is based on.
    public var beatsConsidered: Int
    /// R peak of the first beat of the suspected episode; source rate.
    public var firstSampleIndex: Int64
    /// R peak of the last beat of the suspected episode so far; source rate.
    public var lastSampleIndex: Int64

    public init(
        cause: SuspicionCause, active: Bool, score: Float, beatsConsidered: Int, firstSampleIndex: Int64,
        lastSampleIndex: Int64
    ) {
        self.cause = cause
        self.active = active
        self.score = score
        self.beatsConsidered = beatsConsidered
        self.firstSampleIndex = firstSampleIndex
        self.lastSampleIndex = lastSampleIndex
    }
}

/// The state of a stream, reported whenever it changes and every few seconds of signal.
public struct Status: Sendable, Equatable {
    /// The signal's current condition.
    public var condition: SignalCondition
    /// Sample at which this condition began, source rate.
    public var conditionSinceSampleIndex: Int64
    public var state: MonitorState
    /// Beats per minute, averaged as described at `HeartRate`; `nil` if unknown.
    public var heartRate: Double?
    /// Set only in the event that reports a gap.
    public var gap: Gap?
    /// The pause of the stream's alarms, with its remaining time; `nil` if there is none.
    public var pause: AlarmPause?
    /// In the event that reports the start or end of a pause: the number of such changes in the session; otherwise 0.
    public var pauseChange: UInt32 = 0
    /// The leads of a stream of several, in the source's order; empty for a stream of one lead.
    public var leads: [LeadStatus] = []
    /// In the event that reports a change of the leads' conditions: the number of such changes in the session;
    /// otherwise 0.
    public var leadChange: UInt32 = 0
    /// Pulses of a pacemaker in this session so far.
    public var pacingPulses: Int64 = 0
    /// Whether there was such a pulse within the last minute.
    public var isPaced = false

    public init(
        condition: SignalCondition, conditionSinceSampleIndex: Int64, state: MonitorState, heartRate: Double?,
        gap: Gap? = nil, pause: AlarmPause? = nil, pauseChange: UInt32 = 0, leads: [LeadStatus] = [],
        leadChange: UInt32 = 0, pacingPulses: Int64 = 0, isPaced: Bool = false
    ) {
        self.condition = condition
        self.conditionSinceSampleIndex = conditionSinceSampleIndex
        self.state = state
        self.heartRate = heartRate
        self.gap = gap
        self.pause = pause
        self.pauseChange = pauseChange
        self.pacingPulses = pacingPulses
        self.isPaced = isPaced
        self.leads = leads
        self.leadChange = leadChange
    }
}

/// One lead of a stream of several.
public struct LeadStatus: Sendable, Equatable {
    public var name: String
    public var condition: SignalCondition
    /// Whether beats are decided from it: not while it is off or noisy and another lead is usable.
    public var isUsed: Bool
    /// Whether beats are classified in it.
    public var isClassified: Bool

    public init(name: String, condition: SignalCondition, isUsed: Bool, isClassified: Bool) {
        self.name = name
        self.condition = condition
        self.isUsed = isUsed
        self.isClassified = isClassified
    }
}

/// Samples that never arrived, counted at the source's rate.
public struct Gap: Sendable, Equatable {
    public var firstMissingSampleIndex: Int64
    public var missingSampleCount: Int64

    public init(firstMissingSampleIndex: Int64, missingSampleCount: Int64) {
        self.firstMissingSampleIndex = firstMissingSampleIndex
        self.missingSampleCount = missingSampleCount
    }
}

/// Whether the detector has already learned the signal.
public enum MonitorState: UInt8, Sendable, CaseIterable, Codable {
    /// From the start of a segment of signal to its first beat.
    case learning
    case monitoring
    /// The input or the session has ended.
    case ended
}
