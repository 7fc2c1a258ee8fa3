internal import StateCoding

/// The source's own time for each sample, derived from a sample block's timestamp and the number of samples since.
///
/// A timestamp that agrees with the sample count within `tolerance` changes nothing, so neither timestamp jitter nor
/// the way samples are divided into blocks affects the events. A timestamp that disagrees (because of drift, or
/// because the clock was set) is accepted from its own sample on, even if it runs backwards: time is only a label;
/// the sample index determines the order.
struct AcquisitionClock: Sendable, Codable {
    /// Nanoseconds.
    static let tolerance: Int64 = 20_000_000

    private struct Anchor: Sendable, Codable {
        var index: Int64
        @FullRange var time: Int64
    }

    private var current: Anchor?
    /// Valid for the samples before `current`.
    private var previous: Anchor?
    @FullRange private var lastStamp: Int64 = 0
    private var nanosecondsPerSample: Double = 0

    /// Receives the timestamp of a sample block's first new sample.
    ///
    /// - Parameter stamp: nanoseconds since 1970; 0 if unknown.
    /// - Returns: whether the timestamp is earlier than that of the previous block.
    mutating func take(stamp: Int64, forSample index: Int64) -> Bool {
        guard stamp != 0 else { return false }
        let wentBackwards = lastStamp != 0 && stamp < lastStamp
        lastStamp = stamp
        let (difference, overflow) = stamp.subtractingReportingOverflow(time(ofSample: index))
        if current == nil || overflow || difference > Self.tolerance || difference < -Self.tolerance {
            previous = current
            current = Anchor(index: index, time: stamp)
        }
        return wentBackwards
    }

    /// Starts over for a new session or sampling rate.
    mutating func restart(samplingRate: Double) {
        self = AcquisitionClock()
        nanosecondsPerSample = 1e9 / samplingRate
    }

    /// When a sample was acquired, in nanoseconds since 1970; 0 if unknown.
    func time(ofSample index: Int64) -> Int64 {
        guard let current else { return 0 }
        let anchor = index >= current.index ? current : previous ?? current
        return Self.advance(anchor.time, bySamples: index - anchor.index, nanosecondsPerSample)
    }

    /// The timestamp `count` samples later, clamped to the range of Int64; an unknown timestamp stays unknown.
    static func advance(_ time: Int64, bySamples count: Int64, _ nanosecondsPerSample: Double) -> Int64 {
        guard time != 0 else { return 0 }
        let offset = (Double(count) * nanosecondsPerSample).rounded()
        // Indices end at 2^53 and rates begin at 100, so an offset may still exceed the range of Int64.
        guard let whole = Int64(exactly: offset) else { return offset < 0 ? .min : .max }
        let (sum, overflow) = time.addingReportingOverflow(whole)
        return overflow ? (whole < 0 ? .min : .max) : sum
    }
}
