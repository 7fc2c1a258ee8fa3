internal import StateCoding

/// The last samples of a stream, addressed by their absolute index.
///
/// A ring buffer whose capacity is a power of two: one store per sample, no allocation after `init`.
public struct SampleHistory: Sendable {
    /// Index of the next sample to append.
    public private(set) var endIndex: Int64
    /// Index of the first sample since the last reset.
    public private(set) var firstIndexSinceReset: Int64
    private var ring: ContiguousArray<Float>
    private let mask: Int

    /// - Parameters:
    ///   - capacity: minimum number of samples kept, rounded up to a power of two. The default keeps 11 s at 360 Hz.
    ///   - startIndex: index of the first sample.
    public init(capacity: Int = 4_096, startIndex: Int64 = 0) {
        precondition(capacity > 0, "a history keeps at least one sample")
        var size = 1
        while size < capacity { size *= 2 }
        ring = ContiguousArray(repeating: 0, count: size)
        mask = size - 1
        endIndex = startIndex
        firstIndexSinceReset = startIndex
    }

    /// Number of samples kept.
    public var capacity: Int { ring.count }

    /// Index of the oldest sample still available.
    public var startIndex: Int64 { max(firstIndexSinceReset, endIndex - Int64(ring.count)) }

    /// Appends the sample with index `endIndex`.
    public mutating func append(_ millivolts: Float) {
        ring[Int(truncatingIfNeeded: endIndex) & mask] = millivolts
        endIndex += 1
    }

    /// Discards everything; the next sample has the given index.
    public mutating func reset(startIndex: Int64) {
        endIndex = startIndex
        firstIndexSinceReset = startIndex
    }

    /// The sample with an index, or nil if it is not available (any more, or yet).
    public subscript(index: Int64) -> Float? {
        guard index >= startIndex, index < endIndex else { return nil }
        return ring[Int(truncatingIfNeeded: index) & mask]
    }

    /// Copies the samples `first ..< first + destination.count`.
    ///
    /// - Returns: false, with the destination untouched, if any of them is missing.
    public func copy(from first: Int64, into destination: UnsafeMutableBufferPointer<Float>) -> Bool {
        guard first >= startIndex, first + Int64(destination.count) <= endIndex else { return false }
        for offset in destination.indices {
            destination[offset] = ring[Int(truncatingIfNeeded: first &+ Int64(offset)) & mask]
        }
        return true
    }

    /// Copies the beat window centred on an R peak, unscaled: `BeatWindow.length` samples.
    ///
    /// - Returns: false, with the destination untouched, if part of the window is missing: the beat lies at the edge of
    ///   a gap or of the record, or its window is not complete yet.
    public func copy(windowCentredOn rPeakIndex: Int64, into destination: UnsafeMutableBufferPointer<Float>) -> Bool {
        precondition(destination.count == BeatWindow.length, "a beat window has \(BeatWindow.length) samples")
        return copy(from: rPeakIndex - Int64(BeatWindow.samplesBeforeRPeak), into: destination)
    }
}

/// Encoded as the samples that are available.
extension SampleHistory: Codable {
    private enum CodingKeys: CodingKey {
        case capacity, endIndex, firstIndexSinceReset, samples
    }

    /// Maximum capacity that is decoded.
    private static let largestCapacity = 1 << 16

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let capacity = try container.decode(Int.self, forKey: .capacity)
        let endIndex = try container.decode(Int64.self, forKey: .endIndex)
        let first = try container.decode(Int64.self, forKey: .firstIndexSinceReset)
        let samples = try container.decode([Float].self, forKey: .samples)
        guard (1...Self.largestCapacity).contains(capacity), capacity.nonzeroBitCount == 1, first >= 0,
            endIndex >= first,
            samples.count == Int(min(endIndex - first, Int64(capacity)))
        else { throw StateCodingError.outOfRange("SampleHistory") }
        self.init(capacity: capacity, startIndex: endIndex - Int64(samples.count))
        for sample in samples { append(sample) }
        firstIndexSinceReset = first
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(capacity, forKey: .capacity)
        try container.encode(endIndex, forKey: .endIndex)
        try container.encode(firstIndexSinceReset, forKey: .firstIndexSinceReset)
        var samples = [Float](repeating: 0, count: Int(endIndex - startIndex))
        _ = samples.withUnsafeMutableBufferPointer { copy(from: startIndex, into: $0) }
        try container.encode(samples, forKey: .samples)
    }
}
