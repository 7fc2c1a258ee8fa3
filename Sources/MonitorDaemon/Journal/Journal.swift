import GRDB
import Glibc
import Logging
import Synchronization

/// The journal of this run of the daemon: where it is, and its queue.
struct Journal: Sendable {
    let path: String
    let queue: BoundedQueue<JournalRound>
    /// Grows whenever a new file is begun: whoever reads the journal opens it again.
    let generation = JournalGeneration()
    /// Bytes that may wait in the queue.
    static let queueBytes = 128_000_000

    init(path: String, settings: DaemonConfiguration.Journal) {
        self.path = path
        queue = BoundedQueue(capacity: settings.queueRounds, costLimit: Self.queueBytes) { $0.cost }
    }

    /// The path of the journal's file. A relative path starts from the state directory that the service manager names;
    /// nil: there is no journal.
    static func path(_ settings: DaemonConfiguration.Journal, stateDirectory: String?) -> String? {
        guard !settings.path.isEmpty else { return nil }
        if settings.path.hasPrefix("/") { return settings.path }
        // systemd.exec(5): several are divided by colons.
        guard let directory = stateDirectory?.split(separator: ":").first else { return nil }
        return "\(directory)/\(settings.path)"
    }

    static var stateDirectory: String? { getenv("STATE_DIRECTORY").map { String(cString: $0) } }

    /// Opens the file: to be called on the thread that writes it.
    func open(_ settings: DaemonConfiguration.Journal, _ logger: Logger) throws(StartFailure) -> JournalDatabase {
        do throws(JournalDatabase.Failure) {
            return try JournalDatabase(path: path, synchronous: settings.synchronous) { aside in
                logger.critical("the journal was damaged; a new one begins", metadata: ["put_aside": "\(aside)"])
            }
        } catch {
            throw Self.failure(path, error)
        }
    }

    private static func failure(_ path: String, _ error: JournalDatabase.Failure) -> StartFailure {
        let reason =
            switch error {
            case .locked: "another daemon writes it"
            case .newer(let version): "it is of version \(version), which a later ecgmond made"
            case .database(let error): error.message ?? "\(error.resultCode)"
            case .system(let error): "\(error)"
            }
        return StartFailure(
            words:
                "cannot open the journal \(path): \(reason); choose another with --journal, or none with --no-journal",
            exitCode: ExitStatus.cannotCreate)
    }
}

/// Which file of this run the journal is in: 0, and one more for each that was begun because the one before was deleted
/// or replaced. Any thread.
final class JournalGeneration: Sendable {
    private let storage = Atomic<Int>(0)
    var number: Int { storage.load(ordering: .acquiring) }
    func advance() { storage.add(1, ordering: .releasing) }
}
