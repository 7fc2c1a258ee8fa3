import Logging
import Synchronization

/// What one thread of the daemon does: it serves its sockets or its queue until it is asked to end.
///
/// A service is opened, run and closed on one thread.
protocol ThreadService: ~Copyable, SendableMetatype {
    /// Endpoints as bound, with the ports that the system chose. Empty if the service has none.
    var boundEndpoints: [String] { get }

    /// Serves until asked to end, then finishes what has been taken in.
    /// - Throws: an error after which the service cannot go on.
    mutating func run() throws
}

extension ThreadService where Self: ~Copyable {
    var boundEndpoints: [String] { [] }
}

/// A thread that runs one service. It opens the service's sockets, reports them, or why they cannot be opened, shows
/// life while the service runs, and is joined at the end.
final class ServiceThread: Sendable {
    let name: String
    /// What the service shows of its life.
    let activity: ThreadActivity
    private let logger: Logger
    private let thread = Mutex<OSThread?>(nil)

    private typealias Opening = BoundedQueue<Result<[String], StartFailure>>

    /// Nothing runs yet.
    /// - Parameter name: of the thread, in logs and in the watchdog's reports.
    init(name: String, logger: Logger) {
        self.name = name
        self.logger = logger
        activity = ThreadActivity(name: name)
    }

    /// Starts the thread. Returns when the service is open; after an error, the thread has ended.
    /// - Parameter open: makes the service; called on the new thread.
    /// - Returns: the service's endpoints as bound.
    func start<Service: ThreadService & ~Copyable>(
        _ open: @escaping @Sendable (ThreadActivity) throws -> Service
    ) throws(StartFailure) -> [String] {
        let opening = Opening(capacity: 1)
        let thread: OSThread
        do throws(SystemCallError) {
            thread = try OSThread(name: name) { [self] in serve(open, opening) }
        } catch {
            throw .threads(error)
        }
        var results: [Result<[String], StartFailure>] = []
        while results.isEmpty { _ = opening.pop(into: &results, limit: 1, waitingAtMost: 1_000_000_000) }
        switch results[0] {
        case .success(let endpoints):
            self.thread.withLock { $0 = thread }
            return endpoints
        case .failure(let failure):
            thread.join()
            throw failure
        }
    }

    /// Whether its service has been opened; stays true after the end.
    var hasStarted: Bool { thread.withLock { $0 != nil } }

    /// Blocks until the service has ended. Returns at once if it was never started.
    func join() { thread.withLock { $0 }?.join() }

    private func serve<Service: ThreadService & ~Copyable>(
        _ open: (ThreadActivity) throws -> Service, _ opening: Opening
    ) {
        defer { activity.didEnd() }
        do {
            var service = try open(activity)
            _ = opening.push(.success(service.boundEndpoints), waitingAtMost: nil)
            try service.run()
        } catch {
            let failure =
                error as? StartFailure
                ?? StartFailure(words: "thread \(name) cannot begin: \(error)", exitCode: ExitStatus.system)
            // Whoever starts the thread waits for this; once the service runs, nobody does.
            _ = opening.push(.failure(failure), waitingAtMost: 0)
            guard !(error is StartFailure) else { return }
            // The watchdog sees that the thread has ended, and the service manager restarts the daemon.
            logger.critical("thread \(name) cannot go on", metadata: ["error": "\(error)"])
        }
    }
}
