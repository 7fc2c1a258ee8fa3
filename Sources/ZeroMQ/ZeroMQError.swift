import CZeroMQ
import Glibc

/// What libzmq refused: the one error type of this module.
public struct ZeroMQError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An errno value, libzmq's own additions included.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// It would have had to wait.
        public static let again = Code(rawValue: EAGAIN)
        /// A signal came in between. Never leaves this module: such calls are repeated.
        public static let interrupted = Code(rawValue: EINTR)
        /// Somebody else listens at this endpoint.
        public static let addressInUse = Code(rawValue: EADDRINUSE)
        /// This machine has no such address or interface.
        public static let addressNotAvailable = Code(rawValue: EADDRNOTAVAIL)
        /// The endpoint's transport is not known, or does not suit the kind of socket.
        public static let protocolNotSupported = Code(rawValue: EPROTONOSUPPORT)
        /// An argument, often an endpoint, makes no sense.
        public static let invalidArgument = Code(rawValue: EINVAL)
        /// Something other than a socket lies at the path of an ipc endpoint. It is left alone.
        public static let fileExists = Code(rawValue: EEXIST)
        /// Not bound or connected there, or a file is missing on the way to it.
        public static let notFound = Code(rawValue: ENOENT)
        /// File permissions of an ipc endpoint, or a privileged port.
        public static let permissionDenied = Code(rawValue: EACCES)
        /// A ROUTER has no peer with that routing id.
        public static let hostUnreachable = Code(rawValue: EHOSTUNREACH)
        /// The socket is closed.
        public static let notASocket = Code(rawValue: ENOTSOCK)
        /// The context was shut down.
        public static let contextTerminated = Code(rawValue: ETERM)
        /// The kind of socket or its state does not allow that (send on a PULL socket, second request on a REQ socket).
        public static let notSupported = Code(rawValue: ENOTSUP)
        /// As above, in the state machine of REQ and REP.
        public static let wrongState = Code(rawValue: EFSM)
        /// The context has no room for another socket, or the process for another file descriptor.
        public static let tooManySockets = Code(rawValue: EMFILE)
    }

    /// The reason as a number.
    public let code: Code
    /// What was asked for, with the endpoint or option it was about: "bind tcp://127.0.0.1:5570".
    public let operation: String
    /// The reason in words, as libzmq gives it.
    public let text: String

    public init(code: Code, operation: String) {
        self.code = code
        self.operation = operation
        text = zmq_strerror(code.rawValue).map { String(cString: $0) } ?? "unknown error"
    }

    /// The error of the libzmq call that has just failed on this thread.
    init(lastOf operation: String) {
        self.init(code: Code(rawValue: zmq_errno()), operation: operation)
    }

    public var description: String { "\(operation): \(text) (\(code.rawValue))" }
}
