import ECGSecurity
import ECGWire
import Logging
import SwiftProtobuf
import ZeroMQ

/// The thread that answers questions about what was published: a ROUTER socket on every history endpoint, and a
/// connection to the journal that only reads. One question at a time, each with a bounded answer; who does not read his
/// answers loses them, and nobody waits for him.
struct HistoryLoop: ~Copyable {
    private let socket: ZeroMQSocket
    private let endpoints: [String]
    private let answer: HistoryAnswer
    private let stop: StopRequest
    private let access: AccessControl
    private let metrics: DaemonMetrics
    private let activity: ThreadActivity
    private let log: PeriodicLog

    private static let burst = 16

    /// Opens and binds the socket: to be called on the thread that runs the loop.
    init(
        context: ZeroMQContext, reader: JournalReader, stop: StopRequest, access: AccessControl,
        settings: DaemonConfiguration,
        metrics: DaemonMetrics, activity: ThreadActivity, log: PeriodicLog
    ) throws(StartFailure) {
        let socket = try Self.open(context)
        endpoints = try socket.listen(
            on: settings.history.endpoints, option: "--history", security: access.socketSecurity)
        self.socket = socket
        answer = HistoryAnswer(reader: reader)
        self.stop = stop
        self.access = access
        self.metrics = metrics
        self.activity = activity
        self.log = log
    }

    private static func open(_ context: ZeroMQContext) throws(StartFailure) -> ZeroMQSocket {
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .router)
            try socket.set(.receiveHighWaterMark(256))
            try socket.set(.sendHighWaterMark(16))
            try socket.set(.maximumMessageSize(1 << 20))
            // An asker that has gone, or does not read, is noticed.
            try socket.set(.routerMandatory(true))
            try socket.set(.linger(.zero))
            try socket.set(.backlog(256))
            return socket
        } catch {
            throw .socket(error)
        }
    }

    var boundEndpoints: [String] { endpoints }

    /// Answers until asked to stop.
    /// - Throws: what no loop can go on after.
    mutating func run() throws(ZeroMQError) {
        var poller = ZeroMQPoller()
        poller.add(socket)
        poller.add(fileDescriptor: stop.wakeUp.fileDescriptor)
        var message = ZeroMQMessage()
        while !stop.isRequested {
            try poller.wait(timeout: .milliseconds(250))
            if access.mustBindAgain() { try socket.listenAgain(on: endpoints, security: access.socketSecurity) }
            var done = 0
            while done < Self.burst, !stop.isRequested, try socket.receive(into: &message, timeout: .zero) {
                try take(message)
                activity.didWork()
                done += 1
            }
            if done == 0 { activity.wasIdle() }
        }
        ZeroMQSocket.removeSocketFiles(of: endpoints)
    }

    private func take(_ message: borrowing ZeroMQMessage) throws(ZeroMQError) {
        metrics.journal.historyRequests.add(1)
        let last = message.frameCount - 1
        let isREQ = message.frameCount == 3 && message.size(ofFrame: 1) == 0
        var address = ReturnAddress(envelope: [message.bytes(ofFrame: 0)] + (isREQ ? [[]] : []), encoding: .json)
        guard message.frameCount == 2 || isREQ, message.discardedFrameCount == 0 else {
            return try refuse("frames beside the request", number: 0, address)
        }
        guard message.size(ofFrame: last) <= HistoryAnswer.largestRequest, message.size(ofFrame: last) > 0 else {
            return try refuse("empty, or larger than \(HistoryAnswer.largestRequest) bytes", number: 0, address)
        }
        address.encoding = message.withFrame(last) { BodyEncoding(of: $0) }
        guard let request = message.withFrame(last, { Self.read($0, address.encoding) }) else {
            return try refuse("not a HistoryRequest in JSON or binary protobuf", number: 0, address)
        }
        let peer = access.peer(of: message)
        guard peer.mayAskForHistory else {
            return try refuse("this key has no right to it", number: request.number, address, key: peer.name)
        }
        let reply: WireHistoryReply
        do {
            reply = try answer.reply(to: request, of: peer)
        } catch let problem as HistoryAnswer.Problem {
            return try refuse(problem.words, number: request.number, address)
        } catch {
            log.note("the journal cannot be read", cause: "journal", stream: "", detail: "\(error)")
            return try refuse("the journal cannot be read", number: request.number, address)
        }
        metrics.journal.historyEvents.add(reply.events.count)
        try send(reply, address)
    }

    static func read(_ body: UnsafeRawBufferPointer, _ encoding: BodyEncoding) -> WireHistoryRequest? {
        switch encoding {
        case .binary: return try? WireHistoryRequest(serializedBytes: body.bytes)
        case .json:
            var options = JSONDecodingOptions()
            options.ignoreUnknownFields = true
            return try? WireHistoryRequest(jsonUTF8Bytes: Array(body), options: options)
        }
    }

    /// - Parameter key: the name of one that has no right to what it asked for.
    private func refuse(
        _ words: String, number: UInt64, _ address: ReturnAddress, key: String? = nil
    ) throws(ZeroMQError) {
        metrics.journal.historyRefused.add(1)
        if let key {
            log.note("history request refused", cause: "not_permitted", stream: "", key: key)
        } else {
            log.note("history request refused", cause: "invalid", stream: "", detail: words)
        }
        var reply = WireHistoryReply()
        reply.schemaVersion = SampleBlockLimits.schemaVersion
        reply.number = number
        reply.error = words
        try send(reply, address)
    }

    private func send(_ reply: WireHistoryReply, _ address: ReturnAddress) throws(ZeroMQError) {
        guard let body = try? reply.body(as: address.encoding) else { return }
        do throws(ZeroMQError) {
            if try socket.send(parts: address.envelope + [body], timeout: .zero) { return }
        } catch  where error.code == .hostUnreachable || error.code == .again {
            // Counted like one that does not read.
        }
        metrics.journal.historyRepliesDropped.add(1)
    }
}
