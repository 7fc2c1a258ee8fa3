import Glibc

/// The two clocks of the daemon, in nanoseconds. Nothing between a sample and its event uses either: they serve
/// latency, periods and stamps only.
enum DaemonClock {
    /// `CLOCK_MONOTONIC`: never set back, counts from the start of the machine.
    static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// UTC, nanoseconds since 1970-01-01.
    static func utc() -> Int64 { Int64(clamping: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(clamping: time.tv_sec) * 1_000_000_000 + UInt64(clamping: time.tv_nsec)
    }
}
