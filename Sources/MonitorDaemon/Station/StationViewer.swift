import FoundationEssentials
import NIOCore
import NIOWebSocket

/// One browser that looks on: its rights, what it has opened, and its WebSocket. Lives on the station's event loop.
final class StationViewer: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    static let maximumFrameBytes = 4096
    private static let maximumMessagesPerSecond = 20
    /// For signing in, and for a viewer that takes nothing.
    private static let patience: UInt64 = 10_000_000_000

    /// Codes of RFC 6455, and our own for a token that is not right.
    enum Closing: UInt16 {
        case goingAway = 1001
        case badMessage = 1007
        case tooMuch = 1008
        case tooSlow = 1013
        case refused = 4401
    }

    let id: UInt64
    private unowned let hub: StationHub
    private var context: ChannelHandlerContext?
    private(set) var rights = StationAccess.Rights(mayView: false, mayCommand: false)
    private(set) var token = ""
    private(set) var hasSignedIn = false
    var openBed: String?
    /// It has the whole state, and every change since.
    var hasState = false
    private var isClosing = false
    private let since = DaemonClock.monotonic()
    private var stuckSince: UInt64?
    private var messageSecond: UInt64 = 0
    private var messagesInSecond = 0

    init(id: UInt64, hub: StationHub) {
        self.id = id
        self.hub = hub
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        hub.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        hub.remove(self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        hub.remove(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: What it says

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text where frame.fin: take(frame.unmaskedData)
        case .ping where frame.fin:
            guard isWithinRate() else { return close(.tooMuch) }
            send(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
        case .pong: if !isWithinRate() { close(.tooMuch) }
        case .connectionClose: close(.goingAway)
        default: close(.badMessage)
        }
    }

    private func take(_ buffer: ByteBuffer) {
        guard isWithinRate() else { return close(.tooMuch) }
        guard let request = try? JSONDecoder().decode(StationMessage.Request.self, from: Data(buffer.readableBytesView))
        else { return close(.badMessage) }
        hub.take(request, from: self)
    }

    private func isWithinRate() -> Bool {
        let second = DaemonClock.monotonic() / 1_000_000_000
        if second != messageSecond {
            messageSecond = second
            messagesInSecond = 0
        }
        messagesInSecond += 1
        return messagesInSecond <= Self.maximumMessagesPerSecond
    }

    /// - Returns: whether it may view.
    func signIn(_ token: String, _ rights: StationAccess.Rights) -> Bool {
        self.token = token
        self.rights = rights
        hasSignedIn = rights.mayView
        return hasSignedIn
    }

    // MARK: What it gets

    /// Whether it takes what it is sent. One that does not for long is sent away.
    func canTake(at now: UInt64) -> Bool {
        guard let context, !isClosing else { return false }
        if !hasSignedIn {
            if now &- since > Self.patience { close(.refused) }
            return false
        }
        if context.channel.isWritable {
            stuckSince = nil
            return true
        }
        if let stuckSince {
            if now &- stuckSince > Self.patience {
                hub.metrics.viewersTooSlow.add(1)
                // It would not read why.
                isClosing = true
                context.close(promise: nil)
            }
        } else {
            stuckSince = now
        }
        return false
    }

    func send(_ text: ByteBuffer) { send(WebSocketFrame(fin: true, opcode: .text, data: text)) }

    private func send(_ frame: WebSocketFrame) {
        guard let context, !isClosing else { return }
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func close(_ reason: Closing) {
        guard let context, !isClosing else { return }
        var data = context.channel.allocator.buffer(capacity: 2)
        data.writeInteger(reason.rawValue)
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
        isClosing = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(frame)).whenComplete { _ in channel.close(promise: nil) }
        // Whether or not it takes it.
        context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }
}
