import ECGMonitor
import ECGSecurity
import ECGWire
import Logging
import ZeroMQ

/// The thread that takes commands: a ROUTER socket on every command endpoint. It parses and checks each, hands it to
/// the worker
/// that owns its stream, which applies it between two of the stream's segments, and sends the reply.
///
/// Every message is answered as far as it can be: one that is no command with what is wrong. A sender that does not
/// read its
/// replies loses them, and nobody waits for it.
struct CommandLoop: ~Copyable {
    private let socket: ZeroMQSocket
    private let endpoints: [String]
    private let queues: [BoundedQueue<WorkerInput>]
    private let replies: BoundedQueue<OutgoingReply>
    private let wakeUp: WakeUp
    private let access: AccessControl
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity
    private let log: PeriodicLog

    /// Messages taken between two looks at the replies.
    private static let burst = 64
    /// Routing id, empty frame, command.
    private static let mostFrames = 3
    /// A sender of larger frames is cut off by libzmq before they are read.
    private static let connectionLimitBytes = 1 << 20

    /// Opens and binds the socket: to be called on the thread that runs the loop.
    /// - Parameter wakeUp: the one that `replies` signals.
    init(
        context: ZeroMQContext, queues: [BoundedQueue<WorkerInput>], replies: BoundedQueue<OutgoingReply>,
        wakeUp: WakeUp, access: AccessControl, settings: DaemonConfiguration, metrics: DaemonMetrics,
        activity: ThreadActivity, log: PeriodicLog
    ) throws(StartFailure) {
        let socket = try Self.open(context)
        endpoints = try socket.listen(
            on: settings.commands.endpoints, option: "--commands", security: access.socketSecurity)
        self.socket = socket
        self.queues = queues
        self.replies = replies
        self.wakeUp = wakeUp
        self.access = access
        self.metrics = metrics
        self.activity = activity
        self.log = log
    }

    private static func open(_ context: ZeroMQContext) throws(StartFailure) -> ZeroMQSocket {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .router)
            try socket.set(.receiveHighWaterMark(256))
            try socket.set(.sendHighWaterMark(256))
            try socket.set(.maximumMessageSize(connectionLimitBytes))
            // A sender that has gone, or does not read, is noticed, and what it would have got counted.
            try socket.set(.routerMandatory(true))
            try socket.set(.linger(.milliseconds(500)))
            try socket.set(.backlog(256))
            return socket
        } catch {
            throw .socket(error)
        }
    }

    var boundEndpoints: [String] { endpoints }

    /// Takes commands until the workers have ended and the last reply is sent.
    /// - Throws: what no loop can go on after.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        poller.add(socket)
        poller.add(fileDescriptor: wakeUp.fileDescriptor)
        var message = ZeroMQMessage()
        var batch: [OutgoingReply] = []
        while true {
            try poller.wait(timeout: .milliseconds(250))
            wakeUp.clear()
            if access.mustBindAgain() { try socket.listenAgain(on: endpoints, security: access.socketSecurity) }
            var done = 0
            while done < Self.burst, try socket.receive(into: &message, timeout: .zero) {
                try take(message)
                done += 1
            }
            var ended = false
            repeat {
                batch.removeAll(keepingCapacity: true)
                ended = replies.pop(into: &batch, limit: Self.burst, waitingAtMost: 0)
                for reply in batch { try send(reply) }
                done += batch.count
            } while !batch.isEmpty
            if done > 0 { activity.didWork() } else { activity.wasIdle() }
            if ended { break }
        }
        ZeroMQSocket.removeSocketFiles(of: endpoints)
    }

    private func take(_ message: borrowing ZeroMQMessage) throws(ZeroMQError) {
        let last = message.frameCount - 1
        let isREQ = message.frameCount == 3 && message.size(ofFrame: 1) == 0
        var envelope = [message.bytes(ofFrame: 0)]
        if isREQ { envelope.append([]) }
        var address = ReturnAddress(envelope: envelope, encoding: .json)
        guard message.frameCount == 2 || isREQ, message.discardedFrameCount == 0 else {
            return try refuse("frames beside the command", number: 0, address)
        }
        let wire: WireCommand
        do throws(CommandParsing.Problem) {
            address.encoding = message.withFrame(last) { BodyEncoding(of: $0) }
            wire = try message.withFrame(last) { (frame) throws(CommandParsing.Problem) in
                try CommandParsing.read(frame)
            }
        } catch {
            return try refuse(error.words, number: 0, address)
        }
        var command: AlarmCommand
        do throws(CommandParsing.Problem) {
            command = try CommandParsing.command(wire)
        } catch {
            return try refuse(error.words, number: wire.number, address)
        }
        let peer = access.peer(of: message)
        guard Self.isAllowed(command, on: wire.stream, to: peer) else {
            return try refuseForLackOfRights(peer, wire, address)
        }
        if access.isEnabled {
            // Who it is by his own word, and in brackets, which nobody else can put at the end, the name of the key.
            command.by += " [\(peer.name)]"
            guard AlarmCommand.isValid(name: command.by) else {
                return try refuse("by is too long beside the key's name", number: wire.number, address)
            }
        }
        let received = ReceivedCommand(
            stream: wire.stream, command: command, number: wire.number, returnAddress: address)
        let worker = StreamHash.worker(of: wire.stream, among: queues.count)
        guard queues[worker].push(.command(received), waitingAtMost: 0) == .taken else {
            metrics.commands.add(for: .unavailable)
            try send(
                OutgoingReply(
                    returnAddress: address, stream: wire.stream,
                    reply: WireCommandReply(
                        .unavailable, "the daemon is too busy or about to end", number: wire.number)))
            return
        }
    }

    private static func isAllowed(_ command: AlarmCommand, on stream: String, to peer: Peer) -> Bool {
        if case .list = command.action { return peer.maySeeAlarms(of: stream) }
        return peer.mayAcknowledge(stream)
    }

    private func refuseForLackOfRights(
        _ peer: Peer, _ wire: WireCommand, _ address: ReturnAddress
    ) throws(ZeroMQError) {
        metrics.commands.add(for: .notPermitted)
        log.note(
            "command refused", cause: CommandLabel.notPermitted.rawValue, stream: "", key: peer.name,
            detail: "stream \(wire.stream)")
        let reply = WireCommandReply(.notPermitted, "this key has no right to it", number: wire.number)
        try send(OutgoingReply(returnAddress: address, stream: wire.stream, reply: reply))
    }

    private func refuse(_ words: String, number: UInt64, _ address: ReturnAddress) throws(ZeroMQError) {
        metrics.commands.add(for: .invalid)
        log.note("command refused", cause: CommandLabel.invalid.rawValue, stream: "", detail: words)
        try send(OutgoingReply(returnAddress: address, reply: WireCommandReply(.invalid, words, number: number)))
    }

    /// Never waits. A sender that does not read its replies loses them.
    private func send(_ outgoing: OutgoingReply) throws(ZeroMQError) {
        guard let body = try? outgoing.reply.body(as: outgoing.returnAddress.encoding) else { return }
        do throws(ZeroMQError) {
            if try socket.send(parts: outgoing.returnAddress.envelope + [body], timeout: .zero) { return }
        } catch  where error.code == .hostUnreachable || error.code == .again {
            // Counted like one that does not read.
        }
        metrics.count(.commandReplyDropped, of: outgoing.stream)
    }
}
