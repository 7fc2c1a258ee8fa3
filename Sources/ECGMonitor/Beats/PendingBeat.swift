internal import ECGATKGAN
internal import ECGSignal
internal import StateCoding

/// A beat whose class waits for the next one: what its event and its class need.
struct PendingBeat: Sendable, Codable, RangeChecked {
    /// The R peak, source rate.
    var sampleIndex: Int64
    /// When it was taken; 0: unknown.
    @FullRange var time: Int64
    var finding: BeatFinding
    /// Since the R peak before, in s; nil: unknown.
    var interval: Double?
    /// The attack suspicion of its window.
    var suspicion: Float
    /// Of the first stage.
    var features: [Float]
    var context: PendingContext

    var isInRange: Bool { features.count == ContextualFeatures.count }
}

extension BeatFinding {
    /// Where its window's values stand among those of the pending beats.
    ///
    /// - Precondition: it has one.
    var windowPlace: Range<Int> {
        let number = Int(window ?? 0)
        return number * BeatWindow.length..<(number + 1) * BeatWindow.length
    }
}

extension BeatMorphology {
    /// The shape of a beat's window; nil: it has none.
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
