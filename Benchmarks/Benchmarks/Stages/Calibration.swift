import Glibc

/// A piece of work that never changes, by which a stage's cost is expressed: thresholds then hold on other machines,
/// and other work on the machine disturbs both alike.
///
/// A chain of dependent additions and multiplications, and a walk through 64 KiB of memory.
struct Calibration {
    private let table: [Float]

    init() { table = (0..<16_384).map { Float(($0 * 7_919) % 16_384) / 16_384 } }

    /// - Returns: processor time of one piece, in ns; the least of three.
    func measure() -> Double {
        var least = Double.infinity
        for _ in 0..<3 {
            let start = processorNanoseconds()
            var value: Float = 0.5
            for round in 0..<20 {
                for entry in table { value = value * 0.499 + entry * 0.5 + Float(round) * 1e-9 }
            }
            let time = processorNanoseconds() - start
            // The value is used, or the compiler leaves the work out.
            if value.isFinite { least = min(least, time) }
        }
        return least
    }
}

/// Processor time of this thread.
func processorNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}
