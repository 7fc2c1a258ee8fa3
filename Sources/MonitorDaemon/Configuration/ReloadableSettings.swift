import Synchronization

/// The configuration in force. SIGHUP replaces it while all threads run.
final class ReloadableSettings: Sendable {
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

/// One thread's view of the configuration: it changes only between two pieces of the thread's work, and takes a lock
/// only when there is something new.
final class SettingsView {
    private let source: ReloadableSettings
    private var generation: UInt64
    private(set) var current: DaemonConfiguration

    init(_ source: ReloadableSettings) {
        self.source = source
        generation = source.generation
        current = source.current
    }

    /// - Returns: whether the configuration has changed since the last call.
    @discardableResult
    func refresh() -> Bool {
        guard source.generation != generation else { return false }
        generation = source.generation
        current = source.current
        return true
    }
}
