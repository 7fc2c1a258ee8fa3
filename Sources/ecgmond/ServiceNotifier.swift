import CSystemd
import Glibc

/// Tells the service manager how the daemon is, in the protocol of sd_notify(3). Without a service manager (no
/// `NOTIFY_SOCKET`) every call does nothing.
struct ServiceNotifier: Sendable {
    /// How often the service manager expects `WATCHDOG=1`; nil when it does not watch this process.
    let watchdogInterval: UInt64?

    init() {
        var microseconds: UInt64 = 0
        watchdogInterval = sd_watchdog_enabled(0, &microseconds) > 0 && microseconds > 0 ? microseconds * 1000 : nil
    }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }

    func status(_ status: String) { send("STATUS=\(status)") }

    func watchdog() { send("WATCHDOG=1") }

    /// Must be followed by `ready` when the reload is over, whatever came of it.
    func reloading() {
        send("RELOADING=1\nMONOTONIC_USEC=\(DaemonClock.monotonic() / 1000)\nSTATUS=reading the configuration again")
    }

    func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(status)") }

    /// Asks for more time to stop, in seconds from now.
    func extendTimeout(seconds: Double) { send("EXTEND_TIMEOUT_USEC=\(UInt64(seconds * 1_000_000))") }

    private func send(_ state: String) { _ = sd_notify(0, state) }
}
