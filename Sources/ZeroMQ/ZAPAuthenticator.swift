/// Who asks to be let in, as libzmq tells the authenticator (ZAP, ZeroMQ RFC 27).
public struct ZAPRequest: Sendable, Equatable {
    /// What the peer proves who it is with.
    public enum Credentials: Sendable, Equatable {
        /// Nothing: mechanism NULL.
        case none
        /// It holds the secret half of this key: mechanism CURVE.
        case curve(CurvePublicKey)
        /// Another mechanism, or fields that make no sense.
        case other(mechanism: String)
    }

    /// The socket's domain.
    public var domain: String
    /// The peer's address as the system tells it.
    public var address: String
    public var credentials: Credentials
}

/// What the authenticator answers.
public enum ZAPDecision: Sendable, Equatable {
    /// Let in, and known under this name: `ZeroMQMessage.userID` of all that the peer sends.
    case allow(userID: String)
    case refuse
}

/// Decides for every socket of a context whether a connection is let in. It must be there before the sockets are
/// bound: libzmq asks nobody where nobody is. At most one for a context.
///
/// It belongs to the thread that made it. While it does not answer, handshakes wait and connections that stand go on.
public struct ZAPAuthenticator: ~Copyable {
    private let socket: ZeroMQSocket
    private var message = ZeroMQMessage()

    /// - Throws: `.addressInUse` where the context has one already.
    public init(_ context: ZeroMQContext) throws(ZeroMQError) {
        // ROUTER rather than REP: a request that is none can be left unanswered.
        let socket = try ZeroMQSocket(context, .router)
        try socket.set(.linger(.zero))
        try socket.bind("inproc://zeromq.zap.01")
        self.socket = socket
    }

    /// Adds it to a poller.
    @discardableResult
    public func add(to poller: inout ZeroMQPoller) -> Int { poller.add(socket) }

    /// Answers the requests that wait.
    /// - Returns: how many there were.
    /// - Throws: what no loop can go on after.
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
                // Who asked has gone.
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
