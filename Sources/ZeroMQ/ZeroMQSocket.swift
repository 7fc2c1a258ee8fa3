import CZeroMQ
import Glibc

/// A ZeroMQ socket. It belongs to the thread that made it (it is not `Sendable`), and closes when it goes out of scope.
///
/// What is still unsent when it closes is sent on in the background for the linger time, which is one second here
/// unless set otherwise (libzmq's own default, for ever, lets programs hang at their end).
public struct ZeroMQSocket: ~Copyable {
    /// The messaging pattern.
    public enum Kind: Sendable, CaseIterable {
        case pair, pub, sub, req, rep, dealer, router, pull, push, xpub, xsub, stream

        var number: Int32 {
            switch self {
            case .pair: ZMQ_PAIR
            case .pub: ZMQ_PUB
            case .sub: ZMQ_SUB
            case .req: ZMQ_REQ
            case .rep: ZMQ_REP
            case .dealer: ZMQ_DEALER
            case .router: ZMQ_ROUTER
            case .pull: ZMQ_PULL
            case .push: ZMQ_PUSH
            case .xpub: ZMQ_XPUB
            case .xsub: ZMQ_XSUB
            case .stream: ZMQ_STREAM
            }
        }
    }

    /// The open socket, shared with pollers and monitors so that they notice when it is closed.
    final class Handle {
        private(set) var pointer: UnsafeMutableRawPointer?
        let context: ZeroMQContext

        init(_ context: ZeroMQContext, _ kind: Kind) throws(ZeroMQError) {
            self.context = context
            pointer = zmq_socket(context.pointer, kind.number)
            guard pointer != nil else { throw ZeroMQError(lastOf: "open a \(kind) socket") }
            var milliseconds: Int32 = 1000
            guard zmq_setsockopt(pointer, ZMQ_LINGER, &milliseconds, MemoryLayout<Int32>.size) == 0 else {
                throw ZeroMQError(lastOf: "set linger")
            }
        }

        func close() {
            guard let open = pointer else { return }
            pointer = nil
            zmq_close(open)
        }

        deinit { close() }
    }

    public let kind: Kind
    let handle: Handle

    var pointer: UnsafeMutableRawPointer? { handle.pointer }

    /// - Throws: `.tooManySockets`, `.contextTerminated`.
    public init(_ context: ZeroMQContext, _ kind: Kind) throws(ZeroMQError) {
        handle = try Handle(context, kind)
        self.kind = kind
    }

    deinit { handle.close() }

    /// Closes now rather than at the end of the scope. The connections and endpoints end in the background, a little
    /// later. The file of an ipc endpoint stays; the next to bind there replaces it.
    public consuming func close() {}

    /// Listens at an endpoint: `tcp://127.0.0.1:5570`, `tcp://127.0.0.1:*` (any free port, see `lastEndpoint`),
    /// `ipc:///run/x`, `inproc://name`.
    ///
    /// libzmq takes an ipc endpoint away from whoever listens there. Here that is an address in use, and only a socket
    /// file without a listener is replaced.
    /// - Throws: `.addressInUse`, `.addressNotAvailable`, `.permissionDenied`, `.notFound` (no such folder),
    ///   `.invalidArgument`, `.protocolNotSupported`.
    public func bind(_ endpoint: String) throws(ZeroMQError) {
        if isListening(atIPCEndpoint: endpoint) {
            throw ZeroMQError(code: .addressInUse, operation: "bind \(endpoint)")
        }
        try endpointCall("bind", endpoint, zmq_bind)
    }

    /// Connects, now or as soon as somebody listens there, and again whenever the connection breaks.
    /// - Throws: `.invalidArgument`, `.protocolNotSupported`; never because nobody is there yet.
    public func connect(_ endpoint: String) throws(ZeroMQError) {
        try endpointCall("connect", endpoint, zmq_connect)
    }

    /// Stops listening at an endpoint, given as `lastEndpoint` told it.
    /// - Throws: `.notFound` where it was not bound.
    public func unbind(_ endpoint: String) throws(ZeroMQError) {
        try endpointCall("unbind", endpoint, zmq_unbind)
    }

    /// Ends a connection.
    /// - Throws: `.notFound` where it was not connected.
    public func disconnect(_ endpoint: String) throws(ZeroMQError) {
        try endpointCall("disconnect", endpoint, zmq_disconnect)
    }

    private func endpointCall(
        _ name: String, _ endpoint: String,
        _ call: (UnsafeMutableRawPointer?, UnsafePointer<CChar>?) -> Int32
    ) throws(ZeroMQError) {
        // A C string ends at the first 0, which would silently name another endpoint.
        guard !endpoint.utf8.contains(0) else {
            throw ZeroMQError(code: .invalidArgument, operation: "\(name) an endpoint that contains a NUL")
        }
        guard hasPossiblePort(endpoint) else {
            throw ZeroMQError(code: .invalidArgument, operation: "\(name) \(endpoint)")
        }
        while call(pointer, endpoint) != 0 {
            guard zmq_errno() == EINTR else { throw ZeroMQError(lastOf: "\(name) \(endpoint)") }
        }
    }
}

/// libzmq would take a tcp port beyond 65535 modulo 65536, and listen somewhere else than it was told.
private func hasPossiblePort(_ endpoint: String) -> Bool {
    guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return true }
    let port = endpoint[endpoint.index(after: colon)...]
    return port == "*" || port == "!" || UInt16(port) != nil
}

/// Whether somebody accepts connections at an ipc endpoint, found out by connecting.
private func isListening(atIPCEndpoint endpoint: String) -> Bool {
    let prefix = "ipc://"
    guard endpoint.hasPrefix(prefix) else { return false }
    let path = Array(endpoint.utf8.dropFirst(prefix.utf8.count))
    var address = sockaddr_un()
    // "@name" is an abstract name, which the kernel itself protects; "*" makes a fresh one.
    guard let first = path.first, first != UInt8(ascii: "@"), path != [UInt8(ascii: "*")],
        path.count < MemoryLayout.size(ofValue: address.sun_path)
    else { return false }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { Glibc.close(descriptor) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
    }
}
