import Glibc
import ToolSupport

/// Waits until samples are due when `rate * speed` of them pass in a second. Due times are counted from the start, never
/// from the sample before, so that lateness of one does not shift those after it.
public struct MonotonicPacer: Sendable {
    private let start: Int64
    /// Samples due in a second of the clock; infinite for "as fast as it goes".
    private let samplesPerSecond: Double
    /// The greatest lateness so far, in nanoseconds.
    public private(set) var largestLateness: Int64 = 0

    /// - Parameters:
    ///   - samplingRate: samples a second of the signal.
    ///   - speed: 1 is real time; infinity does not wait at all.
    ///   - first: the sample that is due now.
    public init(samplingRate: Double, speed: Double, startingAtSample first: Double = 0) {
        samplesPerSecond = samplingRate * speed
        start = monotonicNanoseconds() - (samplesPerSecond.isFinite ? Int64(first / samplesPerSecond * 1e9) : 0)
    }

    /// Waits until `sample` samples (a fraction is allowed) since the start have passed. Returns false when
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
            // At most 50 ms at a time: a signal taken by another thread does not end this thread's sleep.
            sleep(nanoseconds: min(remaining, 50_000_000))
        }
        return false
    }

    private func sleep(nanoseconds: Int64) {
        var duration = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nil)
    }
}
