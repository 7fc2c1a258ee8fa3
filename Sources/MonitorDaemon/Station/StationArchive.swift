import ECGWire
import Logging
import NIOCore
import NIOPosix

/// What the journal knows of a bed's past, for a station that sees the bed for the first time.
struct StationPast: Sendable {
    /// The newest first.
    var alarms: [(alarm: StationMessage.PastAlarm, strip: StoredStrip?)] = []
    var trend: [TrendMinute] = []
}

/// The station's end of the journal: reads the past of a bed on a thread of its own, and leaves strips to be written.
/// Neither is waited for.
final class StationArchive: Sendable {
    /// Alert events that are looked at: an alarm has two or more.
    private static let mostEvents = 1000
    private static let trendMinutes: Int64 = 1440

    private let journal: Journal
    private let log: PeriodicLog
    private let pool = NIOThreadPool(numberOfThreads: 1)

    init(_ journal: Journal, log: PeriodicLog) {
        self.journal = journal
        self.log = log
        pool.start()
    }

    /// - Parameter take: called on the event loop; not at all where the journal cannot be read.
    func load(_ bed: String, on loop: any EventLoop, take: @escaping @Sendable (StationPast) -> Void) {
        let (journal, log) = (journal, log)
        pool.submit { state in
            guard state == .active else { return }
            do {
                let past = try Self.past(of: bed, JournalReader(path: journal.path))
                loop.execute { take(past) }
            } catch {
                log.note("the journal cannot be read", cause: "journal", stream: bed, detail: "\(error)")
            }
        }
    }

    /// - Returns: false if there was no room.
    func keep(_ strips: [JournaledStrip], of bed: String) -> Bool {
        var round = JournalRound(stream: bed)
        round.strips = strips
        return journal.queue.push(round, waitingAtMost: 0) == .taken
    }

    func stop() async { try? await pool.shutdownGracefully() }

    // MARK: Reading

    static func past(of bed: String, _ reader: JournalReader) throws -> StationPast {
        var past = StationPast()
        past.trend = try reader.trend(of: bed, from: DaemonClock.utc() / 60_000_000_000 - trendMinutes)
        let strips = try reader.strips(of: bed)
        let alarms = try PastAlarms(reader.latest(.alert, of: bed, limit: mostEvents)).all
        past.alarms = alarms.suffix(StationAlarms.keptAlarms).reversed().map { alarm in
            let strip = strips[alarm.id].flatMap { StoredStrip(stored: $0) }
            let text = StationMessage.PastAlarm(
                id: alarm.id, kind: alarm.kind, priority: alarm.priority, text: alarm.last.text,
                time: alarm.acquiredAt / 1_000_000, end: alarm.end, hasStrip: strip != nil)
            return (text, strip)
        }
        return past
    }
}
