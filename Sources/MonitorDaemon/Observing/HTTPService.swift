import ECGATKGAN
import ECGClassification
import Glibc
import Logging
import ServiceLifecycle

/// The pages for operations, read-only, on loopback or behind a token: `/metrics`, `/healthz`, `/readyz`, and an index.
struct HTTPService: Service {
    let settings: DaemonConfiguration.HTTP
    let pipeline: Pipeline
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
        let stop: StopRequest
        do throws(SystemCallError) {
            stop = try StopRequest()
        } catch {
            throw StartFailure.threads(error)
        }
        let thread = ServiceThread(name: "http", logger: pipeline.context.logger)
        let bound = try thread.start { _ in
            do throws(SystemCallError) {
                return try HTTPPageServer(
                    address: settings.address, port: UInt16(clamping: settings.port), stop: stop,
                    acceptFailed: acceptFailed, page: page)
            } catch {
                throw StartFailure.http(address: settings.address, port: settings.port, Self.reason(error))
            }
        }
        if let port = bound.first.flatMap({ UInt16($0) }) { listening.yield(port) }
        listening.finish()
        try? await gracefulShutdown()
        // The supervision goes on for a moment: let the pages, too.
        stop.request()
        thread.join()
    }

    private func acceptFailed() {
        let context = pipeline.context
        context.metrics.acceptFailures.add(for: .http)
        context.log.note("connections wait: no file descriptor is free", cause: "no_descriptor_http", stream: "")
    }

    private static func reason(_ error: SystemCallError) -> String {
        switch error.code {
        case EADDRINUSE: "the port is in use"
        case EACCES: "permission denied"
        case EADDRNOTAVAIL: "this machine has no such address"
        default: "\(error)"
        }
    }

    private func page(_ request: HTTPRequestHead) -> HTTPPage {
        // Where there is a token every request needs it, `/healthz` too.
        if let token = pipeline.context.security.current.httpToken, !token.isCarried(by: request.authorization) {
            pipeline.context.metrics.httpUnauthorized.add(1)
            return .problem(.unauthorized)
        }
        guard request.method == "GET" || request.method == "HEAD" else { return .problem(.methodNotAllowed) }
        return switch request.path {
        case "/": HTTPPage(type: "text/html; charset=utf-8", body: Self.index)
        case "/metrics": HTTPPage(type: MetricsPage.contentType, body: metrics())
        case "/healthz": health()
        case "/readyz": readiness()
        default: .problem(.notFound)
        }
    }

    private func metrics() -> String {
        MetricsPage.render(
            pipeline.context.metrics, version: Daemon.version, modelName: pipeline.classifier.name,
            modelSHA256: pipeline.classifier.sha256, queues: pipeline.queues,
            station: pipeline.context.station, isInCluster: pipeline.cluster != nil)
    }

    /// Whether the process is worth keeping: every thread shows life.
    private func health() -> HTTPPage {
        let stuck = state.silent
        return stuck.isEmpty
            ? HTTPPage(body: "ok\n")
            : HTTPPage(status: .serviceUnavailable, body: "no sign of life from \(stuck.joined(separator: ", "))\n")
    }

    /// Whether samples may be sent here.
    private func readiness() -> HTTPPage {
        switch state.phase {
        case .ready: HTTPPage(body: "ready\n")
        case .starting: HTTPPage(status: .serviceUnavailable, body: "starting\n")
        case .stopping: HTTPPage(status: .serviceUnavailable, body: "stopping\n")
        }
    }

    private static let index = """
        <!doctype html><meta charset="utf-8"><title>ecgmond</title>
        <h1>ecgmond \(Daemon.version)</h1>
        <ul><li><a href="/metrics">metrics</a><li><a href="/healthz">healthz</a><li><a href="/readyz">readyz</a></ul>

        """
}
