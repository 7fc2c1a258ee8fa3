import Glibc
import Logging
import NIOCore
import ServiceLifecycle

/// The central station as a service of the daemon; does nothing where it is switched off.
struct StationService: Service {
    private let server: StationServer?
    /// Where browsers find it; nil: it is not served.
    let address: String?

    /// Why the station is not served although it is switched on; nil: it may be.
    static func obstacle(_ configuration: DaemonConfiguration) -> String? {
        guard configuration.station.enabled, SecurityFiles.isEnabled(configuration.security),
            SecurityFiles.stationViewTokenPath(configuration.station) == nil
        else { return nil }
        return "where endpoints ask for keys, the station needs station.view_token_file"
    }

    /// Starts to serve.
    /// - Throws: `StartFailure`.
    init(pipeline: Pipeline) async throws {
        let context = pipeline.context
        let configuration = context.settings.current
        let settings = configuration.station
        guard let feed = context.station else {
            server = nil
            address = nil
            if let obstacle = Self.obstacle(configuration) {
                context.logger.notice("the central station is not served", metadata: ["reason": "\(obstacle)"])
            }
            return
        }
        let access = StationAccess(
            security: context.security, hostNames: Set(settings.hostNames.map { $0.lowercased() }))
        let hub = StationHub(
            feed: feed, access: access, context: context, metrics: context.metrics.station,
            archive: pipeline.journal.map { StationArchive($0, log: context.log) }, pipeline: pipeline)
        let server: StationServer
        do {
            server = try await StationServer(settings: settings, hub: hub, access: access)
        } catch {
            throw StartFailure.station(address: settings.address, port: settings.port, Self.reason(error))
        }
        self.server = server
        let host = IPAddress(settings.address)?.description ?? settings.address
        address = "http://\(host):\(server.port)/"
    }

    private static func reason(_ error: any Error) -> String {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: "the port is in use"
        case EACCES: "permission denied"
        case EADDRNOTAVAIL: "this machine has no such address"
        default: "\(error)"
        }
    }

    func run() async throws {
        try? await gracefulShutdown()
        await server?.stop()
    }
}
