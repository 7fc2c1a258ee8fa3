import ECGSecurity
import ECGWire
import Logging
import ZeroMQ

/// Answers questions about published events: a ROUTER socket on every history endpoint, and a read-only connection to
/// the journal. It answers one question at a time, and each answer is bounded.
struct HistoryService: ThreadService {
    private let endpoint: RouterEndpoint
    private let answer: HistoryAnswer
    private let stop: StopRequest
    private let access: AccessControl
    private let metrics: JournalMetrics
    private let log: PeriodicLog
    private let activity: ThreadActivity

    private static let burst = 16

    /// Opens and binds the socket.
    init(
        _ sockets: ZeroMQContext, reader: JournalReader, stop: StopRequest, context: DaemonContext,
        activity: ThreadActivity
    ) throws(StartFailure) {
        access = AccessControl(context.security)
        endpoint = try RouterEndpoint(
            sockets, on: context.settings.current.history.endpoints, option: "--history", access: access,
            .init(sendQueueMessages: 16, maximumMessageBytes: 1 << 20, linger: .zero))
        answer = HistoryAnswer(reader: reader)
        self.stop = stop
        metrics = context.metrics.journal
        log = context.log
        self.activity = activity
    }

    var boundEndpoints: [String] { endpoint.boundEndpoints }

    /// Answers until asked to stop.
    func run() throws(ZeroMQError) {
        var poller = endpoint.makePoller(stop.wakeUp)
        while !stop.isRequested {
            try poller.wait(timeout: .milliseconds(250))
            let done = try endpoint.receive(upTo: Self.burst, while: !stop.isRequested) {
                (message) throws(ZeroMQError) in
                try handle(message)
                activity.didWork()
            }
            if done == 0 { activity.wasIdle() }
        }
        endpoint.removeSocketFiles()
    }

    private func handle(_ message: borrowing ZeroMQMessage) throws(ZeroMQError) {
        metrics.historyRequests.add(1)
        let last = message.frameCount - 1
        let encoding = message.withFrame(last) { BodyEncoding(of: $0) }
        let reply = ReplyTo(address: ReplyAddress(of: message), encoding: encoding)
        guard reply.address.isWholeEnvelope(of: message) else {
            return try refuse("frames beside the request", number: 0, reply)
        }
        let maximum = HistoryAnswer.maximumRequestBytes
        guard message.size(ofFrame: last) <= maximum, message.size(ofFrame: last) > 0 else {
            return try refuse("empty, or larger than \(maximum) bytes", number: 0, reply)
        }
        guard let request = message.withFrame(last, { WireHistoryRequest.decoded($0, reply.encoding) }) else {
            return try refuse("not a HistoryRequest in JSON or binary protobuf", number: 0, reply)
        }
        let peer = access.peer(of: message)
        guard peer.mayAskForHistory else {
            return try refuse("this key has no right to it", number: request.number, reply, key: peer.name)
        }
        let found: WireHistoryReply
        do {
            found = try answer.reply(to: request, of: peer)
        } catch let problem as HistoryAnswer.Problem {
            return try refuse(problem.words, number: request.number, reply)
        } catch {
            log.note("the journal cannot be read", cause: "journal", stream: "", detail: "\(error)")
            return try refuse("the journal cannot be read", number: request.number, reply)
        }
        metrics.historyEvents.add(found.events.count)
        try send(found, reply)
    }

    /// - Parameter key: the name of a key that has no right to what it asked for.
    private func refuse(
        _ words: String, number: UInt64, _ reply: ReplyTo, key: String? = nil
    ) throws(ZeroMQError) {
        metrics.historyRefused.add(1)
        if let key {
            log.note("history request refused", cause: "not_permitted", stream: "", key: key)
        } else {
            log.note("history request refused", cause: "invalid", stream: "", detail: words)
        }
        var refusal = WireHistoryReply()
        refusal.schemaVersion = SampleBlockLimits.schemaVersion
        refusal.number = number
        refusal.error = words
        try send(refusal, reply)
    }

    private func send(_ answer: WireHistoryReply, _ reply: ReplyTo) throws(ZeroMQError) {
        guard let body = try? answer.body(as: reply.encoding) else { return }
        if try !endpoint.send(body, to: reply.address) { metrics.historyRepliesDropped.add(1) }
    }
}
