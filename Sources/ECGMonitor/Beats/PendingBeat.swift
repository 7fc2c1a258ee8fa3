internal import ECGATKGAN
internal import ECGClassification
internal import ECGSignal
internal import StateCoding

/// A beat whose class depends on the next beat, with everything its event and its classification need.
struct PendingBeat: Sendable, Codable, RangeChecked {
    /// The R peak, source rate.
    var sampleIndex: Int64
    /// When the R peak was acquired; 0 if unknown.
    @FullRange var time: Int64
    var finding: BeatFinding
    /// RR interval to the previous R peak, in s; nil if unknown.
    var interval: Double?
    /// The attack suspicion for its window.
    var suspicion: Float
    /// Features from the first stage.
    var features: [Float]
    var context: PendingContext

    var isInRange: Bool { features.count == ContextualFeatures.count }
}

extension BeatFinding {
    /// Range of its window's values among the windows of all pending beats.
    ///
    /// - Precondition: the beat has a window.
    var windowPlace: Range<Int> {
        let number = Int(window ?? 0)
        return number * BeatWindow.length..<(number + 1) * BeatWindow.length
    }
}

extension BeatMorphology {
    /// The morphology of a beat's window; nil if the beat has no window.
    init?(of finding: BeatFinding, in windows: [Float]) {
        guard finding.window != nil else { return nil }
        let place = finding.windowPlace
        let morphology = windows.withUnsafeBufferPointer { windows in
            windows.baseAddress.map { BeatMorphology(window: $0 + place.lowerBound, range: finding.windowRange) }
        }
        guard let morphology else { return nil }
        self = morphology
    }
}
