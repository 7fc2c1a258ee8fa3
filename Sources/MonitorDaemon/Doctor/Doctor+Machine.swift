import CSystemd
import FoundationEssentials
import Glibc

extension Doctor {
    /// Where the unit keeps the journal.
    private static let stateFolder = "/var/lib/ecgmon"
    /// The write-ahead log comes on top of the journal.
    private static let logBytes = 64 << 20

    /// The journal, and the room that it has.
    func journal() -> [Finding] {
        guard !configuration.journal.path.isEmpty else {
            return [
                .warning(
                    "journal",
                    "none: what is on its way when the daemon ends is lost, and nothing can be asked about the past",
                    next: "set journal.path")
            ]
        }
        let isService = access(Self.stateFolder, F_OK) == 0
        guard
            let path = Journal.path(
                configuration.journal,
                stateDirectory: Journal.stateDirectory ?? (isService ? Self.stateFolder : nil))
        else {
            return [
                .warning(
                    "journal", "its path is relative, and no service manager gives a folder for it: there will be none",
                    next: "start the daemon as the service, or give an absolute journal.path")
            ]
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        guard access(folder, F_OK) == 0 else {
            return [.problem("journal", "there is no folder \(folder)", next: "mkdir -p \(folder)")]
        }
        guard access(folder, W_OK | X_OK) == 0 else {
            return [.problem("journal", "this user cannot write to \(folder)", next: "run as the service's user")]
        }
        return [state(of: path)] + owner(of: path) + disk(folder, journal: path)
    }

    private func state(of path: String) -> Finding {
        var status = stat()
        guard stat(path, &status) == 0 else { return .ok("journal", "\(path) will be made") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return .problem("journal", "\(path) is no file", next: "set another journal.path")
        }
        let readable = access(path, R_OK | W_OK) == 0
        guard readable else {
            return .problem("journal", "this user cannot write to \(path)", next: "run as the service's user")
        }
        do {
            let version = try JournalDatabase.versionOfFile(at: path)
            guard version <= JournalDatabase.version else {
                return .problem(
                    "journal", "\(path) was written by a later version (\(version))",
                    next: "install that version again, or move the file away")
            }
            return .ok("journal", "\(path), \(status.st_size >> 20) MB")
        } catch {
            return .problem(
                "journal", "\(path) is no journal, or is damaged",
                next: "move it away; the daemon does so itself when it starts, and begins a new one")
        }
    }

    private func owner(of path: String) -> [Finding] {
        var status = stat()
        guard geteuid() == 0, let user = Self.serviceUser, path.hasPrefix(Self.stateFolder + "/"),
            stat(path, &status) == 0, status.st_uid != user
        else { return [] }
        return [
            .problem(
                "journal", "\(path) does not belong to the service's user ecgmon",
                next: "chown ecgmon:ecgmon \(path)*")
        ]
    }

    private func disk(_ folder: String, journal path: String) -> [Finding] {
        var space = statvfs()
        guard statvfs(folder, &space) == 0 else { return [] }
        let free = Int(clamping: UInt64(space.f_bavail)) * Int(clamping: space.f_frsize)
        var status = stat()
        let used = stat(path, &status) == 0 ? Int(status.st_size) : 0
        let needed = max(0, configuration.journal.maximumBytes - used) + Self.logBytes
        let numbers = "\(free >> 20) MB free in \(folder), the journal may still grow by \(needed >> 20) MB"
        if free < Self.logBytes {
            return [.problem("disk", numbers, next: "make room, or the journal cannot be written")]
        }
        if free < needed {
            return [.warning("disk", numbers, next: "make room, or lower journal.maximum_bytes")]
        }
        if space.f_files > 0, space.f_favail < 100 {
            return [.problem("disk", "\(space.f_favail) free inodes in \(folder)", next: "remove files there")]
        }
        return [.ok("disk", "\(free >> 20) MB free in \(folder)")]
    }

    /// The clock, and the limits of a process.
    func machine() -> [Finding] { [clock(), files()] }

    private func clock() -> Finding {
        // Events carry times: they are only as good as the clock.
        guard DaemonClock.utc() > 1_704_067_200_000_000_000 else {
            return .problem("clock", "it says that it is before 2024", next: "set it (timedatectl set-ntp true)")
        }
        var times = timex()
        switch adjtimex(&times) {
        case 5:  // TIME_ERROR
            return .warning(
                "clock", "the kernel says that it is not synchronised",
                next: "run a time service (timedatectl set-ntp true, or chrony)")
        case -1:
            return .ok("clock", "it is after 2024; whether it is synchronised cannot be asked here")
        default:
            return .ok("clock", "synchronised, within \(times.maxerror / 1000) ms")
        }
    }

    private func files() -> Finding {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return .ok("limits", "cannot be asked")
        }
        let enough = 4096
        guard limit.rlim_max >= enough else {
            return .warning(
                "limits", "a process may have \(limit.rlim_max) files open here, one for each connection",
                next: "raise it (ulimit -n, or LimitNOFILE= in the unit)")
        }
        return .ok("limits", "\(limit.rlim_cur) open files here, at most \(limit.rlim_max)")
    }
}
