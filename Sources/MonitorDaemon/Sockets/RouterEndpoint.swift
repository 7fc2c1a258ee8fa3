import ECGSecurity
import ZeroMQ

/// Where a reply goes: back to the peer that the message came from.
struct ReplyAddress: Sendable, Hashable {
    /// The peer's routing id.
    let routingID: [UInt8]
    /// The peer is a REQ socket, which wants an empty frame before the body.
    let hasEmptyFrame: Bool

    init(routingID: [UInt8], hasEmptyFrame: Bool = false) {
        self.routingID = routingID
        self.hasEmptyFrame = hasEmptyFrame
    }

    /// - Parameter message: any that a ROUTER socket received.
    init(of message: borrowing ZeroMQMessage) {
        routingID = message.bytes(ofFrame: 0)
        hasEmptyFrame = message.frameCount == 3 && message.size(ofFrame: 1) == 0
    }

    /// Whether the message is one body in the envelope of this address, without further frames.
    func isWholeEnvelope(of message: borrowing ZeroMQMessage) -> Bool {
        (message.frameCount == 2 || hasEmptyFrame) && message.discardedFrameCount == 0
    }

    fileprivate func frames(before body: [UInt8]) -> [[UInt8]] {
        hasEmptyFrame ? [routingID, [], body] : [routingID, body]
    }
}

/// A ROUTER socket on all endpoints of a service that is asked and replies. It belongs to the thread that made it.
///
/// Replies are never waited for: a peer that does not read its replies loses them, and disturbs nobody else.
final class RouterEndpoint {
    struct Options {
        var receiveQueueMessages = 256
        var sendQueueMessages: Int
        /// libzmq closes the connection of a peer that sends a larger frame, before it is read.
        var maximumMessageBytes: Int
        /// How long replies may still be sent after the socket is closed.
        var linger: Duration
        var backlog = 256
    }

    private let socket: ZeroMQSocket
    private let access: AccessControl
    /// As bound, with the ports that the system chose.
    let boundEndpoints: [String]
    /// Used again for each message.
    private var message = ZeroMQMessage()

    /// Opens and binds the socket.
    /// - Parameter option: the command-line option that chooses other endpoints.
    init(
        _ sockets: ZeroMQContext, on endpoints: [String], option: String, access: AccessControl, _ options: Options
    ) throws(StartFailure) {
        let socket = try ZeroMQSocket.open(
            sockets, .router,
            [
                .receiveHighWaterMark(options.receiveQueueMessages), .sendHighWaterMark(options.sendQueueMessages),
                .maximumMessageSize(options.maximumMessageBytes), .linger(options.linger), .backlog(options.backlog),
                // Without this, libzmq drops a reply to a peer that has gone or does not read, and does not report it.
                .routerMandatory(true),
            ])
        boundEndpoints = try socket.listen(on: endpoints, option: option, security: access.socketSecurity)
        self.socket = socket
        self.access = access
    }

    /// Waits for messages, and for whatever else is added to it.
    func makePoller(_ wakeUps: WakeUp?...) -> ZeroMQPoller {
        var poller = ZeroMQPoller()
        poller.add(socket)
        for wakeUp in wakeUps { if let wakeUp { poller.add(fileDescriptor: wakeUp.fileDescriptor) } }
        return poller
    }

    /// Handles messages that have arrived, without waiting for more. Binds the endpoints again first if the server's
    /// key has changed.
    /// - Parameters:
    ///   - limit: the maximum number of messages.
    ///   - isWanted: asked before each message.
    /// - Returns: how many messages were handled.
    func receive(
        upTo limit: Int, while isWanted: @autoclosure () -> Bool = true,
        _ handle: (borrowing ZeroMQMessage) throws(ZeroMQError) -> Void
    ) throws(ZeroMQError) -> Int {
        if access.mustBindAgain() { try socket.listenAgain(on: boundEndpoints, security: access.socketSecurity) }
        var count = 0
        while count < limit, isWanted(), try socket.receive(into: &message, timeout: .zero) {
            try handle(message)
            count += 1
        }
        return count
    }

    /// Sends a reply without waiting.
    /// - Returns: false if the reply is lost: the peer has gone, or does not read.
    func send(_ body: [UInt8], to address: ReplyAddress) throws(ZeroMQError) -> Bool {
        do throws(ZeroMQError) {
            return try socket.send(parts: address.frames(before: body), timeout: .zero)
        } catch  where error.code == .hostUnreachable || error.code == .again {
            return false
        }
    }

    /// Removes the socket files that libzmq leaves behind; the socket itself closes with the endpoint.
    func removeSocketFiles() { ZeroMQSocket.removeSocketFiles(of: boundEndpoints) }
}
