import Glibc

/// The files that an open journal consists of. They may be deleted or replaced by others while it is open, which SQLite
/// does not report: it goes on writing to files that nobody can find any more.
struct JournalFiles: Sendable {
    static let suffixes = ["", "-wal", "-shm"]

    private let path: String
    /// By suffix: those that were there when the journal was opened.
    private let opened: [String: FileIdentity]

    /// - Parameter path: of a journal that has just been opened, and written to.
    init(openedAt path: String) {
        self.path = path
        var opened: [String: FileIdentity] = [:]
        for suffix in Self.suffixes { opened[suffix] = FileIdentity(at: path + suffix) }
        self.opened = opened
    }

    /// Whether each of them is still where it was.
    var areInPlace: Bool {
        opened[""] != nil && opened.allSatisfy { FileIdentity(at: path + $0.key) == $0.value }
    }

    /// Moves whatever lies at the journal's paths aside, so that new files can be made there. Nothing is deleted.
    /// - Returns: what was moved, and whether it belongs to the open journal; empty: nothing was there.
    func moveAside() throws(SystemCallError) -> [(path: String, isOwn: Bool)] {
        let aside = "\(path).replaced-\(DaemonClock.utc() / 1_000_000)"
        var moved: [(path: String, isOwn: Bool)] = []
        for suffix in Self.suffixes {
            guard let found = FileIdentity(ofLink: path + suffix) else { continue }
            guard rename(path + suffix, aside + suffix) == 0 else {
                throw SystemCallError(call: "rename \(path + suffix)")
            }
            moved.append((aside + suffix, found == opened[suffix]))
        }
        return moved
    }

    /// Deletes the files of a journal that could not be begun.
    static func delete(at path: String) {
        for suffix in suffixes { unlink(path + suffix) }
    }
}

/// Two daemons must not write one journal.
final class FileLock {
    private let descriptor: Int32
    private let path: String

    init(path: String) throws(JournalDatabase.Failure) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw .system(SystemCallError(call: "open \(path)")) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            throw .locked
        }
    }

    /// Whether others still meet this lock: its file has not been deleted or replaced.
    var isInPlace: Bool { FileIdentity(at: path).map { $0 == FileIdentity(of: descriptor) } ?? false }

    deinit { Glibc.close(descriptor) }
}
