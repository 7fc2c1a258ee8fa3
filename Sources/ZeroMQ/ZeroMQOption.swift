import CZeroMQ
import Glibc

/// An option of a socket with its value. Those about queues, sizes and heartbeats work on later binds and connects, so
/// set them first.
public enum ZeroMQOption: Sendable, Hashable {
    /// Messages that may wait to be sent, for each peer; 0: no limit; libzmq's default 1,000.
    case sendHighWaterMark(Int)
    /// Messages that may wait to be received, for each peer; 0: no limit; libzmq's default 1,000.
    case receiveHighWaterMark(Int)
    /// How long closing goes on sending what is unsent; nil: for ever; here 1 s unless set.
    case linger(Duration?)
    /// A peer that sends a larger frame is disconnected; nil: no limit.
    case maximumMessageSize(Int?)
    /// SUB: get messages that begin with these bytes; none: all.
    case subscribe([UInt8])
    /// SUB: take back one such subscription.
    case unsubscribe([UInt8])
    /// The name under which a ROUTER on the other side knows this socket; 1 to 255 bytes, the first not 0.
    case routingID([UInt8])
    /// Queue messages only for peers that are really connected, so that sending waits (or says that it would) while
    /// nobody is there.
    case immediate(Bool)
    /// Pause before connecting again; libzmq's default 100 ms.
    case reconnectInterval(Duration)
    /// The pause doubles up to this; zero: it stays.
    case reconnectIntervalMaximum(Duration)
    /// Give up a connection attempt after this; zero: as the system does.
    case connectTimeout(Duration)
    /// A peer that has not introduced itself by then is disconnected; libzmq's default 30 s; zero: never.
    case handshakeInterval(Duration)
    /// TCP keep-alive probes on or off.
    case tcpKeepalive(Bool)
    /// Idle time before the first probe; whole seconds.
    case tcpKeepaliveIdle(Duration)
    /// Time between probes; whole seconds.
    case tcpKeepaliveInterval(Duration)
    /// Unanswered probes that end the connection.
    case tcpKeepaliveCount(Int)
    /// What was sent over TCP and has not arrived after so long ends the connection; zero: as the system does.
    case tcpMaximumRetransmitTime(Duration)
    /// Connections that may wait to be accepted; libzmq's default 100.
    case backlog(Int)
    /// The kernel's send buffer in bytes.
    case sendBufferSize(Int)
    /// The kernel's receive buffer in bytes.
    case receiveBufferSize(Int)
    /// Accept and connect IPv6 as well.
    case ipv6(Bool)
    /// ROUTER: sending to nobody throws `.hostUnreachable` rather than dropping.
    case routerMandatory(Bool)
    /// ROUTER: a peer that comes with a known routing id takes it over, as a reconnecting bedside does.
    case routerHandover(Bool)
    /// Introduce this socket to ROUTER peers with an empty message.
    case probeRouter(Bool)
    /// XPUB: also show subscriptions that somebody else has already.
    case xpubVerbose(Bool)
    /// XPUB: also show every unsubscription.
    case xpubVerboser(Bool)
    /// XPUB: sending waits for slow subscribers rather than dropping.
    case xpubNoDrop(Bool)
    /// XPUB: what to subscribe is decided by the program.
    case xpubManual(Bool)
    /// XPUB: the first message that a new subscriber gets.
    case xpubWelcomeMessage([UInt8])
    /// Keep only the last message; single-part only.
    case conflate(Bool)
    /// Domain that the authenticator is told.
    case zapDomain(String)
    /// This side of a CURVE connection is the server.
    case curveServer(Bool)
    /// This side's public key: 32 bytes, or 40 characters of Z85.
    case curvePublicKey([UInt8])
    /// This side's secret key: 32 bytes, or 40 characters of Z85.
    case curveSecretKey([UInt8])
    /// Client: the server's public key, 32 bytes, or 40 characters of Z85.
    case curveServerKey([UInt8])

