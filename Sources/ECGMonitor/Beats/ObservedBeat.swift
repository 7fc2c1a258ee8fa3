public import ECGATKGAN
public import ECGClassification

/// A beat as the contextual classifier receives it: the input for training the classifier and for attacking it.
public struct ObservedBeat: Sendable {
    /// The R peak, source rate.
    public var sampleIndex: Int64
    /// The sample that completed the window, at the source rate.
    public var decidedAtSampleIndex: Int64
    /// Sampling rate of the source, in samples per second.
    public var samplingRate: Double
    /// 280 values in [0,1].
    public var window: [Float]
    /// Classification of the window alone.
    public var answer: BeatClassification
    public var context: BeatContext

    /// Gives each beat the beat that follows it, if the monitor would have waited for that one.
    ///
    /// - Parameter beats: the beats of one stream, in order.
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
