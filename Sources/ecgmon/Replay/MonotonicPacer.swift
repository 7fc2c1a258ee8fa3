import Glibc

/// Nanoseconds of CLOCK_MONOTONIC: never set back, not moved by a change of the time of day.
func monotonicNanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// UTC as nanoseconds since 1970.
func wallClockNanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// Says when a sample is due when `rate * speed` samples pass a second. Due times are counted from the start, never
/// from the sample before, so that lateness of one does not shift those after it.
struct MonotonicPacer {
    private let start: Int64
    /// Samples due in a second of the clock; infinite for "as fast as it goes".
    private let samplesPerSecond: Double
    /// The most that anything was late, in nanoseconds.
    private(set) var largestLateness: Int64 = 0

    /// - Parameter speed: 1 is real time; infinity does not wait at all.
    /// - Parameter first: the sample that is due now.
    init(samplingRate: Double, speed: Double, startingAtSample first: Double = 0) {
        samplesPerSecond = samplingRate * speed
        start = monotonicNanoseconds() - (samplesPerSecond.isFinite ? Int64(first / samplesPerSecond * 1e9) : 0)
    }

    /// Waits until `sample` samples (a fraction is allowed) since the start have passed. Returns false when
    /// interrupted before that.
    mutating func wait(untilSample sample: Double) -> Bool {
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
