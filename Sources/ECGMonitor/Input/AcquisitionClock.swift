internal import StateCoding

/// The source's own time for each sample: from the stamp of a segment and the count of samples since.
///
/// A stamp that agrees with the count within `tolerance` changes nothing, so that jitter in the stamps, and the way in
/// which samples were cut into segments, do not reach the events. One that disagrees (drift, or a clock that was set)
/// is believed from its own sample on, also when it runs backwards: the time is a label, the order is the index's.
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

    /// Takes the stamp of a segment's first new sample.
    ///
    /// - Parameter stamp: nanoseconds since 1970, 0: unknown.
    /// - Returns: whether the stamp lies before that of the segment before.
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

    /// Starts afresh with another session or sampling rate.
    mutating func restart(samplingRate: Double) {
        self = AcquisitionClock()
        nanosecondsPerSample = 1e9 / samplingRate
    }

    /// When a sample was taken, in nanoseconds since 1970; 0: unknown.
    func time(ofSample index: Int64) -> Int64 {
        guard let current else { return 0 }
        let anchor = index >= current.index ? current : previous ?? current
        return Self.advance(anchor.time, bySamples: index - anchor.index, nanosecondsPerSample)
    }

    /// A stamp so many samples later, clamped to what an Int64 holds; unknown stays unknown.
    static func advance(_ time: Int64, bySamples count: Int64, _ nanosecondsPerSample: Double) -> Int64 {
        guard time != 0 else { return 0 }
        let offset = (Double(count) * nanosecondsPerSample).rounded()
        // Indices end at 2^53 and rates begin at 100: an offset may still be beyond an Int64.
        guard let whole = Int64(exactly: offset) else { return offset < 0 ? .min : .max }
        let (sum, overflow) = time.addingReportingOverflow(whole)
        return overflow ? (whole < 0 ? .min : .max) : sum
    }
}
