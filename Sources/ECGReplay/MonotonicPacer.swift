import Glibc
import ToolSupport

/// Waits until samples are due, at `rate * speed` samples per second. Due times are counted from the start, never from
/// the previous sample, so that a late sample does not delay those after it.
public struct MonotonicPacer: Sendable {
    private let start: Int64
    /// Samples due per second of the clock; infinite for "as fast as possible".
    private let samplesPerSecond: Double
    /// The maximum lateness so far, in nanoseconds.
    public private(set) var largestLateness: Int64 = 0

    /// - Parameters:
    ///   - samplingRate: samples per second of the signal.
    ///   - speed: 1 is real time; infinity never waits.
    ///   - first: the sample that is due now.
    public init(samplingRate: Double, speed: Double, startingAtSample first: Double = 0) {
        samplesPerSecond = samplingRate * speed
        start = monotonicNanoseconds() - (samplesPerSecond.isFinite ? Int64(first / samplesPerSecond * 1e9) : 0)
    }

    /// Waits until `sample` samples (a fraction is allowed) have become due since the start. Returns false if
    /// interrupted before that.
    public mutating func wait(untilSample sample: Double) -> Bool {
        guard samplesPerSecond.isFinite else { return !Interruption.requested }
        let due = start + Int64(sample / samplesPerSecond * 1e9)
        while !Interruption.requested {
            let remaining = due - monotonicNanoseconds()
            if remaining <= 0 {
                largestLateness = max(largestLateness, -remaining)
                return true
            }
            // At most 50 ms at a time: a signal handled by another thread does not end this thread's sleep.
            sleep(nanoseconds: min(remaining, 50_000_000))
        }
        return false
    }

    private func sleep(nanoseconds: Int64) {
        var duration = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nil)
    }
}
