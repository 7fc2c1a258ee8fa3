import CZeroMQ
import Glibc

/// A ZeroMQ socket. It belongs to the thread that created it (it is not `Sendable`) and closes when it goes out of
/// scope.
///
/// Messages still unsent when it closes are sent in the background for the linger time, which is one second here unless
/// set otherwise (libzmq's own default, forever, can make programs hang on exit).
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

    /// The open socket, shared with pollers and monitors so that they notice when it closes.
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

    /// Closes now instead of at the end of the scope. Connections and endpoints end in the background, a little later.
    /// The file of an ipc endpoint remains; the next socket to bind there replaces it.
    public consuming func close() {}

    /// Listens at an endpoint: `tcp://127.0.0.1:5570`, `tcp://127.0.0.1:*` (any free port, see `lastEndpoint`),
    /// `ipc:///run/x`, `inproc://name`.
    ///
    /// libzmq deletes whatever is at the path of an ipc endpoint, and takes the endpoint away from any current
    /// listener. This method replaces only a socket file on which nobody listens and leaves everything else untouched.
    /// - Throws: `.addressInUse`, `.fileExists` (something other than a socket is at the path), `.permissionDenied`,
    ///   `.addressNotAvailable`, `.notFound` (no such folder), `.invalidArgument`, `.protocolNotSupported`.
    public func bind(_ endpoint: String) throws(ZeroMQError) {
        if let code = occupation(ofIPCEndpoint: endpoint) {
            throw ZeroMQError(code: code, operation: "bind \(endpoint)")
        }
        try endpointCall("bind", endpoint, zmq_bind)
    }

    /// Connects now, or as soon as a peer listens there, and again whenever the connection breaks.
    /// - Throws: `.invalidArgument`, `.protocolNotSupported`; never because there is no listener yet.
    public func connect(_ endpoint: String) throws(ZeroMQError) {
        try endpointCall("connect", endpoint, zmq_connect)
    }

    /// Stops listening at an endpoint, given in the form that `lastEndpoint` returns.
    /// - Throws: `.notFound` if it was not bound.
    public func unbind(_ endpoint: String) throws(ZeroMQError) {
        try endpointCall("unbind", endpoint, zmq_unbind)
    }

    /// Ends a connection.
    /// - Throws: `.notFound` if it was not connected.
    public func disconnect(_ endpoint: String) throws(ZeroMQError) {
        try endpointCall("disconnect", endpoint, zmq_disconnect)
    }

    private func endpointCall(
        _ name: String, _ endpoint: String,
        _ call: (UnsafeMutableRawPointer?, UnsafePointer<CChar>?) -> Int32
    ) throws(ZeroMQError) {
        // A C string ends at the first 0 byte, which would silently name another endpoint.
        guard !endpoint.utf8.contains(0) else {
            throw ZeroMQError(code: .invalidArgument, operation: "\(name) an endpoint that contains a NUL")
        }
        guard hasPossiblePort(endpoint) else {
            throw ZeroMQError(code: .invalidArgument, operation: "\(name) \(endpoint)")
        }
        // libzmq parses an IPv6 address only with this option, and with it turns every IPv4 address into an IPv6 one.
        let wasIPv6 = try isIPv6Enabled()
        let needsIPv6 = endpoint.hasPrefix("tcp://[")
        if needsIPv6 && !wasIPv6 { try set(.ipv6(true)) }
        defer { if needsIPv6 && !wasIPv6 { try? set(.ipv6(false)) } }
        while call(pointer, endpoint) != 0 {
            guard zmq_errno() == EINTR else { throw ZeroMQError(lastOf: "\(name) \(endpoint)") }
        }
    }
}

/// libzmq would take a TCP port above 65535 modulo 65536 and listen on the wrong port.
private func hasPossiblePort(_ endpoint: String) -> Bool {
    guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return true }
    let port = endpoint[endpoint.index(after: colon)...]
    return port == "*" || port == "!" || UInt16(port) != nil
}

/// Why an ipc endpoint is not free, determined from its path and by connecting; nil if it is free.
private func occupation(ofIPCEndpoint endpoint: String) -> ZeroMQError.Code? {
    let prefix = "ipc://"
    guard endpoint.hasPrefix(prefix) else { return nil }
    let path = Array(endpoint.utf8.dropFirst(prefix.utf8.count))
    var address = sockaddr_un()
    // "@name" is an abstract name, which the kernel itself protects; "*" creates a new one.
    guard let first = path.first, first != UInt8(ascii: "@"), path != [UInt8(ascii: "*")],
        path.count < MemoryLayout.size(ofValue: address.sun_path)
    else { return nil }
    var status = stat()
    // Check a link itself, because the link would be deleted, too.
    guard lstat(String(decoding: path, as: UTF8.self), &status) == 0 else {
        return errno == ENOENT ? nil : ZeroMQError.Code(rawValue: errno)
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else { return .fileExists }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    // Non-blocking: a listener that is stuck with a full backlog is still a listener.
    let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, flags, 0)
    guard descriptor >= 0 else { return ZeroMQError.Code(rawValue: errno) }
    defer { Glibc.close(descriptor) }
    let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    if connected == 0 { return .addressInUse }
    switch errno {
    // Nobody listens, or the file was just removed.
    case ECONNREFUSED, ENOENT: return nil
    case EACCES: return .permissionDenied
    // A full backlog, or a socket of another type.
    default: return .addressInUse
    }
}
