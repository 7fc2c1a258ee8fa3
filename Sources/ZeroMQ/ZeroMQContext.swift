import CZeroMQ
import CZeroMQGuard
import Glibc

/// Owns libzmq's I/O threads and the namespace of inproc endpoints. Normally one per process.
///
/// Every socket retains its context, so the context ends after its last socket. Ending waits no longer than the longest
/// linger time of those sockets.
public final class ZeroMQContext: Sendable {
    // libzmq's contexts are thread-safe.
    nonisolated(unsafe) let pointer: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - ioThreads: number of I/O threads, 1 or more; one is enough for about a gigabyte per second.
    ///   - maximumSockets: maximum number of open sockets, monitors included.
    /// - Throws: `.tooManySockets` if the process has no file descriptors left, `.invalidArgument` for numbers below 1.
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

    /// Makes every current and future call that waits on a socket of this context throw `.contextTerminated`. The
    /// sockets must still be closed by their own threads. May be called from any thread.
    public func shutdown() {
        _ = zmq_ctx_shutdown(pointer)
    }

    /// Whether libzmq's network threads survive a peer that floods a socket with heartbeats and then disconnects; plain
    /// libzmq 4.3 terminates the process in that case. True wherever this package is linked normally; false under the
    /// thread sanitizer, which brings its own versions of these C library functions.
    public static var isGuarded: Bool { czeromq_guard_is_in_place() }

    /// Number of connections that could not be accepted because the process had no free file descriptor. libzmq's
    /// thread pauses for 20 ms after each, if `isGuarded`.
    public static var failedAccepts: UInt64 { UInt64(czeromq_guard_failed_accepts()) }
}
