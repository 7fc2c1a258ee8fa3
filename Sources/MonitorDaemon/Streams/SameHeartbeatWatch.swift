import ECGMonitor
import Synchronization

/// Which streams of this daemon carry the same heartbeat. It is about two streams, not one, and about now: so it is no
/// event of a stream and not in the journal, but on topic health, in the metrics and in the log.
final class SameHeartbeatWatch: Sendable {
    private let finder = Mutex(SameHeartbeatFinder())
    private let log: PeriodicLog
    private let settings: ReloadableSettings

    init(settings: ReloadableSettings, log: PeriodicLog) {
        self.settings = settings
        self.log = log
    }

    /// Compares a stream with the others at one of its beats.
    func compare(_ excerpt: HeartbeatPattern.Excerpt, of stream: String) {
        guard settings.current.streams.reportSameHeartbeat else { return }
        let now = DaemonClock.monotonic()
        for pair in finder.withLock({ $0.compare(excerpt, of: stream, at: now) }) {
            log.note(
                "two streams have the same heartbeat", cause: "same_heartbeat", stream: pair.first,
                detail: "\(pair.second) has it, too: one patient on two streams, a stream copied to another, or a "
                    + "cable in the wrong place")
        }
    }

    /// Pairs that have the same heartbeat now.
    var pairs: [SameHeartbeatFinder.Pair] {
        finder.withLock { finder in
            _ = finder.expire(at: DaemonClock.monotonic())
            return settings.current.streams.reportSameHeartbeat ? finder.found : []
        }
    }
}
