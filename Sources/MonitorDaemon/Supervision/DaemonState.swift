import Synchronization

/// What the daemon is doing, for the pages and the health topic.
final class DaemonState: Sendable {
    enum Phase: UInt8, AtomicRepresentable, Sendable { case starting, ready, stopping }

    private let phaseStorage = Atomic<Phase>(.starting)
    private let stuckThreads = Mutex<[String]>([])
    private let lastLook = Atomic<UInt64>(DaemonClock.monotonic())
    /// How long the supervision may go without looking, in ns: as long as any other thread without a sign of life.
    let patienceNanoseconds: UInt64

    /// How long a thread may show no life if the service manager does not ask for a watchdog, in ns.
    static let defaultPatience: UInt64 = 10_000_000_000

    /// - Parameter watchdogInterval: what the service manager asks for, in ns; nil: nothing. Threads have half of it,
    ///   so that what hangs is noticed well before the service manager itself runs out of patience.
    init(watchdogInterval: UInt64? = nil) {
        patienceNanoseconds = watchdogInterval.map { $0 / 2 } ?? Self.defaultPatience
    }

    var phase: Phase {
        get { phaseStorage.load(ordering: .acquiring) }
        set { phaseStorage.store(newValue, ordering: .releasing) }
    }

    /// The supervision has looked at all threads.
    func didLook() { lastLook.store(DaemonClock.monotonic(), ordering: .releasing) }

    /// Everything without a sign of life: the threads as of the last look, and the supervision itself if it no longer
    /// looks. So what is told of them is never older than their patience.
    var silent: [String] {
        let age = DaemonClock.elapsed(since: lastLook.load(ordering: .acquiring))
        return age > patienceNanoseconds ? ["supervision"] + stuck : stuck
    }

    /// Threads without a sign of life, as of the last look.
    var stuck: [String] {
        get { stuckThreads.withLock { $0 } }
        set { stuckThreads.withLock { $0 = newValue } }
    }
}
