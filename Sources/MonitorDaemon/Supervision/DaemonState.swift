import Synchronization

/// What the daemon is doing, for the pages and the health topic.
final class DaemonState: Sendable {
    enum Phase: UInt8, AtomicRepresentable, Sendable { case starting, ready, stopping }

    private let phaseStorage = Atomic<Phase>(.starting)
    private let stuckThreads = Mutex<[String]>([])

    var phase: Phase {
        get { phaseStorage.load(ordering: .acquiring) }
        set { phaseStorage.store(newValue, ordering: .releasing) }
    }

    /// Threads without a sign of life, as of the last look.
    var stuck: [String] {
        get { stuckThreads.withLock { $0 } }
        set { stuckThreads.withLock { $0 = newValue } }
    }
}