    /// SUB: get messages whose first frame begins with this text.
    public static func subscribe(_ prefix: String) -> ZeroMQOption { .subscribe(Array(prefix.utf8)) }
    /// SUB: take back one such subscription.
    public static func unsubscribe(_ prefix: String) -> ZeroMQOption { .unsubscribe(Array(prefix.utf8)) }

    fileprivate enum Encoded {
        case int32(Int)
        case int64(Int)
        case bytes([UInt8])
    }

    fileprivate var encoded: (number: Int32, name: String, value: Encoded) {
        func flag(_ value: Bool) -> Encoded { .int32(value ? 1 : 0) }
        func milliseconds(_ value: Duration?) -> Encoded { .int32(value?.milliseconds(roundedUp: true) ?? -1) }
        func seconds(_ value: Duration) -> Encoded { .int32((value.milliseconds(roundedUp: true) + 999) / 1000) }
        return switch self {
        case .sendHighWaterMark(let value): (ZMQ_SNDHWM, "send high-water mark", .int32(value))
        case .receiveHighWaterMark(let value): (ZMQ_RCVHWM, "receive high-water mark", .int32(value))
        case .linger(let value): (ZMQ_LINGER, "linger", milliseconds(value))
        case .maximumMessageSize(let value): (ZMQ_MAXMSGSIZE, "maximum message size", .int64(value ?? -1))
        case .subscribe(let value): (ZMQ_SUBSCRIBE, "subscription", .bytes(value))
        case .unsubscribe(let value): (ZMQ_UNSUBSCRIBE, "unsubscription", .bytes(value))
        case .routingID(let value): (ZMQ_ROUTING_ID, "routing id", .bytes(value))
        case .immediate(let value): (ZMQ_IMMEDIATE, "immediate", flag(value))
        case .reconnectInterval(let value): (ZMQ_RECONNECT_IVL, "reconnect interval", milliseconds(value))
        case .reconnectIntervalMaximum(let value):
            (ZMQ_RECONNECT_IVL_MAX, "maximum reconnect interval", milliseconds(value))
        case .connectTimeout(let value): (ZMQ_CONNECT_TIMEOUT, "connect timeout", milliseconds(value))
        case .handshakeInterval(let value): (ZMQ_HANDSHAKE_IVL, "handshake interval", milliseconds(value))
        case .tcpKeepalive(let value): (ZMQ_TCP_KEEPALIVE, "TCP keep-alive", flag(value))
        case .tcpKeepaliveIdle(let value): (ZMQ_TCP_KEEPALIVE_IDLE, "TCP keep-alive idle time", seconds(value))
        case .tcpKeepaliveInterval(let value): (ZMQ_TCP_KEEPALIVE_INTVL, "TCP keep-alive interval", seconds(value))
        case .tcpKeepaliveCount(let value): (ZMQ_TCP_KEEPALIVE_CNT, "TCP keep-alive count", .int32(value))
        case .tcpMaximumRetransmitTime(let value): (ZMQ_TCP_MAXRT, "TCP retransmit time", milliseconds(value))
        case .backlog(let value): (ZMQ_BACKLOG, "backlog", .int32(value))
        case .sendBufferSize(let value): (ZMQ_SNDBUF, "send buffer size", .int32(value))
        case .receiveBufferSize(let value): (ZMQ_RCVBUF, "receive buffer size", .int32(value))
        case .ipv6(let value): (ZMQ_IPV6, "IPv6", flag(value))
        case .routerMandatory(let value): (ZMQ_ROUTER_MANDATORY, "router mandatory", flag(value))
        case .routerHandover(let value): (ZMQ_ROUTER_HANDOVER, "router handover", flag(value))
        case .probeRouter(let value): (ZMQ_PROBE_ROUTER, "probe router", flag(value))
        case .xpubVerbose(let value): (ZMQ_XPUB_VERBOSE, "XPUB verbose", flag(value))
        case .xpubVerboser(let value): (ZMQ_XPUB_VERBOSER, "XPUB verboser", flag(value))
        case .xpubNoDrop(let value): (ZMQ_XPUB_NODROP, "XPUB no drop", flag(value))
        case .xpubManual(let value): (ZMQ_XPUB_MANUAL, "XPUB manual", flag(value))
        case .xpubWelcomeMessage(let value): (ZMQ_XPUB_WELCOME_MSG, "XPUB welcome message", .bytes(value))
        case .conflate(let value): (ZMQ_CONFLATE, "conflate", flag(value))
        case .zapDomain(let value): (ZMQ_ZAP_DOMAIN, "ZAP domain", .bytes(Array(value.utf8)))
        case .curveServer(let value): (ZMQ_CURVE_SERVER, "CURVE server", flag(value))
        case .curvePublicKey(let value): (ZMQ_CURVE_PUBLICKEY, "CURVE public key", .bytes(value))
        case .curveSecretKey(let value): (ZMQ_CURVE_SECRETKEY, "CURVE secret key", .bytes(value))
        case .curveServerKey(let value): (ZMQ_CURVE_SERVERKEY, "CURVE server key", .bytes(value))
        }
    }
}

