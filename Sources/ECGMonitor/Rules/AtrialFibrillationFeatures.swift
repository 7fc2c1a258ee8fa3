import ECGATKGAN
import Foundation
internal import StateCoding

/// What tells atrial fibrillation from other rhythms, over the last 30 s (at most 64 beats): how irregular the RR
/// intervals are, and whether there is a P wave before the last 32 of them.
///
/// Intervals to and from V and F beats are left out, as are those above 2.5 s, below 0.2 s, and in noise.
struct AtrialFibrillationFeatures: Sendable, Codable, RangeChecked {
    static let count = 14
    /// For reports; the order of `values`.
    static let names = [
        "change", "changes above 7 %", "changes above 15 %", "variation", "mean RR", "change to the second-last",
        "change to the third-last", "V beats", "S beats", "P amplitude", "P residual", "P ratio", "P correlation",
        "P position",
    ]
    static let spanSeconds: Float = 30
    static let usableIntervals: ClosedRange<Double> = 0.2...2.5
    /// Nothing is said with fewer intervals, or in fewer seconds.
    static let minimumIntervals = 10
    static let minimumChanges = 6
    static let minimumSeconds: Float = 12
    /// Before an interval this short lies the T wave of the beat before, in s.
    static let shortestIntervalWithP: Float = 0.45

    /// Seconds from the beat before, also where the interval is not usable.
    private var elapsed = InlineArray<64, Float>(repeating: 0)
    /// One bit for each of the last 64 beats, the latest lowest.
    private var usable: UInt64 = 0
    private var ventricular: UInt64 = 0
    private var supraventricular: UInt64 = 0
    private var withSegment: UInt64 = 0
    /// Place of the next beat in the rings, and number of beats in them.
    private var next = 0
    private var count = 0
    private var activity = AtrialActivity()

    var isInRange: Bool { (0..<64).contains(next) && (0...64).contains(count) }

    mutating func reset() {
        usable = 0
        ventricular = 0
        supraventricular = 0
        withSegment = 0
        count = 0
    }

    /// Stores the signal before the next beat's QRS complex. `add` follows before the next call.
    mutating func see(_ window: UnsafeBufferPointer<Float>, range: Float) {
        activity.store(window, range: range, at: next % AtrialActivity.beats)
    }

    /// Adds the next beat.
    /// - Parameters:
    ///   - seconds: from the beat before, whether or not this is an RR interval.
    ///   - isInterval: whether it is one, in a signal without noise.
    ///   - hasSegment: whether `see` was called for it.
    mutating func add(seconds: Double, isInterval: Bool, beatClass: BeatClass?, hasSegment: Bool) {
        elapsed[next] = Float(max(0, min(seconds, 1_000)))
        next = (next + 1) % 64
        count = min(count + 1, 64)
        func shift(_ bits: inout UInt64, _ bit: Bool) { bits = bits << 1 | (bit ? 1 : 0) }
        shift(&usable, isInterval && Self.usableIntervals.contains(seconds))
        shift(&ventricular, beatClass == .ventricular || beatClass == .fusion)
        shift(&supraventricular, beatClass == .supraventricular)
        shift(&withSegment, hasSegment && isInterval)
    }

    /// The features, and how many seconds of usable intervals they are from.
    struct Values {
        var features = InlineArray<14, Float>(repeating: 0)
        var seconds: Float = 0
    }

    /// As of the last beat; nil if too little was seen.
    func values() -> Values? {
        var beats = 0
        var span: Float = 0
        var seconds: Float = 0
        while beats < count, span <= Self.spanSeconds {
            if usable & 1 << UInt64(beats) != 0 { seconds += interval(beats) }
            span += interval(beats)
            beats += 1
        }
        let window = beats == 64 ? ~0 : (UInt64(1) << UInt64(beats)) - 1
        let besideVentricular = ventricular | ventricular >> 1
        let used = usable & window & ~besideVentricular
        let changes = used & used >> 1
        guard seconds >= Self.minimumSeconds, used.nonzeroBitCount >= Self.minimumIntervals,
            2 * used.nonzeroBitCount >= (usable & window).nonzeroBitCount,
            changes.nonzeroBitCount >= Self.minimumChanges
        else { return nil }

        var result = Values(seconds: seconds)
        let number = Float(used.nonzeroBitCount)
        var sum: Float = 0
        forEach(in: used) { sum += interval($0) }
        let mean = sum / number
        var squares: Float = 0
        forEach(in: used) { squares += (interval($0) - mean) * (interval($0) - mean) }
        var moderate: Float = 0
        var large: Float = 0
        forEach(in: changes) {
            let change = abs(interval($0) - interval($0 + 1))
            if change > 0.07 * mean { moderate += 1 }
            if change > 0.15 * mean { large += 1 }
        }
        let one = medianChange(changes, back: 1)
        let total = Float(beats)
        result.features[0] = log(one / mean + 0.005)
        result.features[1] = moderate / Float(changes.nonzeroBitCount)
        result.features[2] = large / Float(changes.nonzeroBitCount)
        result.features[3] = (squares / number).squareRoot() / mean
        result.features[4] = mean
        for back in 2...3 {
            let pairs = used & used >> UInt64(back)
            let change = pairs.nonzeroBitCount > 2 ? medianChange(pairs, back: back) : one
            result.features[3 + back] = log(change / mean + 0.005)
        }
        result.features[7] = Float((ventricular & window).nonzeroBitCount) / total
        result.features[8] = Float((supraventricular & window).nonzeroBitCount) / total
        var places: UInt32 = 0
        let last = (UInt64(1) << UInt64(AtrialActivity.beats)) - 1
        forEach(in: withSegment & window & usable & ~besideVentricular & last) {
            if interval($0) >= Self.shortestIntervalWithP { places |= 1 << UInt32(place($0) % AtrialActivity.beats) }
        }
        let atrial = activity.features(of: places)
        result.features[9] = atrial.amplitude
        result.features[10] = atrial.residual
        result.features[11] = atrial.ratio
        result.features[12] = atrial.correlation
        result.features[13] = atrial.position
        return result
    }

    /// - Parameter back: 0 is the last beat.
    private func place(_ back: Int) -> Int { (next + 127 - back) % 64 }
    private func interval(_ back: Int) -> Float { elapsed[place(back)] }

    private func forEach(in bits: UInt64, _ body: (Int) -> Void) {
        var rest = bits
        while rest != 0 {
            body(rest.trailingZeroBitCount)
            rest &= rest - 1
        }
    }

    /// Median difference between an interval and the one `back` beats before it, in s.
    private func medianChange(_ pairs: UInt64, back: Int) -> Float {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { values in
            var count = 0
            forEach(in: pairs) {
                values.initializeElement(at: count, to: abs(interval($0) - interval($0 + back)))
                count += 1
            }
            return UnsafeMutableBufferPointer(rebasing: values[..<count]).sortedMedian()
        }
    }
}
