import CZeroMQ
import Glibc

/// A failed libzmq call; the only error type of this module.
public struct ZeroMQError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An errno value, including those that libzmq adds.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// The call would have blocked.
        public static let again = Code(rawValue: EAGAIN)
        /// Interrupted by a signal. Never leaves this module: such calls are repeated.
        public static let interrupted = Code(rawValue: EINTR)
        /// Another socket is already bound to this endpoint.
        public static let addressInUse = Code(rawValue: EADDRINUSE)
        /// This machine has no such address or interface.
        public static let addressNotAvailable = Code(rawValue: EADDRNOTAVAIL)
        /// The endpoint's transport is unknown, or does not suit the socket type.
        public static let protocolNotSupported = Code(rawValue: EPROTONOSUPPORT)
        /// An invalid argument, often an endpoint.
        public static let invalidArgument = Code(rawValue: EINVAL)
        /// Something other than a socket is at the path of an ipc endpoint. It is left untouched.
        public static let fileExists = Code(rawValue: EEXIST)
        /// Not bound or connected there, or part of the path does not exist.
        public static let notFound = Code(rawValue: ENOENT)
        /// Denied by the file permissions of an ipc endpoint, or a privileged port.
        public static let permissionDenied = Code(rawValue: EACCES)
        /// A ROUTER has no peer with this routing id.
        public static let hostUnreachable = Code(rawValue: EHOSTUNREACH)
        /// The socket is closed.
        public static let notASocket = Code(rawValue: ENOTSOCK)
        /// The context was shut down.
        public static let contextTerminated = Code(rawValue: ETERM)
        /// The socket's type or state does not allow the call (send on a PULL socket, second request on a REQ socket).
        public static let notSupported = Code(rawValue: ENOTSUP)
        /// As above, in the state machine of REQ and REP.
        public static let wrongState = Code(rawValue: EFSM)
        /// The context has no room for another socket, or the process none for another file descriptor.
        public static let tooManySockets = Code(rawValue: EMFILE)
    }

    /// The reason as a number.
    public let code: Code
    /// The operation that failed, with its endpoint or option: "bind tcp://127.0.0.1:5570".
    public let operation: String
    /// The reason in words, from libzmq.
    public let text: String

    public init(code: Code, operation: String) {
        self.code = code
        self.operation = operation
        text = zmq_strerror(code.rawValue).map { String(cString: $0) } ?? "unknown error"
    }

    /// The error of the libzmq call that just failed on this thread.
    init(lastOf operation: String) {
        self.init(code: Code(rawValue: zmq_errno()), operation: operation)
    }

    public var description: String { "\(operation): \(text) (\(code.rawValue))" }
}
