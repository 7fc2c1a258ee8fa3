public import StateCoding

/// Removes isolated samples that neither a heart nor an amplifier can produce: a jump faster than any QRS complex that
/// is reversed at once. They come from bit errors, from "no value" markers among the counts, and from pacemakers.
///
/// A sample that jumps is held back until the next ones show whether it is such a spike; all others pass at once. A
/// spike is replaced by a straight line between its neighbours.
///
/// A QRS complex is at least 40 ms wide at its base, so 20 ms at half its height: it cannot return within 4 ms.
public struct SpikeFilter: Sendable, Codable {
    /// Maximum duration of a spike, in s.
    static let maximumSeconds = 0.004
    /// Below this rate a single sample may be the apex of a QRS complex, so nothing is removed.
    static let minimumRate = 240.0
    /// Slope that no QRS complex reaches, in mV/s, and the minimum jump at high rates, in mV.
    static let maximumSlope: Float = 200
    static let minimumJump: Float = 0.3
    /// ...and this many times the mean step of about the last quarter of a second: in a rough signal a jump is normal.
    static let roughnessFactor: Float = 8
    static let roughnessWeight: Float = 1 / 64
    /// A spike returns to within this fraction of its jump.
    static let returnShare: Float = 0.25

    /// Larger than any voltage until the rate is known.
    private var jump: Float = 1e5
    private var maximumLength = 0
    private var last: Float = 0
    /// Mean absolute step from sample to sample, in mV.
    private var roughness: Float = 0
    private var hasLast = false
    private var pending = InlineArray<8, Float>(repeating: 0)
    private var pendingCount = 0
    /// Step from the sample before the last one to the last one, in mV.
    private var lastStep: Float = 0
    /// Extreme value of the last spike above (or, negative, below) the sample before it, in mV; 0 if the signal was
    /// already moving nearly as fast, as it does at the apex of a tall QRS complex.
    public private(set) var lastHeight: Float = 0

    public init() {}

    /// Restarts, with a rate in samples per second.
    public mutating func reset(samplingRate: Double) {
        self = SpikeFilter()
        guard samplingRate >= Self.minimumRate else { return }
        jump = max(Self.minimumJump, Self.maximumSlope / Float(samplingRate))
        maximumLength = min(8, max(1, Int(Self.maximumSeconds * samplingRate)))
    }

    /// Takes one sample and passes on those that are ready, in order.
    ///
    /// - Parameters:
    ///   - sample: in mV, finite.
    ///   - pass: called with each sample that is passed on: this one or one that was held back.
    /// - Returns: how many samples were removed: 0, or the length of the spike that ended with this sample.
    @inline(__always)
    public mutating func step(_ sample: Float, pass: (Float) -> Void) -> Int {
        if pendingCount == 0 {
            let size = hasLast ? abs(sample - last) : 0
            if size <= jump || size <= Self.roughnessFactor * roughness {
                lastStep = hasLast ? sample - last : 0
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

    /// Passes on the samples held back, unchanged: no more samples follow.
    public mutating func flush(pass: (Float) -> Void) {
        for index in 0..<pendingCount { pass(pending[index]) }
        if pendingCount > 0 {
            roughness += Self.roughnessWeight * (abs(pending[0] - last) - roughness)
            lastStep = pending[pendingCount - 1] - (pendingCount > 1 ? pending[pendingCount - 2] : last)
            last = pending[pendingCount - 1]
        }
        pendingCount = 0
    }

    private mutating func hold(_ sample: Float) {
        pending[pendingCount] = sample
        pendingCount += 1
    }

    private mutating func stepHolding(_ sample: Float, _ pass: (Float) -> Void) -> Int {
        var height: Float = 0
        for index in 0..<pendingCount { height = max(height, abs(pending[index] - last)) }
        if abs(sample - last) <= Self.returnShare * height {
            let length = pendingCount
            lastHeight = 0
            for index in 0..<length where abs(pending[index] - last) > abs(lastHeight) {
                lastHeight = pending[index] - last
            }
            if abs(lastHeight) < 3 * abs(lastStep) { lastHeight = 0 }
            for index in 0..<length { pass(last + (sample - last) * Float(index + 1) / Float(length + 1)) }
            pendingCount = 0
            last = sample
            pass(sample)
            return length
        }
        if pendingCount < maximumLength {
            hold(sample)
        } else {
            flush(pass: pass)
            lastStep = sample - last
            last = sample
            pass(sample)
        }
        return 0
    }
}

extension SpikeFilter: RangeChecked {
    public var isInRange: Bool {
        (0...maximumLength).contains(pendingCount) && (0...8).contains(maximumLength) && last.isFinite && roughness >= 0
            && lastHeight.isFinite && lastStep.isFinite
    }
}
