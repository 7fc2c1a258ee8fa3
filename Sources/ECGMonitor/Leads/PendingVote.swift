internal import ECGSignal
internal import StateCoding

/// A beat that some leads have shown, held until the others have had their time.
struct PendingVote: Sendable, Codable, RangeChecked {
    /// The beat as one lead shows it.
    struct Sighting: Sendable, Codable {
        var lead: Int
        /// R peak, source rate.
        var rPeak: Int64
        /// mV, signed.
        var amplitude: Float
        var foundBySearchBack: Bool
        /// Unobserved seconds of the session up to the R peak, as this lead counts them.
        var unobservedSeconds: Double
    }

    /// In the order in which they came; at least one, and one for each lead at most.
    var sightings: [Sighting]
    /// The sample at which the decision is taken at the latest, source rate.
    let due: Int64
    /// The beat of the lead in which it is classified; nil if that lead has not shown it. Its window is `window`.
    var finding: BeatFinding?
    /// Pulses of a pacemaker that any lead has shown before it.
    var pacing = BeatPacing()
    /// 280 values, or empty.
    var window: [Float] = []

    var isInRange: Bool {
        !sightings.isEmpty && (window.isEmpty || window.count == BeatWindow.length)
            && (finding?.window == nil) == window.isEmpty
    }

    /// R peak in the lead that showed the beat first.
    var rPeak: Int64 { sightings[0].rPeak }

    func isSeen(in lead: Int) -> Bool { sightings.contains { $0.lead == lead } }

    var heapBytes: Int {
        sightings.capacity * MemoryLayout<Sighting>.stride + window.capacity * MemoryLayout<Float>.stride
    }
}
