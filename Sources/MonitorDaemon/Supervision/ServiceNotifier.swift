import Glibc

/// Notifies the service manager of the daemon's state by the protocol of sd_notify(3). Without a service manager (no
/// `NOTIFY_SOCKET`) every call does nothing.
///
/// The datagrams are not sent by libsystemd, whose call waits forever for a manager that does not read: nothing outside
/// may block the daemon. Messages that must not be lost wait for up to a second, all others do not wait.
final class ServiceNotifier: Sendable {
    /// How often the service manager expects `WATCHDOG=1`, in ns; nil when it does not watch this process.
    let watchdogInterval: UInt64?
    /// -1: there is no service manager.
    private let descriptor: Int32

    init() {
        watchdogInterval = Self.watchdogInterval(
            microseconds: Self.environment("WATCHDOG_USEC"), process: Self.environment("WATCHDOG_PID"))
        descriptor = Self.connect(toPath: Self.environment("NOTIFY_SOCKET") ?? "")
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)", waitingMilliseconds: 1000) }

    func status(_ status: String) { send("STATUS=\(status)", waitingMilliseconds: 0) }

    func watchdog() {
        if watchdogInterval != nil { send("WATCHDOG=1", waitingMilliseconds: 0) }
    }

    /// Must be followed by `ready` when the reload is over, whatever its result.
    func reloading() {
        let microseconds = DaemonClock.monotonic() / 1000
        send(
            "RELOADING=1\nMONOTONIC_USEC=\(microseconds)\nSTATUS=reading the configuration again",
            waitingMilliseconds: 1000)
    }

    func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(status)", waitingMilliseconds: 1000) }

    private func send(_ state: String, waitingMilliseconds: Int32) {
        guard descriptor >= 0 else { return }
        let bytes = Array(state.utf8)
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        if Glibc.send(descriptor, bytes, bytes.count, flags) < 0, errno == EAGAIN, waitingMilliseconds > 0 {
            var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&item, 1, waitingMilliseconds)
            _ = Glibc.send(descriptor, bytes, bytes.count, flags)
        }
    }

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// By the rule of sd_watchdog_enabled(3): `WATCHDOG_PID`, where it is set, names the process that is watched.
    static func watchdogInterval(microseconds: String?, process: String?) -> UInt64? {
        if let process, process != "\(getpid())" { return nil }
        guard let interval = microseconds.flatMap({ UInt64($0) }), interval > 0, interval < 1 << 50 else { return nil }
        return interval * 1000
    }

    /// - Parameter path: absolute, or "@name" in the abstract name space.
    private static func connect(toPath path: String) -> Int32 {
        var name = Array(path.utf8)
        var address = sockaddr_un()
        guard let first = name.first, name.count > 1, name.count < MemoryLayout.size(ofValue: address.sun_path),
            first == UInt8(ascii: "/") || first == UInt8(ascii: "@")
        else { return -1 }
        if first == UInt8(ascii: "@") { name[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return -1 }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, length) }
        }
        guard connected == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }
}