extension ZeroMQSocket {
    /// A peer over TCP that vanished without a word, with its power or its network, is disconnected after fifteen
    /// seconds. To be called before `bind` or `connect`.
    ///
    /// The system's keep-alive does it, not libzmq's heartbeat: libzmq 4.3 ends the process (`Assertion failed:
    /// !_io_error`) when a heartbeat is due on a connection that broke while what it had brought waited for room in the
    /// socket (libzmq issue 4841).
    public func noticeVanishedPeers() throws(ZeroMQError) {
        try set(.tcpKeepalive(true))
        try set(.tcpKeepaliveIdle(.seconds(5)))
        try set(.tcpKeepaliveInterval(.seconds(5)))
        try set(.tcpKeepaliveCount(2))
    }

    /// - Throws: `.invalidArgument` for a value out of range, or an option that this kind of socket does not have. The
    ///   error names the option, never its value, which may be a secret.
    public func set(_ option: ZeroMQOption) throws(ZeroMQError) {
        let (number, name, value) = option.encoded
        let result: Int32
        switch value {
        case .int32(let value):
            guard var value = Int32(exactly: value) else {
                throw ZeroMQError(code: .invalidArgument, operation: "set \(name)")
            }
            result = zmq_setsockopt(pointer, number, &value, MemoryLayout<Int32>.size)
        case .int64(let value):
            var value = Int64(value)
            result = zmq_setsockopt(pointer, number, &value, MemoryLayout<Int64>.size)
        case .bytes(let bytes):
            if bytes.isEmpty {
                result = zmq_setsockopt(pointer, number, "", 0)
            } else {
                result = zmq_setsockopt(pointer, number, bytes, bytes.count)
            }
        }
        guard result == 0 else { throw ZeroMQError(lastOf: "set \(name)") }
    }

    /// The endpoint of the last `bind` or `connect`, with the port that a wildcard was given. Empty before the first.
    public func lastEndpoint() throws(ZeroMQError) -> String {
        // The longest: an ipc path of 107 bytes or an IPv6 address with an interface.
        var buffer = [UInt8](repeating: 0, count: 1024)
        var size = buffer.count
        guard zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &buffer, &size) == 0 else {
            throw ZeroMQError(lastOf: "get the last endpoint")
        }
        return String(decoding: buffer.prefix(size).prefix { $0 != 0 }, as: UTF8.self)
    }

    /// What can be done at this moment without waiting.
    public func readiness() throws(ZeroMQError) -> ZeroMQPoller.Events {
        ZeroMQPoller.Events(rawValue: Int16(truncatingIfNeeded: try int32(ZMQ_EVENTS, "readiness")))
    }

    func isIPv6Enabled() throws(ZeroMQError) -> Bool { try int32(ZMQ_IPV6, "IPv6") != 0 }

    private func int32(_ number: Int32, _ name: String) throws(ZeroMQError) -> Int32 {
        var value: Int32 = 0
        var size = MemoryLayout<Int32>.size
        while zmq_getsockopt(pointer, number, &value, &size) != 0 {
            guard zmq_errno() == EINTR else { throw ZeroMQError(lastOf: "get \(name)") }
        }
        return value
    }
}
