import Glibc

/// The two clocks of the daemon, in nanoseconds. They serve latencies, periods and time stamps only: no event that is
/// decided by samples depends on them.
enum DaemonClock {
    /// `CLOCK_MONOTONIC`: never set back, counts from the start of the machine.
    static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Nanoseconds since a time of the monotonic clock; 0 where that lies ahead. The clock never runs backwards, but a
    /// virtual machine's processors may disagree by a little, and a difference that wraps round would be a time of
    /// centuries.
    static func elapsed(since time: UInt64) -> UInt64 {
        let now = monotonic()
        return now > time ? now - time : 0
    }

    /// UTC, nanoseconds since 1970-01-01. It may jump in both directions. It stamps what is kept, and decides only how
    /// long an event is kept and when a key expires.
    static func utc() -> Int64 { Int64(clamping: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        let (seconds, overflow) = UInt64(clamping: time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : seconds + min(UInt64(clamping: time.tv_nsec), .max - seconds)
    }
}
