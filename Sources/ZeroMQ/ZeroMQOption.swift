import CZeroMQ
import Glibc

/// A socket option with its value. Options for queues, sizes and heartbeats apply to later binds and connects, so set
/// them first.
public enum ZeroMQOption: Sendable, Hashable {
    /// Maximum number of messages queued for sending, per peer; 0: no limit; libzmq's default 1,000.
    case sendHighWaterMark(Int)
    /// Maximum number of messages queued for receiving, per peer; 0: no limit; libzmq's default 1,000.
    case receiveHighWaterMark(Int)
    /// How long unsent messages are still sent after closing; nil: forever; 1 s here unless set.
    case linger(Duration?)
    /// A peer that sends a larger frame is disconnected; nil: no limit.
    case maximumMessageSize(Int?)
    /// SUB: receive messages that start with these bytes; empty: all messages.
    case subscribe([UInt8])
    /// SUB: cancel one such subscription.
    case unsubscribe([UInt8])
    /// The name by which a ROUTER on the other side identifies this socket; 1 to 255 bytes, the first not 0.
    case routingID([UInt8])
    /// Queue messages only for peers that are fully connected, so that sending waits (or reports that it would) while
    /// no peer is connected.
    case immediate(Bool)
    /// Pause before reconnecting; libzmq's default 100 ms.
    case reconnectInterval(Duration)
    /// The reconnect pause doubles up to this limit; zero: it stays constant.
    case reconnectIntervalMaximum(Duration)
    /// Abandon a connection attempt after this time; zero: use the system's limit.
    case connectTimeout(Duration)
    /// A peer that does not complete the handshake within this time is disconnected; libzmq's default 30 s; zero:
    /// never.
    case handshakeInterval(Duration)
    /// TCP keep-alive probes on or off.
    case tcpKeepalive(Bool)
    /// Idle time before the first probe; whole seconds.
    case tcpKeepaliveIdle(Duration)
    /// Time between probes; whole seconds.
    case tcpKeepaliveInterval(Duration)
    /// Number of unanswered probes after which the connection is closed.
    case tcpKeepaliveCount(Int)
    /// Close the connection if data sent over TCP is not acknowledged within this time; zero: use the system's limit.
    case tcpMaximumRetransmitTime(Duration)
    /// Maximum number of connections waiting to be accepted; libzmq's default 100.
    case backlog(Int)
    /// The kernel's send buffer in bytes.
    case sendBufferSize(Int)
    /// The kernel's receive buffer in bytes.
    case receiveBufferSize(Int)
    /// Accept and connect IPv6 as well.
    case ipv6(Bool)
    /// ROUTER: sending to an unknown peer throws `.hostUnreachable` instead of dropping the message.
    case routerMandatory(Bool)
    /// ROUTER: a peer that arrives with a known routing id takes it over, as a reconnecting acquisition client does.
    case routerHandover(Bool)
    /// Introduce this socket to ROUTER peers with an empty message.
    case probeRouter(Bool)
    /// XPUB: also report subscriptions that another subscriber already has.
    case xpubVerbose(Bool)
    /// XPUB: also report every unsubscription.
    case xpubVerboser(Bool)
    /// XPUB: sending waits for slow subscribers instead of dropping messages.
    case xpubNoDrop(Bool)
    /// XPUB: the program decides what to subscribe.
    case xpubManual(Bool)
    /// XPUB: the first message sent to a new subscriber.
    case xpubWelcomeMessage([UInt8])
    /// Keep only the last message; single-part messages only.
    case conflate(Bool)
    /// Domain passed to the authenticator.
    case zapDomain(String)
    /// This side of a CURVE connection is the server.
    case curveServer(Bool)
    /// This side's public key: 32 bytes, or 40 characters of Z85.
    case curvePublicKey([UInt8])
    /// This side's secret key: 32 bytes, or 40 characters of Z85.
    case curveSecretKey([UInt8])
    /// Client: the server's public key, 32 bytes, or 40 characters of Z85.
    case curveServerKey([UInt8])

    /// SUB: receive messages whose first frame starts with this text.
    public static func subscribe(_ prefix: String) -> ZeroMQOption { .subscribe(Array(prefix.utf8)) }
    /// SUB: cancel one such subscription.
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
    /// Disconnects a TCP peer that vanished silently, through loss of power or network, after fifteen seconds. Call
    /// before `bind` or `connect`.
    ///
    /// Uses the system's keep-alive rather than libzmq's heartbeat: libzmq 4.3 terminates the process (`Assertion
    /// failed: !_io_error`) if a heartbeat is due on a connection that broke while data received from it was waiting
    /// for room in the socket (libzmq issue 4841).
    public func noticeVanishedPeers() throws(ZeroMQError) {
        try set(.tcpKeepalive(true))
        try set(.tcpKeepaliveIdle(.seconds(5)))
        try set(.tcpKeepaliveInterval(.seconds(5)))
        try set(.tcpKeepaliveCount(2))
    }

    /// - Throws: `.invalidArgument` for a value out of range, or an option that this socket type does not have. The
    ///   error names the option but never its value, which may be a secret.
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

    /// The endpoint of the last `bind` or `connect`, with the port chosen for a wildcard. Empty before the first.
    public func lastEndpoint() throws(ZeroMQError) -> String {
        // The longest possible: an ipc path of 107 bytes or an IPv6 address with an interface.
        var buffer = [UInt8](repeating: 0, count: 1024)
        var size = buffer.count
        guard zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &buffer, &size) == 0 else {
            throw ZeroMQError(lastOf: "get the last endpoint")
        }
        return String(decoding: buffer.prefix(size).prefix { $0 != 0 }, as: UTF8.self)
    }

    /// What can currently be done without blocking.
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
