import ECGWire
import FoundationEssentials
import GRDB
import Glibc

/// The journal's file: an SQLite database with a write-ahead log, the events of the four kinds each in a table, the
/// state of each stream, and what is on. Written by one thread, read by others through connections of their own.
///
/// `place` counts every event on, over all kinds: the order in which they were written, which is that in which they are
/// published.
final class JournalDatabase {
    /// Of the tables. A file of a later version is not touched.
    static let version = 1

    let path: String
    let synchronous: JournalSynchronous
    var queue: DatabaseQueue
    var lock: FileLock
    var files: JournalFiles
    /// The one before, while its events are copied.
    var lost: LostJournal?
    private(set) var nextPlace: Int64 = 1
    /// Trends, strips and limits are kept; not where there was no room for their tables.
    var hasBedsideTables = false

    /// Why there is no journal.
    enum Failure: Error {
        case locked
        case newer(Int)
        case database(DatabaseError)
        case system(SystemCallError)
    }

    /// Opens the file, or makes it. One that is damaged is put aside.
    /// - Parameter putAside: told where a damaged file went.
    init(path: String, synchronous: JournalSynchronous, putAside: (String) -> Void) throws(Failure) {
        self.path = path
        self.synchronous = synchronous
        lock = try FileLock(path: path + ".lock")
        (queue, nextPlace) = try Self.openOrPutAside(path, synchronous, putAside)
        hasBedsideTables = Self.makeBedsideTables(queue)
        files = JournalFiles(openedAt: path)
    }

    private static func openOrPutAside(
        _ path: String, _ synchronous: JournalSynchronous, _ putAside: (String) -> Void
    ) throws(Failure) -> (DatabaseQueue, Int64) {
        do {
            return try open(path, synchronous)
        } catch let error as DatabaseError
            where [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode.primaryResultCode)
        {
            let aside = "\(path).damaged-\(DaemonClock.utc() / 1_000_000_000)"
            for suffix in ["-wal", "-shm"] { rename(path + suffix, aside + suffix) }
            guard rename(path, aside) == 0 else { throw .system(SystemCallError(call: "rename \(path)")) }
            putAside(aside)
            do {
                return try open(path, synchronous)
            } catch let error as DatabaseError {
                throw .database(error)
            } catch {
                throw error as? Failure ?? .newer(0)
            }
        } catch let error as DatabaseError {
            throw .database(error)
        } catch {
            throw error as? Failure ?? .newer(0)
        }
    }

    static func open(_ path: String, _ synchronous: JournalSynchronous) throws -> (DatabaseQueue, Int64) {
        var configuration = Configuration()
        configuration.label = "journal"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 1
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = \(synchronous.rawValue)")
            // After a check point the log is cut back to this, also where a reader had made it grow.
            try database.execute(sql: "PRAGMA journal_size_limit = 67108864")
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let place = try queue.write { database -> Int64 in
            let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            guard found <= version else { throw Failure.newer(found) }
            for statement in schema { try database.execute(sql: statement) }
            try database.execute(sql: "PRAGMA user_version = \(version)")
            let place = try Int64.fetchOne(database, sql: "SELECT max(place) FROM position") ?? 0
            guard (0..<1 << 62).contains(place) else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
            return place
        }
        // Nothing of the journal's work rests on them, and a full disk must not keep the daemon from starting.
        try? makeTimeIndices(queue)
        return (queue, place + 1)
    }

