import ECGSecurity
import ZeroMQ

/// The thread that lets connections in: it answers libzmq's questions by the table of keys.
struct AuthenticatorLoop: ~Copyable {
    private var authenticator: ZAPAuthenticator
    private let live: LiveSecurity
    private let stop: StopRequest
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity
    private let log: PeriodicLog

    /// To be called on the thread that runs the loop, before any socket is bound.
    init(
        context: ZeroMQContext, live: LiveSecurity, stop: StopRequest, metrics: DaemonMetrics,
        activity: ThreadActivity, log: PeriodicLog
    ) throws(StartFailure) {
        do throws(ZeroMQError) {
            authenticator = try ZAPAuthenticator(context)
        } catch {
            throw .socket(error)
        }
        self.live = live
        self.stop = stop
        self.metrics = metrics
        self.activity = activity
        self.log = log
    }

    /// Answers until asked to stop.
    /// - Throws: what no loop can go on after.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        authenticator.add(to: &poller)
        poller.add(fileDescriptor: stop.wakeUp.fileDescriptor)
        let (live, metrics, log) = (live, metrics, log)
        while !stop.isRequested {
            try poller.wait(timeout: .milliseconds(250))
            let count = try authenticator.answer { request in
                let (decision, cause) = Self.decide(request, live)
                if let cause {
                    metrics.handshakesRefused.add(for: cause)
                    log.note("connection refused", cause: cause.rawValue, stream: "", detail: request.address)
                }
                return decision
            }
            if count > 0 { activity.didWork() } else { activity.wasIdle() }
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
        _ request: ZAPRequest, _ live: LiveSecurity, now: Int64 = AccessControl.now
    ) -> (ZAPDecision, RefusalCause?) {
        switch (request.domain, request.credentials) {
        case (SocketSecurity.localDomain, .none): return (.allow(userID: Permissions.localName), nil)
        case (SocketSecurity.curveDomain, .curve(let key)):
            let permissions = live.current.permissions
            guard permissions.entry(key.z85, at: now) != nil else {
                return (.refuse, permissions.keys.contains { $0.key == key } ? .expiredKey : .unknownKey)
            }
            return live.isBanned(key.z85) ? (.refuse, .bannedKey) : (.allow(userID: key.z85), nil)
        default: return (.refuse, .mechanism)
        }
    }
}
