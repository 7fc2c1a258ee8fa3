import Synchronization

/// Asks a thread that waits in `poll` to end.
final class StopRequest: Sendable {
    let wakeUp: WakeUp
    private let requested = Atomic<Bool>(false)

    init() throws(SystemCallError) { wakeUp = try WakeUp() }

    var isRequested: Bool { requested.load(ordering: .acquiring) }

    func request() {
        requested.store(true, ordering: .releasing)
        wakeUp.signal()
    }
}
