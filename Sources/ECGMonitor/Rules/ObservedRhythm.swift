/// What the atrial fibrillation rule knows after a beat: the input for training its model.
public struct ObservedRhythm: Sendable {
    /// The R peak, source rate.
    public var sampleIndex: Int64
    /// When this was known, source rate.
    public var decidedAtSampleIndex: Int64
    /// Sampling rate of the source, in samples per second.
    public var samplingRate: Double
    /// Seconds of usable RR intervals behind the features, 12 to about 30.
    public var seconds: Float
    /// In the order of `featureNames`.
    public var features: [Float]

    public init(
        sampleIndex: Int64, decidedAtSampleIndex: Int64, samplingRate: Double, seconds: Float, features: [Float]
    ) {
        self.sampleIndex = sampleIndex
        self.decidedAtSampleIndex = decidedAtSampleIndex
        self.samplingRate = samplingRate
        self.seconds = seconds
        self.features = features
    }

    public static var featureNames: [String] { AtrialFibrillationFeatures.names }
}
