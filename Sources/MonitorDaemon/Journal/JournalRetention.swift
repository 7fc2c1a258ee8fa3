import Glibc
import Logging

/// Deletes events that are too old, or the oldest if the journal is too large: a few at a time, so that writing goes
/// on.
struct JournalRetention {
    private let metrics: DaemonMetrics
    private let logger: Logger
    private var nextStep: UInt64 = 0

    /// Events deleted in one step: some milliseconds.
    static let stepLimit = 500
    private static let pause: UInt64 = 1_000_000_000
    /// Between two steps while there is more to delete.
    private static let shortPause: UInt64 = 20_000_000

    init(metrics: DaemonMetrics, logger: Logger) {
        self.metrics = metrics
        self.logger = logger
    }

    /// Does one step where it is time for it.
    mutating func step(_ database: JournalDatabase, _ settings: DaemonConfiguration.Journal, isFailing: Bool) {
        let now = DaemonClock.monotonic()
        guard now >= nextStep else { return }
        do {
            var deleted = isFailing ? 0 : try deleteOld(database, settings)
            let used = try database.usedBytes()
            metrics.journal.bytes.set(used)
            if used > settings.maximumBytes {
                let oldest = try database.deleteOldest(limit: Self.stepLimit)
                for (stream, count) in oldest.events { metrics.count(.journalDropped(.space), count, of: stream) }
                deleted += oldest.events.values.reduce(oldest.others, +)
            }
            nextStep = now + (deleted >= Self.stepLimit ? Self.shortPause : Self.pause)
        } catch {
            // A journal that cannot be written is told of where it is written.
            nextStep = now + Self.pause
        }
    }

    private func deleteOld(_ database: JournalDatabase, _ settings: DaemonConfiguration.Journal) throws -> Int {
        let now = DaemonClock.utc()
        var deleted = 0
        for kind in JournalKind.allCases {
            let seconds = kind == .beat ? settings.keepBeatsHours * 3600 : settings.keepDays * 86_400
            deleted += try database.delete(
                kind, writtenBefore: now - Int64(seconds * 1e9), limit: Self.stepLimit)
        }
        metrics.journal.dropped.add(deleted, for: .old)
        let others = try database.deleteBedside(
            before: now - Int64(settings.keepDays * 86_400e9), limit: Self.stepLimit)
        return deleted + others
    }
}

/// Blocks the calling thread; for loops on threads of their own.
func sleepAWhile(nanoseconds: UInt64) {
    var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    nanosleep(&time, nil)
}
