public import StateCoding

/// Sets aside single samples that no heart and no amplifier makes: a jump faster than any QRS complex that is taken
/// back at once. They come from lost bits, from markers for "no value" among the counts, and from pacemakers.
///
/// A sample that jumps is kept back until the next ones show whether it is such a spike; all others go on at once. A
/// spike is replaced by the straight line between its neighbours.
///
/// A QRS complex lasts 40 ms and more at its base, so half of its height for 20 ms: it cannot come back within 4 ms.
public struct SpikeFilter: Sendable, Codable {
    /// Longest spike, in s.
    static let maximumSeconds = 0.004
    /// Below this rate a single sample may be a QRS complex's apex, and nothing is set aside.
    static let minimumRate = 240.0
    /// Slope that no QRS complex has, in mV/s, and the least jump at high rates, in mV.
    static let maximumSlope: Float = 200
    static let minimumJump: Float = 0.3
    /// ...and so many times the mean step of the last quarter of a second or so: in a rough signal a jump is nothing odd.
    static let roughnessFactor: Float = 8
    static let roughnessWeight: Float = 1 / 64
    /// A spike comes back to within this share of its jump.
    static let returnShare: Float = 0.25

    /// Greater than any voltage until the rate is known.
    private var jump: Float = 1e5
    private var maximumLength = 0
    private var last: Float = 0
    /// Mean absolute step from sample to sample, in mV.
    private var roughness: Float = 0
    private var hasLast = false
    private var held = InlineArray<8, Float>(repeating: 0)
    private var heldCount = 0

    public init() {}

    /// Starts afresh, with a rate in samples a second.
    public mutating func reset(samplingRate: Double) {
        self = SpikeFilter()
        guard samplingRate >= Self.minimumRate else { return }
        jump = max(Self.minimumJump, Self.maximumSlope / Float(samplingRate))
        maximumLength = min(8, max(1, Int(Self.maximumSeconds * samplingRate)))
    }

    /// Takes one sample, and gives those that may go on, in their order.
    ///
    /// - Parameters:
    ///   - sample: in mV, finite.
    ///   - pass: called with each sample that goes on, this one or one that was kept back.
    /// - Returns: how many samples were set aside: 0, or the length of the spike that this sample ended.
    @inline(__always)
    public mutating func step(_ sample: Float, pass: (Float) -> Void) -> Int {
        if heldCount == 0 {
            let size = hasLast ? abs(sample - last) : 0
            if size <= jump || size <= Self.roughnessFactor * roughness {
                hasLast = true
                roughness += Self.roughnessWeight * (size - roughness)
                last = sample
                pass(sample)
            } else {
                hold(sample)
            }
            return 0
        }
        return stepHolding(sample, pass)
    }

    /// What is kept back goes on as it is: nothing comes after it.
    public mutating func flush(pass: (Float) -> Void) {
        for index in 0..<heldCount { pass(held[index]) }
        if heldCount > 0 {
            roughness += Self.roughnessWeight * (abs(held[0] - last) - roughness)
            last = held[heldCount - 1]
        }
        heldCount = 0
    }

    private mutating func hold(_ sample: Float) {
        held[heldCount] = sample
        heldCount += 1
    }

    private mutating func stepHolding(_ sample: Float, _ pass: (Float) -> Void) -> Int {
        var height: Float = 0
        for index in 0..<heldCount { height = max(height, abs(held[index] - last)) }
        if abs(sample - last) <= Self.returnShare * height {
            let length = heldCount
            for index in 0..<length { pass(last + (sample - last) * Float(index + 1) / Float(length + 1)) }
            heldCount = 0
            last = sample
            pass(sample)
            return length
        }
        if heldCount < maximumLength {
            hold(sample)
        } else {
            flush(pass: pass)
            last = sample
            pass(sample)
        }
        return 0
    }
}

extension SpikeFilter: RangeChecked {
    public var isInRange: Bool {
        (0...maximumLength).contains(heldCount) && (0...8).contains(maximumLength) && last.isFinite && roughness >= 0
    }
}
