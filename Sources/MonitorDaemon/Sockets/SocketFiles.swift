import Glibc
import Synchronization

/// The socket files that this process has made. Only these are deleted at the end: somebody may have put something else
/// at the path meanwhile.
enum SocketFiles {
    private static let known = Mutex<[String: FileIdentity]>([:])

    /// - Parameter endpoint: that has just been bound.
    static func remember(_ endpoint: String) {
        guard let path = path(endpoint), let identity = FileIdentity(ofLink: path) else { return }
        known.withLock { $0[path] = identity }
    }

    /// Deletes the file of an ipc endpoint if it is still the one that was made.
    static func remove(_ endpoint: String) {
        guard let path = path(endpoint) else { return }
        guard let made = known.withLock({ $0.removeValue(forKey: path) }), FileIdentity(ofLink: path) == made else {
            return
        }
        unlink(path)
    }

    private static func path(_ endpoint: String) -> String? {
        guard let path = Endpoint.ipcPath(endpoint), !path.hasPrefix("@"), path != "*" else { return nil }
        return path
    }
}

/// Which file it is, whatever its name.
struct FileIdentity: Hashable, Sendable {
    private let device: dev_t
    private let inode: ino_t

    private init(_ status: stat) {
        device = status.st_dev
        inode = status.st_ino
    }

    /// The file at a path, links followed; nil: there is none.
    init?(at path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// What lies at a path, a link being itself; nil: nothing.
    init?(ofLink path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// An open file.
    init?(of descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }
}
