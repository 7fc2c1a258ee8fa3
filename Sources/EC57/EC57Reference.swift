/// A beat under test, or a reference beat to compare it with.
public struct EC57Beat: Sendable, Equatable {
    /// The R peak, as a sample index of the record.
    public var sampleIndex: Int64
    public var beatClass: EC57Class
    /// The sample at which the beat was reported; nil for a reference beat, and for beats read from a file.
    public var decidedAtSampleIndex: Int64?

    public init(sampleIndex: Int64, beatClass: EC57Class, decidedAtSampleIndex: Int64? = nil) {
        self.sampleIndex = sampleIndex
        self.beatClass = beatClass
        self.decidedAtSampleIndex = decidedAtSampleIndex
    }

    /// Orders beats by time, and two beats at the same sample by the letter of their class, so that a score does not
    /// depend on the order of its input.
    static func precedes(_ a: EC57Beat, _ b: EC57Beat) -> Bool {
        a.sampleIndex != b.sampleIndex ? a.sampleIndex < b.sampleIndex : a.beatClass.letter < b.beatClass.letter
    }
}

/// The reference for one record: its annotated beats, and the ranges that are not scored.
public struct EC57Reference: Sendable {
    /// In order of time.
    public var beats: [EC57Beat]
    /// Ventricular flutter and fibrillation, in samples. Nothing in these ranges is scored, including their end points.
    public var flutter: [ClosedRange<Int64>]
    /// Samples per second.
    public var samplingRate: Double
    /// Length of the record, in samples.
    public var frameCount: Int64

    /// - Parameters:
    ///   - beats: in any order.
    ///   - flutter: ranges that are not scored.
    ///   - samplingRate: samples per second, above 0.
    ///   - frameCount: length of the record, in samples.
    public init(
        beats: [EC57Beat], flutter: [ClosedRange<Int64>] = [], samplingRate: Double, frameCount: Int64
    ) {
        self.beats = beats.sorted(by: EC57Beat.precedes)
        self.flutter = flutter
        self.samplingRate = samplingRate
        self.frameCount = frameCount
    }

    /// Whether a sample lies outside all flutter.
    public func isScored(_ index: Int64) -> Bool { !flutter.contains { $0.contains(index) } }
}
