internal import StateCoding

/// A peak of the integrated signal with the measurements that decide whether it is a QRS complex.
struct QRSCandidate: Sendable, Codable {
    /// Index of the extremum of the band-passed signal under the peak, in input time (with the delay removed).
    var fiducialIndex: Int64 = 0
    /// Apex in the original signal, as an offset from the fiducial.
    private var rPeakOffset: Int16 = 0
    var isFoundBySearchBack = false
    /// Apex relative to the baseline before it, in millivolts.
    var amplitude: Float = 0
    /// Root of the mean squared slope over 150 ms at the integrated peak. The root makes it proportional to the
    /// amplitude, like the band-passed peak, so that a single artefact has less weight in the averages.
    var integratedPeak: Float = 0
    /// Maximum magnitude of the band-passed signal, in microvolts.
    var bandPassedPeak: Float = 0
    /// Maximum magnitude of the slope around the fiducial.
    var slope: Float = 0

    /// Apex in the original signal; set it after `fiducialIndex`.
    var rPeakIndex: Int64 {
        get { fiducialIndex + Int64(rPeakOffset) }
        set { rPeakOffset = Int16(clamping: newValue - fiducialIndex) }
    }
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
