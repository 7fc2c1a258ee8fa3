internal import ECGSignal
internal import StateCoding

/// What stage 1 passes to stage 2: something that happened to the signal, in the order in which it became known. Only
/// these events and the beats' windows pass between the stages, so it does not matter when, or in which batch, the
/// beats are classified.
struct SignalEvent: Sendable, Codable {
    enum Content: Sendable {
        /// The session's first event.
        case sessionStarted(UInt64)
        /// Detection begins to learn. Earlier samples, if any, have no connection with what follows.
        case segmentStarted(samplingRate: Double)
        /// Detection stopped: what comes next has no connection with what came before. If not observable, beats
        /// could now pass unseen. A flat line stops detection but is still observable: it may come from the patient.
        case segmentEnded(observable: Bool)
        /// The samples have a different rate or come from a different lead.
        case signalChanged(samplingRate: Double)
        /// The names of the leads of a stream of several, in order.
        case leads([String])
        /// The condition of each lead of a stream of several.
        case leadConditions(LeadConditions)
        /// This many samples are missing from the event's sample index on. A bridged gap is so short that the segment
        /// continues across it.
        case gap(Int64, isBridged: Bool)
        /// The signal's condition since the event's sample index.
        case condition(SignalCondition)
        /// What the waveform has shown of ventricular rhythms since the event's sample index, with a confidence of 0
        /// ... 1.
        case ventricularRhythm(VentricularRhythmRule.Finding, confidence: Float)
        /// Half a second's judgement of one lead of several, up to the event's sample index.
        case rhythmEstimate(VentricularRhythmDetector.Estimate)
        /// An R peak.
        case beat(BeatFinding)
        /// A quarter of a second of signal has passed.
        case clock(WaveformEvidence)
        /// The session or the input has ended.
        case sessionEnded
    }

    /// The sample that the event is about, source rate.
    var sampleIndex: Int64
    /// The sample that decided it, source rate.
    var decidedAt: Int64
    /// When `sampleIndex` was acquired; 0 if unknown.
    @FullRange var time: Int64
    /// Unobserved seconds of the session up to `decidedAt`: samples that were missing, invalid, saturated, or
    /// acquired with the electrode off.
    var unobservedSeconds: Double = 0
    var content: Content
}

/// What the waveform of the last seconds shows, independently of the beats found in it.
struct WaveformEvidence: Sendable, Codable {
    /// Maximum probability of VT or VF within the last 5 s, 0 ... 1; nil if there is not enough signal yet.
    var ventricularProbability: Float?
    /// Maximum probability of noise within the last 5 s, 0 ... 1.
    var noiseProbability: Float = 1
    /// Largest rise or fall within 0.15 s during the last 3 s, in mV; nil if there is not enough signal yet.
    var swing: Float?
    /// Pulses of a pacemaker in this session so far.
    var pacingPulses: Int64 = 0
}

/// A beat as found by the detector.
struct BeatFinding: Sendable, Codable {
    /// Index of its window among the pending windows; `nil` if it has none, for the cause given.
    var window: Int32?
    var notClassifiedBecause: NotClassifiedCause?
    var amplitude: Float
    /// Maximum minus minimum sample of its window, in mV, which scaling to [0,1] removes; 0 without a window.
    var windowRange: Float = 0
    var foundBySearchBack: Bool
    /// The detector's `noiseRatio` when the beat was decided.
    var noiseRatio: Float = 0
    /// Part of its window was bridged, so the attack detector's result for it is ignored.
    var isPartlyBridged = false
    /// Unobserved seconds of the session up to the R peak.
    var unobservedSeconds: Double = 0
    /// Number of the lead that the window shows, 0 for the first.
    var lead: UInt8 = 0
    var pacing = BeatPacing()
    /// How it differs from the patient's usual beat, added by stage 2; nil if it was not compared.
    var deviation: BeatDeviation?
}

/// Encoded as a number for the case, followed by its associated values.
extension SignalEvent.Content: Codable {
    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        switch try container.decode(UInt8.self) {
        case 0: self = .sessionStarted(try container.decode(UInt64.self))
        case 1: self = .segmentStarted(samplingRate: try container.decode(Double.self))
        case 2: self = .segmentEnded(observable: try container.decode(Bool.self))
        case 3: self = .signalChanged(samplingRate: try container.decode(Double.self))
        case 4: self = .gap(try container.decode(Int64.self), isBridged: false)
        case 10: self = .gap(try container.decode(Int64.self), isBridged: true)
        case 5: self = .condition(try container.decode(SignalCondition.self))
        case 6:
            self = .ventricularRhythm(
                try container.decode(VentricularRhythmRule.Finding.self),
                confidence: try container.decode(Float.self))
        case 7: self = .beat(try container.decode(BeatFinding.self))
        case 8: self = .clock(try container.decode(WaveformEvidence.self))
        case 9: self = .sessionEnded
        case 12: self = .leads(try container.decode([String].self))
        case 13: self = .leadConditions(try container.decode(LeadConditions.self))
        case 11: self = .rhythmEstimate(try container.decode(VentricularRhythmDetector.Estimate.self))
        default: throw StateCodingError.otherLayout
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        func put(_ number: UInt8, _ value: (some Encodable)?) throws {
            try container.encode(number)
            if let value { try container.encode(value) }
        }
        switch self {
        case .sessionStarted(let session): try put(0, session)
        case .segmentStarted(let rate): try put(1, rate)
        case .segmentEnded(let observable): try put(2, observable)
        case .signalChanged(let rate): try put(3, rate)
        case .gap(let count, let isBridged): try put(isBridged ? 10 : 4, count)
        case .condition(let condition): try put(5, condition)
        case .ventricularRhythm(let finding, let confidence):
            try put(6, finding)
            try container.encode(confidence)
        case .beat(let finding): try put(7, finding)
        case .clock(let evidence): try put(8, evidence)
        case .sessionEnded: try put(9, nil as Bool?)
        case .rhythmEstimate(let estimate): try put(11, estimate)
        case .leads(let names): try put(12, names)
        case .leadConditions(let conditions): try put(13, conditions)
        }
    }
}
