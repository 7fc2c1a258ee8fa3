internal import StateCoding

/// A peak of the integrated signal with the measurements that decide whether it is a QRS complex.
struct QRSCandidate: Sendable, Codable {
    /// Index of the extremum of the band-passed signal under the peak, in input time (with the delay removed).
    var fiducialIndex: Int64 = 0
    /// Apex in the original signal, as an offset from the fiducial.
    private var rPeakOffset: Int8 = 0
    var isFoundBySearchBack = false
    private var shape = Shape()
    /// Share of the slope's energy, of 255, that lies within 67 ms of the 150 ms of integration.
    private var concentrationOf255: UInt8 = 0
    /// Apex relative to the baseline before it, in millivolts.
    var amplitude: Float = 0
    /// Root of the mean squared slope over 150 ms at the integrated peak. The root makes it proportional to the
    /// amplitude, like the band-passed peak, so that a single artefact has less weight in the averages.
    var integratedPeak: Float = 0
    /// Maximum magnitude of the band-passed signal, in microvolts.
    var bandPassedPeak: Float = 0
    /// Maximum magnitude of the slope around the fiducial.
    var slope: Float = 0
    /// Peak-to-peak height of the original signal within 100 ms of the fiducial, in millivolts.
    var height: Float = 0

    /// In one byte, because a stream keeps some hundred candidates.
    private struct Shape: OptionSet, Codable {
        let rawValue: UInt8
        static let endsPreviousComplex = Shape(rawValue: 1)
        static let isInMuscleNoise = Shape(rawValue: 2)

        mutating func set(_ mark: Shape, _ isSet: Bool) {
            if isSet { insert(mark) } else { remove(mark) }
        }
    }

    /// Whether the signal has stayed on one side of its level since the previous peak: both are slopes of one complex.
    var endsPreviousComplex: Bool {
        get { shape.contains(.endsPreviousComplex) }
        set { shape.set(.endsPreviousComplex, newValue) }
    }

    /// Whether the signal beside the peak is as fine and, for the peak's height, as strong as muscle noise.
    var isInMuscleNoise: Bool {
        get { shape.contains(.isInMuscleNoise) }
        set { shape.set(.isInMuscleNoise, newValue) }
    }

    /// Apex in the original signal; set it after `fiducialIndex`.
    var rPeakIndex: Int64 {
        get { fiducialIndex + Int64(rPeakOffset) }
        set { rPeakOffset = Int8(clamping: newValue - fiducialIndex) }
    }

    /// Share of the slope's energy that lies within 67 ms of the 150 ms of integration: 0.45 in steady noise, 0.8 and
    /// more in a narrow complex.
    var concentration: Float {
        get { Float(concentrationOf255) / 255 }
        set { concentrationOf255 = UInt8(max(0, min(255, newValue * 255))) }
    }

    /// Band-passed peak in relation to the height, in microvolts per millivolt: the narrower a wave, the larger.
    var sharpness: Float { height > 0 ? bandPassedPeak / height : 0 }
}

/// A queue of at most `capacity` candidates in order of time, stored inline.
struct CandidateQueue: Sendable {
    static let capacity = 32
    private var items = InlineArray<32, QRSCandidate>(repeating: QRSCandidate())
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> QRSCandidate {
        get { items[(head + index) & (Self.capacity - 1)] }
        set { items[(head + index) & (Self.capacity - 1)] = newValue }
    }

    /// Appends a candidate; if the queue is full, the oldest is dropped.
    mutating func append(_ candidate: QRSCandidate) {
        if count == Self.capacity { removeFirst() }
        items[(head + count) & (Self.capacity - 1)] = candidate
        count += 1
    }

    mutating func removeFirst() {
        head = (head + 1) & (Self.capacity - 1)
        count -= 1
    }

    /// Removes all candidates before an index.
    mutating func removeAll(before fiducialIndex: Int64) {
        while count > 0, self[0].fiducialIndex < fiducialIndex { removeFirst() }
    }

    mutating func removeAll() {
        head = 0
        count = 0
    }
}

/// Encoded as the list of its candidates.
extension CandidateQueue: Codable {
    init(from decoder: any Decoder) throws {
        let candidates = try [QRSCandidate](from: decoder)
        let isOrdered = zip(candidates, candidates.dropFirst()).allSatisfy { $0.fiducialIndex <= $1.fiducialIndex }
        guard candidates.count <= Self.capacity, isOrdered else { throw StateCodingError.outOfRange("CandidateQueue") }
        for candidate in candidates { append(candidate) }
    }

    func encode(to encoder: any Encoder) throws { try (0..<count).map { self[$0] }.encode(to: encoder) }
}
