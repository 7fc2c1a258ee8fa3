internal import StateCoding

/// The technical alert *clock disagrees*: the source's time stamps run faster or slower than its samples. Then the
/// sampling rate that it declares is wrong, and with it every interval and rate, or its clock is.
///
/// The stamps are compared over stretches of `stretchSeconds`. It starts after three that deviate in the same direction
/// by `minimumDeviation` and more, and by `minimumSeconds` in all, so a clock that is set, stamps that jitter, and stamps
/// in whole seconds are no reason; the crystals of two devices differ a hundred times less. It ends with the first
/// stretch that does not deviate. Samples without time stamps are not judged.
struct SourceClockRule: Sendable, Codable, RangeChecked {
    static let stretchSeconds: Double = 20
    static let minimumDeviation = 0.005
    static let minimumSeconds: Double = 1.5
    static let minimumStretches = 3
    /// A stretch in which the stamps run faster or slower by this factor is one in which the clock was set.
    static let greatestFactor: Double = 2

    private struct Mark: Sendable, Codable {
        var index: Int64
        @FullRange var time: Int64
    }

    /// Where the current stretch began, and the first of those that deviate.
    private var start: Mark?
    private var first: Mark?
    private var stretches = 0
    private var isFast = false

    var isInRange: Bool { stretches >= 0 }

    /// The session or the sampling rate is a new one.
    mutating func reset(alerts: inout AlertManager) {
        alerts.end(.clockDisagrees, .cleared, at: alerts.now.sampleIndex)
        self = SourceClockRule()
    }

    /// - Parameters:
    ///   - index: the sample up to which the signal has come.
    ///   - time: its time stamp in nanoseconds since 1970; 0 if unknown.
    mutating func clock(at index: Int64, time: Int64, alerts: inout AlertManager) {
        guard time != 0, let start else {
            self.start = time == 0 ? nil : Mark(index: index, time: time)
            return
        }
        let seconds = alerts.now.seconds(from: start.index, to: index)
        guard seconds >= Self.stretchSeconds else { return }
        let now = Mark(index: index, time: time)
        self.start = now
        let ratio = Self.seconds(from: start, to: now) / seconds
        guard abs(ratio - 1) >= Self.minimumDeviation, ratio > 1 / Self.greatestFactor, ratio < Self.greatestFactor
        else {
            (stretches, first) = (0, nil)
            return alerts.end(.clockDisagrees, .cleared, at: index)
        }
        if stretches == 0 || isFast != (ratio > 1) {
            alerts.end(.clockDisagrees, .cleared, at: index)
            (stretches, first, isFast) = (0, start, ratio > 1)
        }
        stretches = min(stretches + 1, 1_000_000)
        guard let first, stretches >= Self.minimumStretches else { return }
        let whole = alerts.now.seconds(from: first.index, to: index)
        let disagreement = abs(Self.seconds(from: first, to: now) - whole)
        guard disagreement >= Self.minimumSeconds else { return }
        let percent = fixed(100 * disagreement / whole, decimals: 1)
        let text = "time stamps run \(percent) % \(isFast ? "fast" : "slow") against the samples"
        alerts.start(.clockDisagrees, onset: first.index, text: text)
        alerts.update(.clockDisagrees, text: text)
    }

    private static func seconds(from start: Mark, to end: Mark) -> Double {
        (Double(end.time) - Double(start.time)) * 1e-9
    }
}
