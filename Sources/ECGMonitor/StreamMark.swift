internal import ECGSignal

/// What stage 1 hands to stage 2: something that happened to the signal, in the order in which it became known.
/// Between the stages lies nothing but these and the windows of the beats, so it does not matter when, or together
/// with whose, the beats are classified.
struct StreamMark: Sendable {
    enum Content: Sendable {
        /// The first of a session.
        case sessionStarted(UInt64)
        /// Detection begins to learn. The samples before, if any, have no connection with what follows.
        case stretchStarted(samplingRate: Double)
        /// Detection stopped: what comes next has no connection with what was. Not observable: beats could now pass
        /// unseen. A flat line stops detection and is observable all the same: it may be the patient's.
        case stretchEnded(observable: Bool)
        /// The samples have another rate or come from another lead.
        case signalChanged(samplingRate: Double)
        /// So many samples are missing from the mark's sample index on.
        case gap(Int64)
        /// The signal's condition since the mark's sample index.
        case condition(SignalCondition)
        /// Whether the signal shows ventricular fibrillation, since the mark's sample index.
        case fibrillation(VentricularFibrillationDetector.Finding)
        /// An R peak.
        case beat(BeatFinding)
        /// A quarter of a second of signal has passed.
        case clock
        /// The session or the input is over.
        case sessionEnded
    }

    /// What the mark is about, source rate.
    var sampleIndex: Int64
    /// The sample that decided it, source rate.
    var decidedAt: Int64
    /// When `sampleIndex` was taken; 0: unknown.
    var time: Int64
    var content: Content
}

/// A beat as the detector found it.
struct BeatFinding: Sendable {
    /// Which of the pending windows is its own; `nil`: none, for the cause given.
    var window: Int32?
    var notClassifiedBecause: NotClassifiedCause?
    var amplitude: Float
    /// Greatest less least sample of its window, in mV, which the scaling to [0,1] takes away; 0 without a window.
    var windowRange: Float = 0
    var foundBySearchBack: Bool
}
