import Glibc
import Logging
import ServiceLifecycle

/// Keeps the pipeline, which runs already, until the daemon is asked to stop, and then lets it finish.
struct PipelineService: Service {
    let pipeline: Pipeline
    let state: DaemonState
    let notifier: ServiceNotifier
    let live: LiveSettings
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        state.phase = .stopping
        let limit = live.current.stop.limitSeconds
        notifier.stopping("finishing what has been taken in")
        logger.info("stopping", metadata: ["limit_seconds": "\(limit)"])
        let deadline = Task.detached {
            try await Task.sleep(for: .seconds(limit))
            logger.critical("not finished within stop.limit_seconds; what is left is lost")
            _exit(ExitStatus.software)
        }
        await stop()
        deadline.cancel()
        let metrics = pipeline.metrics
        logger.info(
            "finished",
            metadata: [
                "messages": "\(metrics.messagesReceived.value)", "samples": "\(metrics.samplesAccepted.value)",
                "beats": "\(metrics.beats.all.reduce(0) { $0 + $1.count })",
                "events": "\(metrics.events.all.reduce(0) { $0 + $1.count })",
                "rejects": "\(metrics.rejects.all.reduce(0) { $0 + $1.count })",
                "dropped": "\(metrics.eventsDropped.value)",
            ])
    }

    /// Stopping blocks, so it happens on a thread of its own.
    private func stop() async {
        let pipeline = self.pipeline
        let finished = AsyncStream<Void>.makeStream()
        do {
            let thread = try OSThread(name: "stop") {
                pipeline.stop()
                finished.continuation.finish()
            }
            for await _ in finished.stream {}
            thread.join()
        } catch {
            logger.warning("stopping without a thread of its own", metadata: ["error": "\(error)"])
            pipeline.stop()
        }
    }
}
