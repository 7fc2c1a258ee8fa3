import CZeroMQ
import CZeroMQGuard
import Glibc

/// Owner of libzmq's I/O threads, and the room in which inproc endpoints are known. One for a process is the rule.
///
/// Every socket holds its context, so the context ends after its last socket; ending waits at most as long as the
/// longest linger of those sockets.
public final class ZeroMQContext: Sendable {
    // libzmq's contexts are safe to use from any thread.
    nonisolated(unsafe) let pointer: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - ioThreads: threads that move the bytes, 1 or more; one does for about a gigabyte a second.
    ///   - maximumSockets: how many sockets can be open at a time, monitors included.
    /// - Throws: `.tooManySockets` where the process has no file descriptors left, `.invalidArgument` for numbers below
    ///   1.
    public init(ioThreads: Int = 1, maximumSockets: Int = 1023) throws(ZeroMQError) {
        guard let pointer = zmq_ctx_new() else { throw ZeroMQError(lastOf: "make a context") }
        self.pointer = pointer
        for (option, value, name) in [
            (ZMQ_IO_THREADS, ioThreads, "I/O threads"), (ZMQ_MAX_SOCKETS, maximumSockets, "maximum of sockets"),
        ] {
            guard value >= 1, let number = Int32(exactly: value), zmq_ctx_set(pointer, option, number) == 0 else {
                throw ZeroMQError(code: .invalidArgument, operation: "set a context's \(name) to \(value)")
            }
        }
    }

    deinit {
        while zmq_ctx_term(pointer) != 0 && zmq_errno() == EINTR {}
    }

    /// Makes every call that waits on a socket of this context, now or later, throw `.contextTerminated`. The sockets
    /// must still be closed by their own threads. From any thread.
    public func shutdown() {
        _ = zmq_ctx_shutdown(pointer)
    }

    /// Whether libzmq's network threads survive a peer that floods a socket with heartbeats and breaks off: libzmq 4.3
    /// by itself ends the process then. True wherever this package is linked in the usual way; false under the thread
    /// sanitizer, which has these functions of the C library itself.
    public static var isGuarded: Bool { czeromq_guard_is_in_place() }

    /// How often a connection could not be accepted because the process had no file descriptor free. libzmq's thread
    /// pauses for 20 ms after each, where `isGuarded`.
    public static var failedAccepts: UInt64 { UInt64(czeromq_guard_failed_accepts()) }

    /// The version of the library in use, which may be newer than the headers.
    public static var libraryVersion: (major: Int, minor: Int, patch: Int) {
        var major: Int32 = 0
        var minor: Int32 = 0
        var patch: Int32 = 0
        zmq_version(&major, &minor, &patch)
        return (Int(major), Int(minor), Int(patch))
    }
}
