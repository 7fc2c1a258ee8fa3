import ECGSecurity
import ZeroMQ

/// Lets connections in: answers libzmq's questions by the table of keys.
struct AuthenticatorService: ThreadService, ~Copyable {
    private var authenticator: ZAPAuthenticator
    private let security: ReloadableSecurity
    private let stop: StopRequest
    private let metrics: DaemonMetrics
    private let log: PeriodicLog
    private let activity: ThreadActivity

    /// To be called before any socket is bound.
    init(
        _ sockets: ZeroMQContext, stop: StopRequest, context: DaemonContext, activity: ThreadActivity
    ) throws(StartFailure) {
        do throws(ZeroMQError) {
            authenticator = try ZAPAuthenticator(sockets)
        } catch {
            throw .socket(error)
        }
        security = context.security
        self.stop = stop
        metrics = context.metrics
        log = context.log
        self.activity = activity
    }

    /// Answers until asked to stop.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        authenticator.add(to: &poller)
        poller.add(fileDescriptor: stop.wakeUp.fileDescriptor)
        let (security, metrics, log) = (security, metrics, log)
        while !stop.isRequested {
            try poller.wait(timeout: .milliseconds(250))
            let count = try authenticator.answer { request in
                let (decision, cause) = Self.decide(request, security)
                if let cause {
                    metrics.handshakesRefused.add(for: cause)
                    log.note("connection refused", cause: cause.rawValue, stream: "", detail: request.address)
                }
                return decision
            }
            activity.didTurn(working: count > 0)
        }
    }

    /// Why somebody was not let in, on `/metrics`; a contract.
    enum RefusalCause: String, CaseIterable, Sendable {
        case unknownKey = "unknown_key"
        case expiredKey = "expired_key"
        case bannedKey = "banned_key"
        /// Anything but CURVE where CURVE is asked for.
        case mechanism
    }

    static func decide(
        _ request: ZAPRequest, _ security: ReloadableSecurity, now: Int64 = AccessControl.now
    ) -> (ZAPDecision, RefusalCause?) {
        switch (request.domain, request.credentials) {
        case (SocketSecurity.localDomain, .none): return (.allow(userID: Permissions.localName), nil)
        case (SocketSecurity.curveDomain, .curve(let key)):
            let permissions = security.current.permissions
            guard permissions.entry(key.z85, at: now) != nil else {
                return (.refuse, permissions.keys.contains { $0.key == key } ? .expiredKey : .unknownKey)
            }
            return security.isBanned(key.z85) ? (.refuse, .bannedKey) : (.allow(userID: key.z85), nil)
        default: return (.refuse, .mechanism)
        }
    }
}
