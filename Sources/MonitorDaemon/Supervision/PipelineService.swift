import Glibc
import Logging
import ServiceLifecycle

/// Waits until the daemon is asked to stop, then lets the pipeline, which runs already, finish.
struct PipelineService: Service {
    let pipeline: Pipeline
    let state: DaemonState
    let notifier: ServiceNotifier

    func run() async throws {
        try? await gracefulShutdown()
        state.phase = .stopping
        let (metrics, logger) = (pipeline.context.metrics, pipeline.context.logger)
        let logWriter = pipeline.context.logWriter
        let limit = pipeline.context.settings.current.stop.limitSeconds
        notifier.stopping("finishing what has been taken in")
        logger.info("stopping", metadata: ["limit_seconds": "\(limit)"])
        let deadline = Task.detached {
            try await Task.sleep(for: .seconds(limit))
            logger.critical("not finished within stop.limit_seconds; what is left is lost")
            logWriter.finish()
            _exit(ExitStatus.software)
        }
        await stop()
        deadline.cancel()
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
            pipeline.context.logger.warning("stopping without a thread of its own", metadata: ["error": "\(error)"])
            pipeline.stop()
        }
    }
}
