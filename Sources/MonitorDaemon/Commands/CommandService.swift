import ECGMonitor
import ECGSecurity
import ECGWire
import Logging
import ZeroMQ

/// Takes commands: a ROUTER socket on every command endpoint. Each command is parsed and checked, then dispatched to
/// the worker that owns its stream. The worker applies it between two blocks of the stream, and its reply is sent from
/// here.
///
/// Every message is answered as far as possible; the answer to one that is no command says what is wrong with it.
struct CommandService: ThreadService {
    private let endpoint: RouterEndpoint
    private let workers: WorkerQueues
    private let replies: BoundedQueue<OutgoingReply>
    private let access: AccessControl
    private let metrics: DaemonMetrics
    private let log: PeriodicLog
    private let activity: ThreadActivity

    /// Messages taken before the replies are looked at again.
    private static let burst = 64

    /// Opens and binds the socket.
    init(
        _ sockets: ZeroMQContext, workers: WorkerQueues, replies: BoundedQueue<OutgoingReply>, context: DaemonContext,
        activity: ThreadActivity
    ) throws(StartFailure) {
        access = AccessControl(context.security)
        endpoint = try RouterEndpoint(
            sockets, on: context.settings.current.commands.endpoints, option: "--commands", access: access,
            .init(sendQueueMessages: 256, maximumMessageBytes: 1 << 20, linger: .milliseconds(500)))
        self.workers = workers
        self.replies = replies
        metrics = context.metrics
        log = context.log
        self.activity = activity
    }

    var boundEndpoints: [String] { endpoint.boundEndpoints }

    /// Takes commands until the workers have ended and the last reply is sent.
    func run() throws(ZeroMQError) {
        var poller = endpoint.makePoller(replies.wakeUp)
        var batch: [OutgoingReply] = []
        var hasEnded = false
        while !hasEnded {
            try poller.wait(timeout: .milliseconds(250))
            replies.wakeUp?.clear()
            var done = try endpoint.receive(upTo: Self.burst) { (message) throws(ZeroMQError) in try handle(message) }
            repeat {
                batch.removeAll(keepingCapacity: true)
                hasEnded = replies.pop(into: &batch, limit: Self.burst, waitingAtMost: 0)
                for reply in batch { try send(reply) }
                done += batch.count
            } while !batch.isEmpty
            activity.didTurn(working: done > 0)
        }
        endpoint.removeSocketFiles()
    }

    private func handle(_ message: borrowing ZeroMQMessage) throws(ZeroMQError) {
        let last = message.frameCount - 1
        var reply = ReplyTo(address: ReplyAddress(of: message), encoding: .json)
        guard reply.address.isWholeEnvelope(of: message) else {
            return try refuse("frames beside the command", number: 0, reply)
        }
        var wire: WireCommand
        do throws(CommandParsing.Problem) {
            reply.encoding = message.withFrame(last) { BodyEncoding(of: $0) }
            wire = try message.withFrame(last) { (frame) throws(CommandParsing.Problem) in
                try CommandParsing.read(frame)
            }
        } catch {
            return try refuse(error.words, number: 0, reply)
        }
        let wish: CommandParsing.Wish
        do throws(CommandParsing.Problem) {
            wish = try CommandParsing.wish(wire)
        } catch {
            return try refuse(error.words, number: wire.number, reply)
        }
        let peer = access.peer(of: message)
        guard Self.isAllowed(wish, on: wire.stream, to: peer) else {
            return try refuseForLackOfRights(peer, wire, reply)
        }
        if access.isEnabled {
            // The name that the sender gives, then the key's name in brackets: nobody else can put that at the end.
            wire.by += " [\(peer.name)]"
            guard AlarmCommand.isValid(name: wire.by) else {
                return try refuse("by is too long beside the key's name", number: wire.number, reply)
            }
        }
        if !workers.dispatch(Self.input(wish, wire, reply), of: wire.stream) {
            metrics.commands.add(for: .unavailable)
            try send(.unavailable, "the daemon is too busy or about to end", wire, reply)
        }
    }

    private static func input(_ wish: CommandParsing.Wish, _ wire: WireCommand, _ reply: ReplyTo) -> WorkerInput {
        switch wish {
        case .alarms(let action):
            .command(
                ReceivedCommand(
                    stream: wire.stream, command: AlarmCommand(action, by: wire.by), number: wire.number,
                    origin: .socket(reply), wire: wire))
        case .limits(let values):
            .limits(
                ReceivedLimits(
                    stream: wire.stream, values: values, by: wire.by, number: wire.number, origin: .socket(reply)))
        }
    }

    private static func isAllowed(_ wish: CommandParsing.Wish, on stream: String, to peer: Peer) -> Bool {
        if case .alarms(.list) = wish { return peer.maySeeAlarms(of: stream) }
        return peer.mayAcknowledge(stream)
    }

    private func refuseForLackOfRights(
        _ peer: Peer, _ wire: WireCommand, _ reply: ReplyTo
    ) throws(ZeroMQError) {
        metrics.commands.add(for: .notPermitted)
        log.note(
            "command refused", cause: CommandLabel.notPermitted.rawValue, stream: "", key: peer.name,
            detail: "stream \(wire.stream)")
        try send(.notPermitted, "this key has no right to it", wire, reply)
    }

    private func refuse(_ words: String, number: UInt64, _ reply: ReplyTo) throws(ZeroMQError) {
        metrics.commands.add(for: .invalid)
        log.note("command refused", cause: CommandLabel.invalid.rawValue, stream: "", detail: words)
        try send(OutgoingReply(to: reply, reply: WireCommandReply(.invalid, words, number: number)))
    }

    private func send(
        _ label: CommandLabel, _ text: String, _ wire: WireCommand, _ reply: ReplyTo
    ) throws(ZeroMQError) {
        let answer = WireCommandReply(label, text, number: wire.number)
        try send(OutgoingReply(to: reply, stream: wire.stream, reply: answer))
    }

    private func send(_ outgoing: OutgoingReply) throws(ZeroMQError) {
        guard let body = try? outgoing.reply.body(as: outgoing.to.encoding) else { return }
        if try !endpoint.send(body, to: outgoing.to.address) {
            metrics.count(.commandReplyDropped, of: outgoing.stream)
        }
    }
}
