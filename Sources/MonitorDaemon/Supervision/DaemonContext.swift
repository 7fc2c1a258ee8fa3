import Logging

/// What all parts of the daemon share.
struct DaemonContext: Sendable {
    let settings: ReloadableSettings
    let security: ReloadableSecurity
    let metrics: DaemonMetrics
    let log: PeriodicLog
    let logger: Logger
    /// Writes what `logger` and `log` take.
    let logWriter: LogWriter
    let sameHeartbeat: SameHeartbeatWatch
    /// nil: there is no central station.
    var station: StationFeed?

    /// Counts and logs something that is turned away.
    /// - Parameters:
    ///   - stream: a valid name, or empty if unknown.
    ///   - message: what the log calls it.
    ///   - detail: logged with the first of a period only.
    func reject(
        _ cause: RejectCause, of stream: String, as message: String = "message rejected",
        detail: @autoclosure () -> String = ""
    ) {
        metrics.count(.rejected(cause), of: stream)
        log.note(message, cause: cause.label, stream: stream, detail: detail())
    }
}
