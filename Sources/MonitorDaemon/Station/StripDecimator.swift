/// Makes the samples of one lead few enough for a strip of 25 mm/s, and keeps every peak: of each group of samples it
/// gives the least and the greatest, in the order in which they came.
///
/// A monitor's strip shows up to 40 Hz; 120 values a second are more than a screen has pixels for it.
struct StripDecimator {
    /// A value of a strip: 1/200 mV, or `none`.
    typealias Value = Int16

    static let none = Value.min
    static let valuesPerMillivolt: Float = 200
    private static let largest: Float = 32_000

    /// Samples of the source for each value, 1 or more.
    let step: Int
    private var least = Extreme(value: .infinity)
    private var greatest = Extreme(value: -.infinity)

    private struct Extreme {
        var value: Float
        var index: Int64 = 0
    }

    /// How many samples become one value: rates of 100 to 240 values a second come out.
    static func step(ofRate samplesPerSecond: Double) -> Int {
        guard samplesPerSecond.isFinite else { return 1 }
        return max(1, Int(min(samplesPerSecond, 100_000) / 120))
    }

    init(step: Int) { self.step = max(1, step) }

    /// Samples that make a pair of values.
    private var group: Int64 { Int64(step) * 2 }

    /// Takes the sample at an index, in mV; NaN and infinities are no values.
    /// - Returns: two values where a group is complete, or, with a step of 1, one.
    mutating func take(_ millivolts: Float, at index: Int64) -> (Value, Value?)? {
        if step == 1 { return (Self.value(millivolts), nil) }
        if millivolts.isFinite {
            if millivolts < least.value { least = Extreme(value: millivolts, index: index) }
            if millivolts > greatest.value { greatest = Extreme(value: millivolts, index: index) }
        }
        return index % group == group - 1 ? finish() : nil
    }

    /// The group so far; it begins anew.
    mutating func finish() -> (Value, Value?) {
        defer {
            least = Extreme(value: .infinity)
            greatest = Extreme(value: -.infinity)
        }
        guard least.value <= greatest.value else { return (Self.none, Self.none) }
        let (low, high) = (Self.value(least.value), Self.value(greatest.value))
        return least.index <= greatest.index ? (low, high) : (high, low)
    }

    private static func value(_ millivolts: Float) -> Value {
        guard millivolts.isFinite else { return none }
        return Value((min(max(millivolts * valuesPerMillivolt, -largest), largest)).rounded())
    }
}
