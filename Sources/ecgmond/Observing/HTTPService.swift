import ECGATKGAN
import FlyingFox
import FlyingSocks
import FoundationEssentials
import Glibc
import Logging
import ServiceLifecycle

/// The pages for operations, read-only, on loopback or behind a token: `/metrics`, `/healthz`, `/readyz`, and an index.
struct HTTPService: Service {
    let settings: DaemonConfiguration.HTTP
    let pipeline: Pipeline
    let security: LiveSecurity
    let state: DaemonState
    /// Carries the port when the pages are served, then ends.
    let listening: AsyncStream<UInt16>.Continuation

    func run() async throws {
        defer { listening.finish() }
        guard settings.enabled else {
            listening.finish()
            try? await gracefulShutdown()
            return
        }
        let server = try makeServer()
        for (route, page) in pages {
            await server.appendRoute(route) { request in
                isAllowed(request) ? try await page(request) : Self.unauthorized
            }
        }
        let announcement = Task { [listening] in
            try await server.waitUntilListening(timeout: 10)
            switch await server.listeningAddress {
            case .ip4(_, let port), .ip6(_, let port): listening.yield(port)
            default: break
            }
            listening.finish()
        }
        defer { announcement.cancel() }
        do {
            try await withGracefulShutdownHandler {
                try await server.run()
            } onGracefulShutdown: {
                Task { await server.stop(timeout: 0.2) }
            }
        } catch {
            // Stopping closes the listening socket, which ends the server with an error of its own.
            if state.phase == .stopping { return }
            guard let error = error as? SocketError else { throw error }
            throw StartFailure.http(address: settings.address, port: settings.port, Self.reason(error))
        }
    }

    private func makeServer() throws -> HTTPServer {
        let port = UInt16(clamping: settings.port)
        if settings.address.contains(":") {
            let host = settings.address.filter { $0 != "[" && $0 != "]" }
            return HTTPServer(address: try sockaddr_in6.inet6(ip6: host, port: port), logger: .disabled)
        }
        return HTTPServer(address: try sockaddr_in.inet(ip4: settings.address, port: port), logger: .disabled)
    }

    private static func reason(_ error: SocketError) -> String {
        switch error {
        case .failed(_, let code, _) where code == EADDRINUSE: "the port is in use"
        case .failed(_, let code, _) where code == EACCES: "permission denied"
        default: "\(error)"
        }
    }

    /// Where there is a token every request needs it, `/healthz` too: who may not know, may not know that.
    private func isAllowed(_ request: HTTPRequest) -> Bool {
        guard let token = security.current.httpToken else { return true }
        if token.isCarried(by: request.headers[.authorization]) { return true }
        pipeline.metrics.httpUnauthorized.add(1)
        return false
    }

    private static var unauthorized: HTTPResponse {
        HTTPResponse(
            statusCode: .unauthorized, headers: [HTTPHeader("WWW-Authenticate"): "Bearer", .connection: "close"],
            body: Data("a token is needed\n".utf8))
    }

    private typealias Page = @Sendable (HTTPRequest) async throws -> HTTPResponse

    private var pages: [(HTTPRoute, Page)] {
        [
            ("GET /metrics", { _ in Self.text(metrics(), type: MetricsPage.contentType) }),
            ("GET /healthz", { _ in health() }),
            ("GET /readyz", { _ in readiness() }),
            ("GET /", { _ in Self.text(Self.index, type: "text/html; charset=utf-8") }),
        ]
    }

    private func metrics() -> String {
        MetricsPage.render(
            pipeline.metrics, version: DaemonVersion.text, modelName: pipeline.classifier.name,
            modelSHA256: pipeline.classifier.sha256, queues: pipeline.queues)
    }

    /// Whether the process is worth keeping: every thread shows life.
    private func health() -> HTTPResponse {
        let stuck = state.stuck
        return stuck.isEmpty
            ? Self.text("ok\n")
            : Self.text("no sign of life from \(stuck.joined(separator: ", "))\n", status: .serviceUnavailable)
    }

    /// Whether samples may be sent here.
    private func readiness() -> HTTPResponse {
        switch state.phase {
        case .ready: Self.text("ready\n")
        case .starting: Self.text("starting\n", status: .serviceUnavailable)
        case .stopping: Self.text("stopping\n", status: .serviceUnavailable)
        }
    }

    private static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPStatusCode = .ok
    ) -> HTTPResponse {
        HTTPResponse(
            statusCode: status, headers: [.contentType: type, HTTPHeader("Cache-Control"): "no-store"],
            body: Data(text.utf8))
    }

    private static let index = """
        <!doctype html><meta charset="utf-8"><title>ecgmond</title>
        <h1>ecgmond \(DaemonVersion.text)</h1>
        <ul><li><a href="/metrics">metrics</a><li><a href="/healthz">healthz</a><li><a href="/readyz">readyz</a></ul>

        """
}