    /// The version of a journal that is there, which is only read.
    /// - Throws: if the file is no database.
    static func versionOfFile(at path: String) throws -> Int {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration).read { database in
            _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master")
            return try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        }
    }

    static func table(_ kind: JournalKind) -> String { kind.topic.rawValue }

    /// When an event was, in SQL: where the source gave no time, that of the writing stands in.
    static let time = "CASE acquired_at WHEN 0 THEN written_at ELSE acquired_at END"
    static func timeIndex(_ kind: JournalKind) -> String { "\(table(kind))_by_time" }

    /// Makes the indices on time. They are no part of the version: an earlier daemon keeps them up without knowing
    /// them, and what reads the journal goes without them where they are missing.
    /// - Throws: where there is no room; the journal is what it was.
    private static func makeTimeIndices(_ queue: DatabaseQueue) throws {
        for kind in JournalKind.allCases {
            try queue.write { database in
                try database.execute(
                    sql: "CREATE INDEX IF NOT EXISTS \(timeIndex(kind)) ON \(table(kind)) (\(time), stream)")
            }
        }
    }

    private static let schema: [String] =
        JournalKind.allCases.map { kind in
            """
            CREATE TABLE IF NOT EXISTS \(table(kind)) (
                place INTEGER PRIMARY KEY, stream TEXT NOT NULL, sequence INTEGER NOT NULL, id TEXT NOT NULL,
                acquired_at INTEGER NOT NULL, written_at INTEGER NOT NULL, body BLOB NOT NULL,
                UNIQUE (stream, sequence))
            """
        } + [
            // The last event of each kind of each stream, also when it is no longer kept.
            """
            CREATE TABLE IF NOT EXISTS position (
                stream TEXT NOT NULL, kind INTEGER NOT NULL, sequence INTEGER NOT NULL, place INTEGER NOT NULL,
                PRIMARY KEY (stream, kind)) WITHOUT ROWID
            """,
            "CREATE INDEX IF NOT EXISTS position_by_place ON position (place)",
            """
            CREATE TABLE IF NOT EXISTS stream (
                name TEXT PRIMARY KEY, session INTEGER NOT NULL, next_sample_index INTEGER NOT NULL,
                beats INTEGER NOT NULL, alerts INTEGER NOT NULL, suspicions INTEGER NOT NULL, statuses INTEGER NOT NULL,
                last_samples_at INTEGER NOT NULL, state BLOB)
            """,
            // The last event of each alert that is on.
            """
            CREATE TABLE IF NOT EXISTS active_alert (
                stream TEXT NOT NULL, life TEXT NOT NULL, place INTEGER NOT NULL, body BLOB NOT NULL,
                PRIMARY KEY (stream, life)) WITHOUT ROWID
            """,
        ]

    // MARK: Writing

    /// What a commit did.
    struct Receipt {
        var written = 0
        var known = 0
    }

    /// Writes all of it, or, throwing, nothing.
    /// - Parameter snapshots: by stream; written after the events.
    func commit(
        _ rounds: [JournalRound], snapshots: [String: StreamSnapshot], strips: [JournaledStrip] = []
    ) throws -> Receipt {
        var receipt = Receipt()
        var trends = TrendSums()
        var place = nextPlace
        let now = DaemonClock.utc()
        try queue.write { database in
            let inserts = try JournalKind.allCases.map { kind in
                try database.cachedStatement(
                    sql: """
                        INSERT OR IGNORE INTO \(Self.table(kind))
                        (place, stream, sequence, id, acquired_at, written_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
                        """)
            }
            var positions: [PositionKey: (sequence: Int64, place: Int64)] = [:]
            for round in rounds {
                if round.beginsAnew { try forgetActiveAlerts(of: round.stream, database) }
                for event in round.events {
                    let sequence = Int64(bitPattern: event.sequence)
                    try inserts[event.kind.rawValue].execute(
                        arguments: [
                            place, round.stream, sequence, event.id, event.acquisitionTimeNanoseconds, now,
                            Data(event.body),
                        ])
                    guard database.changesCount > 0 else {
                        receipt.known += 1
                        continue
                    }
                    let key = PositionKey(stream: round.stream, kind: event.kind)
                    positions[key] = (max(sequence, positions[key]?.sequence ?? 0), place)
                    if let alert = event.alert {
                        try mark(alert, of: round.stream, event.body, place: place, database)
                    }
                    if let part = event.trend {
                        let minute = TrendMinute.minute(acquired: event.acquisitionTimeNanoseconds, now: now)
                        trends.note(part, of: round.stream, minute: minute)
                    }
                    place += 1
                    receipt.written += 1
                }
                if hasBedsideTables, let limits = round.limits { try write(limits, of: round.stream, database) }
            }
            if hasBedsideTables {
                try trends.write(database)
                for strip in strips { try write(strip, now: now, database) }
            }
            try write(positions, database)
            for (stream, snapshot) in snapshots { try write(snapshot, of: stream, database) }
        }
        nextPlace = place
        return receipt
    }

    private struct PositionKey: Hashable {
        var stream: String
        var kind: JournalKind
    }

    private func write(
        _ positions: [PositionKey: (sequence: Int64, place: Int64)], _ database: Database
    ) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO position (stream, kind, sequence, place) VALUES (?, ?, ?, ?)
                ON CONFLICT (stream, kind)
                DO UPDATE SET sequence = max(sequence, excluded.sequence), place = excluded.place
                """)
        for (key, position) in positions {
            try statement.execute(arguments: [key.stream, key.kind.rawValue, position.sequence, position.place])
        }
    }

    private func mark(
        _ alert: (life: String, isOn: Bool), of stream: String, _ body: [UInt8], place: Int64, _ database: Database
    ) throws {
        if alert.isOn {
            try database.cachedStatement(
                sql: "INSERT OR REPLACE INTO active_alert (stream, life, place, body) VALUES (?, ?, ?, ?)"
            ).execute(arguments: [stream, alert.life, place, Data(body)])
        } else {
            try database.cachedStatement(sql: "DELETE FROM active_alert WHERE stream = ? AND life = ?")
                .execute(arguments: [stream, alert.life])
        }
    }

    private func forgetActiveAlerts(of stream: String, _ database: Database) throws {
        try database.cachedStatement(sql: "DELETE FROM active_alert WHERE stream = ?").execute(arguments: [stream])
    }

    private func write(_ snapshot: StreamSnapshot, of stream: String, _ database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO stream
                (name, session, next_sample_index, beats, alerts, suspicions, statuses, last_samples_at, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: [
                stream, Int64(bitPattern: snapshot.session), snapshot.nextSampleIndex,
                Int64(bitPattern: snapshot.sequences[0]), Int64(bitPattern: snapshot.sequences[1]),
                Int64(bitPattern: snapshot.sequences[2]), Int64(bitPattern: snapshot.sequences[3]),
                snapshot.lastSamplesAt, snapshot.state.map { Data($0) },
            ])
        if snapshot.state == nil { try forgetActiveAlerts(of: stream, database) }
    }

    // MARK: Keeping it small

    /// Bytes in use: pages that hold something.
    func usedBytes() throws -> Int {
        try queue.read { database in
            let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
            let free = try Int.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
            let size = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
            return (pages - free) * size
        }
    }

    /// Deletes events of a kind that were written before a time, the oldest first.
    /// - Returns: how many, at most `limit`.
    func delete(_ kind: JournalKind, writtenBefore time: Int64, limit: Int) throws -> Int {
        try queue.write { database in
            try database.cachedStatement(
                sql: """
                    DELETE FROM \(Self.table(kind)) WHERE place IN
                    (SELECT place FROM \(Self.table(kind)) ORDER BY place LIMIT ?) AND written_at < ?
                    """
            ).execute(arguments: [limit, time])
            return database.changesCount
        }
    }

    /// Deletes the oldest events of the kind whose oldest is the oldest; or minutes of trends, or strips, where those are
    /// older.
    /// - Returns: how many events of each stream, and how many others, at most `limit` together.
    func deleteOldest(limit: Int) throws -> (events: [String: Int], others: Int) {
        try queue.write { database in
            var oldest: (kind: JournalKind, time: Int64)?
            for kind in JournalKind.allCases {
                let sql = "SELECT written_at FROM \(Self.table(kind)) ORDER BY place LIMIT 1"
                guard let time = try Int64.fetchOne(database, sql: sql) else { continue }
                if oldest.map({ time < $0.time }) ?? true { oldest = (kind, time) }
            }
            if hasBedsideTables, let bedside = try Self.oldestBedside(database),
                oldest.map({ bedside.time < $0.time }) ?? true
            {
                let table = bedside.table
                try database.cachedStatement(
                    sql: "DELETE FROM \(table) WHERE place IN (SELECT place FROM \(table) ORDER BY place LIMIT ?)"
                ).execute(arguments: [limit])
                return (events: [:], others: database.changesCount)
            }
            guard let kind = oldest?.kind else { return (events: [:], others: 0) }
            let table = Self.table(kind)
            var counts: [String: Int] = [:]
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT stream, count(*) AS number FROM (SELECT stream FROM \(table) ORDER BY place LIMIT ?)
                    GROUP BY stream
                    """, arguments: [limit])
            while let row = try rows.next() { counts[row["stream"]] = row["number"] }
            try database.cachedStatement(
                sql: "DELETE FROM \(table) WHERE place IN (SELECT place FROM \(table) ORDER BY place LIMIT ?)"
            ).execute(arguments: [limit])
            return (events: counts, others: 0)
        }
    }

    /// Puts what the write-ahead log holds into the file and closes.
    func close() {
        try? queue.close()
        try? lost?.queue.close()
    }
}

/// What a power cut can take; `journal.synchronous`.
enum JournalSynchronous: String, CaseIterable, Sendable {
    /// Each commit waits until the disk has it.
    case full
    /// The system writes when it likes: a killed daemon loses nothing, a power cut the last seconds.
    case normal
}
