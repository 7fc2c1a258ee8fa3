public import ECGATKGAN

/// A beat as the join is given it: what the join is trained on and attacked with.
public struct ObservedBeat: Sendable {
    /// The R peak, source rate.
    public var sampleIndex: Int64
    /// The sample that completed the window, source rate.
    public var decidedAtSampleIndex: Int64
    /// Of the source, a second.
    public var samplingRate: Double
    /// 280 values in [0,1].
    public var window: [Float]
    /// To the window alone.
    public var answer: BeatClassification
    public var context: BeatContext

    /// Tells each beat of the one after it, as far as the monitor would have waited for it.
    ///
    /// - Parameter beats: of one stream, in their order.
    public static func attachNext(_ beats: inout [ObservedBeat]) {
        for i in beats.indices.dropLast() {
            let next = beats[i + 1]
            guard let interval = next.context.interval,
                Double(next.decidedAtSampleIndex - beats[i].sampleIndex) / beats[i].samplingRate
                    <= ContextualClassifier.maximumWaitSeconds,
                abs(Double(next.sampleIndex - beats[i].sampleIndex) / beats[i].samplingRate - Double(interval)) < 0.01
            else { continue }
            let morphology = next.window.withUnsafeBufferPointer { window in
                window.baseAddress.map { BeatMorphology(window: $0, range: next.context.windowRange) }
            }
            beats[i].context.next = morphology.map { NextBeat(morphology: $0, interval: interval, templates: next.context.templates) }
        }
    }
}
