import NIOCore
import NIOHTTP1
import StationPage

/// The page's files, and how they are answered. Nothing in a request names a file of the machine.
enum StationPages {
    struct Answer {
        var status: HTTPResponseStatus
        var type: String
        var body: [UInt8]
    }

    /// Nothing but the station's own files is loaded, no script stands in the page, nobody can frame it, and scripts
    /// can make no markup out of text.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
        """

    static func answer(_ method: HTTPMethod, _ uri: String) -> Answer {
        guard method == .GET || method == .HEAD else {
            return problem(.methodNotAllowed)
        }
        let path = String(uri.prefix { $0 != "?" })
        guard let file = StationFile.named(path == "/" ? "/index.html" : path) else { return problem(.notFound) }
        return Answer(status: .ok, type: file.type, body: file.bytes)
    }

    static func problem(_ status: HTTPResponseStatus) -> Answer {
        Answer(
            status: status, type: "text/plain; charset=utf-8", body: Array("\(status.reasonPhrase.lowercased())\n".utf8)
        )
    }

    static func head(of answer: Answer) -> HTTPResponseHead {
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: answer.type)
        headers.add(name: "Content-Length", value: "\(answer.body.count)")
        headers.add(name: "Content-Security-Policy", value: policy)
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        headers.add(name: "Referrer-Policy", value: "no-referrer")
        headers.add(name: "Cross-Origin-Opener-Policy", value: "same-origin")
        headers.add(name: "Cross-Origin-Resource-Policy", value: "same-origin")
        headers.add(name: "Cache-Control", value: "no-store")
        headers.add(name: "Connection", value: "close")
        if answer.status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
        return HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
    }
}

/// Answers one request and closes the connection.
final class StationPageHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let access: StationAccess
    private var head: NIOHTTP1.HTTPRequestHead?

    init(access: StationAccess) { self.access = access }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    private func answer(_ head: NIOHTTP1.HTTPRequestHead, _ context: ChannelHandlerContext) {
        let hosts = head.headers["host"]
        let answer =
            if hosts.count != 1 || !access.isKnown(host: hosts[0]) {
                StationPages.problem(.misdirectedRequest)
            } else if head.uri == "/socket" {
                StationPages.problem(.forbidden)
            } else {
                StationPages.answer(head.method, head.uri)
            }
        context.write(wrapOutboundOut(.head(StationPages.head(of: answer))), promise: nil)
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Bounds what a connection may send and how long it may take before it is a viewer.
final class StationRequestBounds: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    static let maximumBytes = 16_384
    static let patience = TimeAmount.seconds(5)
    private var bytes = 0
    private var deadline: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytes
        guard bytes <= Self.maximumBytes else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }
}
