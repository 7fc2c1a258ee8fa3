/// A connection request as libzmq passes it to the authenticator (ZAP, ZeroMQ RFC 27).
public struct ZAPRequest: Sendable, Equatable {
    /// How the peer proves its identity.
    public enum Credentials: Sendable, Equatable {
        /// Not at all: mechanism NULL.
        case none
        /// By holding the secret half of this key: mechanism CURVE.
        case curve(CurvePublicKey)
        /// Another mechanism, or invalid fields.
        case other(mechanism: String)
    }

    /// The socket's domain.
    public var domain: String
    /// The peer's address as reported by the system.
    public var address: String
    public var credentials: Credentials
}

/// The authenticator's answer.
public enum ZAPDecision: Sendable, Equatable {
    /// Admitted under this name, which becomes `ZeroMQMessage.userID` of everything that the peer sends.
    case allow(userID: String)
    case refuse
}

/// Decides for every socket of a context whether a connection is admitted. Create it before the sockets are bound:
/// without an authenticator libzmq admits everyone. At most one per context.
///
/// It belongs to the thread that created it. While it does not answer, handshakes wait; established connections
/// continue.
public struct ZAPAuthenticator: ~Copyable {
    private let socket: ZeroMQSocket
    private var message = ZeroMQMessage()

    /// - Throws: `.addressInUse` if the context already has one.
    public init(_ context: ZeroMQContext) throws(ZeroMQError) {
        // ROUTER rather than REP, so that an invalid request can be left unanswered.
        let socket = try ZeroMQSocket(context, .router)
        try socket.set(.linger(.zero))
        try socket.bind("inproc://zeromq.zap.01")
        self.socket = socket
    }

    /// Adds it to a poller.
    @discardableResult
    public func add(to poller: inout ZeroMQPoller) -> Int { poller.add(socket) }

    /// Answers the pending requests.
    /// - Returns: the number of requests answered.
    /// - Throws: errors after which an event loop cannot continue.
    public mutating func answer(
        decide: (ZAPRequest) -> ZAPDecision
    ) throws(ZeroMQError) -> Int {
        var count = 0
        while try socket.receive(into: &message, timeout: .zero) {
            count += 1
            // Routing id, empty, version, request id, domain, address, identity, mechanism, credentials...
            guard message.frameCount >= 8, message.size(ofFrame: 1) == 0, message.text(ofFrame: 2) == "1.0" else {
                continue
            }
            let decision: ZAPDecision = request().map(decide) ?? .refuse
            let (status, text, userID) =
                switch decision {
                case .allow(let userID): ("200", "OK", userID)
                case .refuse: ("400", "not authorized", "")
                }
            let envelope = [message.bytes(ofFrame: 0), [], Array("1.0".utf8), message.bytes(ofFrame: 3)]
            let answer = [Array(status.utf8), Array(text.utf8), Array(userID.utf8), []]
            do throws(ZeroMQError) {
                try socket.send(parts: envelope + answer, timeout: .zero)
            } catch  where error.code == .hostUnreachable {
                // The requester has gone.
                continue
            }
        }
        return count
    }

    private func request() -> ZAPRequest? {
        guard let domain = message.text(ofFrame: 4), let address = message.text(ofFrame: 5),
            let mechanism = message.text(ofFrame: 7)
        else { return nil }
        let credentials: ZAPRequest.Credentials
        switch mechanism {
        case "NULL" where message.frameCount == 8: credentials = .none
        case "CURVE" where message.frameCount == 9:
            guard let key = CurvePublicKey(bytes: message.bytes(ofFrame: 8)) else { return nil }
            credentials = .curve(key)
        default: credentials = .other(mechanism: mechanism)
        }
        return ZAPRequest(domain: domain, address: address, credentials: credentials)
    }
}
