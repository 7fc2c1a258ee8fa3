import ECGMonitor
import FoundationEssentials
import GRDB

/// The strip around an alarm on its way into the journal.
struct JournaledStrip: Sendable {
    var stream: String
    /// As long as the alarm lives: `StationAlarms.id`.
    var alarm: String
    /// A `StoredStrip`.
    var body: [UInt8]
}

/// What the journal keeps of a bed beside its events: minutes of its trends, strips around its alarms, limits that were
/// set for it. Its tables are no part of the version: an earlier daemon leaves them alone, and where there was no room
/// for them the events are written all the same.
extension JournalDatabase {
    /// Of each stream; the oldest go first.
    static let keptStrips = 100

    static let bedsideTables = ["trend", "strip", "bed_limits"]

    private static let schema = [
        TrendSums.schema,
        """
        CREATE TABLE IF NOT EXISTS strip (
            place INTEGER PRIMARY KEY, stream TEXT NOT NULL, alarm TEXT NOT NULL, written_at INTEGER NOT NULL,
            body BLOB NOT NULL, UNIQUE (stream, alarm))
        """,
        "CREATE TABLE IF NOT EXISTS bed_limits (stream TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
    ]

    /// Makes the tables.
    /// - Returns: whether they are there.
    static func makeBedsideTables(_ queue: DatabaseQueue) -> Bool {
        do {
            try queue.write { database in for statement in schema { try database.execute(sql: statement) } }
            return true
        } catch {
            return (try? queue.read { try hasBedsideTables($0) }) ?? false
        }
    }

    /// Whether a journal has them; one that no daemon of this version has opened has not.
    static func hasBedsideTables(_ database: Database) throws -> Bool {
        try bedsideTables.allSatisfy { try database.tableExists($0) }
    }

    // MARK: Writing

    /// To be called within a commit.
    func write(_ strip: JournaledStrip, now: Int64, _ database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO strip (stream, alarm, written_at, body) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [strip.stream, strip.alarm, now, Data(strip.body)])
        try database.cachedStatement(
            sql: """
                DELETE FROM strip WHERE place IN
                (SELECT place FROM strip WHERE stream = ? ORDER BY place DESC LIMIT -1 OFFSET ?)
                """
        ).execute(arguments: [strip.stream, Self.keptStrips])
    }

    func write(_ change: LimitsChange, of stream: String, _ database: Database) throws {
        switch change {
        case .set(let body):
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO bed_limits (stream, body) VALUES (?, ?)")
                .execute(arguments: [stream, Data(body)])
        case .clear:
            try database.cachedStatement(sql: "DELETE FROM bed_limits WHERE stream = ?").execute(arguments: [stream])
        }
    }

    // MARK: Keeping it small

    /// Deletes minutes and strips from before a time, the oldest first.
    /// - Returns: how many, at most `limit` of each.
    func deleteBedside(before time: Int64, limit: Int) throws -> Int {
        guard hasBedsideTables else { return 0 }
        return try queue.write { database in
            var deleted = 0
            for (table, column, bound) in [
                ("trend", "minute", time / 60_000_000_000), ("strip", "written_at", time),
            ] {
                try database.cachedStatement(
                    sql: """
                        DELETE FROM \(table) WHERE place IN (SELECT place FROM \(table) ORDER BY place LIMIT ?)
                        AND \(column) < ?
                        """
                ).execute(arguments: [limit, bound])
                deleted += database.changesCount
            }
            return deleted
        }
    }

    /// When the oldest minute or strip was: UTC, ns since 1970; nil: there is none.
    static func oldestBedside(_ database: Database) throws -> (table: String, time: Int64)? {
        let minute = try Int64.fetchOne(database, sql: "SELECT minute FROM trend ORDER BY place LIMIT 1")
        let strip = try Int64.fetchOne(database, sql: "SELECT written_at FROM strip ORDER BY place LIMIT 1")
        let found = [
            minute.map { (table: "trend", time: $0.multipliedReportingOverflow(by: 60_000_000_000).partialValue) },
            strip.map { (table: "strip", time: $0) },
        ]
        return found.compactMap { $0 }.min { $0.time < $1.time }
    }
}

/// What becomes of the limits that were set for a stream.
enum LimitsChange: Sendable {
    /// A `BedLimits`.
    case set([UInt8])
    /// Those of the configuration hold.
    case clear
}

// MARK: Reading

extension JournalReader {
    /// The minutes of a stream from one on, the oldest first; empty where the journal has none.
    func trend(of stream: String, from minute: Int64) throws -> [TrendMinute] {
        try readBedside { database in
            let rows = try Row.fetchCursor(
                database, sql: "SELECT * FROM trend WHERE stream = ? AND minute >= ? ORDER BY minute",
                arguments: [stream, minute])
            var minutes: [TrendMinute] = []
            while let row = try rows.next() { minutes.append(TrendMinute(row)) }
            return minutes
        } ?? []
    }

    /// The strips of a stream by alarm.
    func strips(of stream: String) throws -> [String: [UInt8]] {
        try readBedside { database in
            let rows = try Row.fetchCursor(
                database, sql: "SELECT alarm, body FROM strip WHERE stream = ?", arguments: [stream])
            var strips: [String: [UInt8]] = [:]
            while let row = try rows.next() { strips[row.text("alarm")] = row.bytes("body") ?? [] }
            return strips
        } ?? [:]
    }

    /// The limits that were set for a stream; nil: none.
    func limits(of stream: String) throws -> [UInt8]? {
        try readBedside { database in
            try Row.fetchOne(database, sql: "SELECT body FROM bed_limits WHERE stream = ?", arguments: [stream])?
                .bytes("body")
        } ?? nil
    }

    /// The latest events of a kind of a stream, the oldest first.
    func latest(_ kind: JournalKind, of stream: String, limit: Int) throws -> [[UInt8]] {
        try read { moment in
            try moment.stored(
                """
                SELECT place, sequence, body FROM \(JournalDatabase.table(kind))
                WHERE stream = ? ORDER BY sequence DESC LIMIT ?
                """, [stream, limit])
        }.reversed().map(\.body)
    }

    private func readBedside<Result>(_ body: (Database) throws -> Result) throws -> Result? {
        try read { moment in
            guard try JournalDatabase.hasBedsideTables(moment.database) else { return nil }
            return try body(moment.database)
        }
    }
}

extension TrendMinute {
    /// Of a file that may hold anything: numbers that no daemon writes are left out.
    fileprivate init(_ row: Row) {
        self.init(minute: row.number("minute"))
        rate = Self.spread(row, "rate")
        interval = Self.spread(row, "interval")
        beats = ["normal", "supraventricular", "ventricular", "fusion", "unclassified"].map {
            Int(min(row.count($0), 1_000_000))
        }
    }

    private static func spread(_ row: Row, _ name: String) -> Spread {
        let count = Int(min(row.count("\(name)_count"), 1_000_000))
        let values = ["sum", "least", "greatest"].map { row.real("\(name)_\($0)") }
        guard count > 0, values.allSatisfy({ $0.isFinite && $0 >= 0 && $0 < 1e12 }) else { return Spread() }
        return Spread(sum: values[0], count: count, least: values[1], greatest: values[2])
    }
}
