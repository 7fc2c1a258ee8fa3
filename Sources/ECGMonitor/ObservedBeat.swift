public import ECGATKGAN

/// A beat as the join is given it: what the join is trained on and attacked with.
public struct ObservedBeat: Sendable {
    /// The R peak, source rate.
    public var sampleIndex: Int64
    /// The sample that completed the window, source rate.
    public var decidedAtSampleIndex: Int64
    /// 280 values in [0,1].
    public var window: [Float]
    /// To the window alone.
    public var answer: BeatClassification
    public var context: BeatContext
}
