import Synchronization

/// The configuration in force, for threads that look at it between two pieces of work.
final class LiveSettings: Sendable {
    private let configuration: Mutex<DaemonConfiguration>
    private let generationCount = Atomic<UInt64>(1)

    init(_ configuration: DaemonConfiguration) { self.configuration = Mutex(configuration) }

    /// Grows with every change: a thread that has seen this generation needs no lock.
    var generation: UInt64 { generationCount.load(ordering: .acquiring) }

    var current: DaemonConfiguration { configuration.withLock { $0 } }

    func replace(by new: DaemonConfiguration) {
        configuration.withLock { $0 = new }
        generationCount.add(1, ordering: .releasing)
    }
}
