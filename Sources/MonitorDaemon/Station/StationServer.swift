import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// The station's page and its WebSocket over HTTP/1.1: SwiftNIO on one event loop, which is the station's only thread.
///
/// Bounded: connections, the bytes and the time of a request (`StationRequestBounds`), the size and the rate of what a
/// viewer says and the bytes that wait for it (`StationViewer`).
final class StationServer: Sendable {
    /// Bytes that may wait for a viewer: more, and it gets nothing until it has taken most of them.
    private static let waitingBytes = ChannelOptions.Types.WriteBufferWaterMark(low: 256 << 10, high: 3 << 20)
    private static let backlog: Int32 = 64

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let hub: StationHub
    private let turns: RepeatedTask
    let port: Int

    /// - Throws: `IOError` where the address cannot be had.
    init(settings: DaemonConfiguration.Station, hub: StationHub, access: StationAccess) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        hub.work(on: group.next())
        let connections = StationConnections(most: settings.maximumConnections, metrics: hub.metrics)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: Self.waitingBytes)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.admit(channel) else { throw StationConnections.Full() }
                    try Self.configure(channel, hub: hub, access: access)
                }
            }
        do {
            channel = try await bootstrap.bind(host: settings.address, port: settings.port).get()
        } catch {
            await hub.stop()
            try? await group.shutdownGracefully()
            throw error
        }
        self.group = group
        self.hub = hub
        port = channel.localAddress?.port ?? settings.port
        turns = channel.eventLoop.scheduleRepeatedTask(initialDelay: StationHub.tick, delay: StationHub.tick) { _ in
            hub.turn()
        }
    }

    private static func configure(_ channel: any Channel, hub: StationHub, access: StationAccess) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(StationRequestBounds())
        let pages = StationPageHandler(access: access)
        let boundPages = NIOLoopBound(pages, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: StationViewer.maximumFrameBytes,
            shouldUpgrade: { channel, head in
                let isWanted = head.method == .GET && head.uri == "/socket" && access.isOwn(head.headers)
                return channel.eventLoop.makeSucceededFuture(isWanted ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    pipeline.removeHandler(try pipeline.handler(type: StationRequestBounds.self), promise: nil)
                    try pipeline.addHandler(hub.makeViewer())
                }
            })
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    context.pipeline.syncOperations.removeHandler(boundPages.value, promise: nil)
                }
            ))
        try pipeline.addHandler(pages)
    }

    /// Tells the viewers to come again, and ends.
    func stop() async {
        let (hub, turns) = (hub, turns)
        try? await channel.eventLoop.submit {
            turns.cancel()
            hub.closeAll()
        }.get()
        try? await channel.close()
        await hub.stop()
        try? await group.shutdownGracefully()
    }
}

/// How many connections there are. Lives on the station's event loop.
final class StationConnections: Sendable {
    struct Full: Error {}

    private let most: Int
    private let metrics: StationMetrics

    init(most: Int, metrics: StationMetrics) {
        self.most = most
        self.metrics = metrics
    }

    /// - Returns: false where there are as many as may be; the connection is to be closed.
    func admit(_ channel: any Channel) -> Bool {
        guard metrics.connections.increment(upTo: most) else {
            metrics.connectionsRefused.add(1)
            return false
        }
        let metrics = metrics
        channel.closeFuture.whenComplete { _ in metrics.connections.decrement() }
        return true
    }
}
