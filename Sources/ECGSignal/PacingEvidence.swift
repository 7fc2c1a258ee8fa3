public import StateCoding

/// Decides which pulses are a pacemaker's: those of one pacemaker have the same height again and again. A single
/// artefact, or the pulses that noise imitates, do not.
public struct PacingEvidence: Sendable, Codable {
    /// A pulse counts if this many of the pulses of the last `windowSeconds` resemble it.
    static let likePulses = 4
    static let windowSeconds = 10.0
    /// Once pacing is known, one suffices for this many seconds.
    static let knownSeconds = 120.0
    /// Higher ones, in mV, are no pulses but values that stand for none, or bit errors.
    static let maximumHeight: Float = 25
    /// Heights that differ by less than this factor are alike.
    static let likeness: Float = 1.5
    private static let capacity = 12

    // Parallel arrays of numbers rather than one of structs, because of how the compiler (6.3.1) copies those.
    private var indices = InlineArray<12, Int64>(repeating: 0)
    private var heights = InlineArray<12, Float>(repeating: 0)
    private var added = 0
    /// The last pulse that counted; nil: none so far.
    public private(set) var lastPulse: Int64?
    /// Height of that pulse, in mV.
    private var lastHeight: Float = 0
    /// Pulses that counted.
    public private(set) var count: Int64 = 0
    /// The last pulses that counted.
    private var counted = InlineArray<12, Int64>(repeating: 0)

    public init() {}

    /// - Parameters:
    ///   - index: the pulse's sample.
    ///   - height: in mV.
    ///   - samplingRate: samples per second.
    /// - Returns: whether it is a pacemaker's.
    public mutating func add(at index: Int64, height: Float, samplingRate: Double) -> Bool {
        guard height != 0, abs(height) <= Self.maximumHeight else { return false }
        let window = Int64(Self.windowSeconds * samplingRate)
        var alike = 0
        for place in 0..<min(added, Self.capacity)
        where abs(index - indices[place]) <= window && isLike(heights[place], height) { alike += 1 }
        indices[added % Self.capacity] = index
        heights[added % Self.capacity] = height
        added = added < 1_200_000 ? added + 1 : Self.capacity + (added + 1) % Self.capacity
        guard alike >= (isKnown(at: index, samplingRate: samplingRate) ? 1 : Self.likePulses) else { return false }
        lastPulse = index
        lastHeight = height
        counted[Int(count % 12)] = index
        count += 1
        return true
    }

    /// Height of the pulses to be expected, in mV; 0: no pacing is known.
    public func expectedHeight(at index: Int64, samplingRate: Double) -> Float {
        isKnown(at: index, samplingRate: samplingRate) ? lastHeight : 0
    }

    /// Whether one of the last pulses that counted lies in a range of samples.
    public func hasPulse(in range: ClosedRange<Int64>) -> Bool {
        for place in 0..<Int(min(count, 12)) where range.contains(counted[place]) { return true }
        return false
    }

    private func isKnown(at index: Int64, samplingRate: Double) -> Bool {
        lastPulse.map { Double(index - $0) <= Self.knownSeconds * samplingRate } ?? false
    }

    private func isLike(_ first: Float, _ second: Float) -> Bool {
        let ratio = first / second
        return ratio > 1 / Self.likeness && ratio < Self.likeness
    }
}

extension PacingEvidence: RangeChecked {
    public var isInRange: Bool {
        added >= 0 && count >= 0 && (lastPulse ?? 0) >= 0 && lastHeight.isFinite
            && counted.indices.allSatisfy { counted[$0] >= 0 }
            && heights.indices.allSatisfy { heights[$0].isFinite && indices[$0] >= 0 }
    }
}
