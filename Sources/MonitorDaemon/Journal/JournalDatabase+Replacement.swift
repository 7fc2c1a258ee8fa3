import GRDB
import Glibc

/// What is left of a journal whose files were deleted or replaced: the connection to it, by which it can still be read.
final class LostJournal {
    let queue: DatabaseQueue
    /// Its own files that were moved aside; of no use once everything has been copied.
    fileprivate let leftovers: [String]
    /// Rows at this place and after it have been copied, or are not in it; by table, in the order of copying.
    fileprivate var left: [(table: String, before: Int64)]
    private(set) var copied = 0

    fileprivate init(_ queue: DatabaseQueue, leftovers: [String], before place: Int64) {
        self.queue = queue
        self.leftovers = leftovers
        left = [JournalKind.alert, .suspicion, .status, .beat].map { (JournalDatabase.table($0), place) }
    }

    fileprivate func didCopy(_ count: Int) { copied += count }
}

/// A journal's files deleted or replaced while it is open.
extension JournalDatabase {
    /// What became of the journal that was lost.
    struct Replacement {
        /// Where the files went that lay at the journal's path; empty: none did.
        var putAside: [String]
        /// Why nothing was taken over; nil: the streams' states and numbers were.
        var loss: (any Error)?
    }

    /// Begins a new journal at the path, with the states and numbers of all streams from the old one. The old one's
    /// events follow by `copyLostEvents`, bit by bit.
    /// - Throws: the old one stays as it is, and this can be tried again.
    func beginAnew() throws -> Replacement {
        // Deleted with the others, the lock would keep nobody out.
        if !lock.isInPlace { lock = try FileLock(path: path + ".lock") }
        let moved = try files.moveAside()
        let fresh: DatabaseQueue
        do {
            (fresh, _) = try Self.open(path, synchronous)
        } catch {
            JournalFiles.delete(at: path)
            throw error
        }
        var replacement = Replacement(putAside: moved.map(\.path))
        do {
            try queue.read { old in try fresh.write { new in try Self.copyStreams(from: old, to: new) } }
        } catch let error as DatabaseError where error.resultCode.primaryResultCode == .SQLITE_FULL {
            try? fresh.close()
            JournalFiles.delete(at: path)
            throw error
        } catch {
            // The workers write the states again.
            replacement.loss = error
        }
        // If the one before has not been copied to its end, the newer is worth more.
        let lost = LostJournal(queue, leftovers: moved.filter(\.isOwn).map(\.path), before: nextPlace)
        let hadBedsideTables = hasBedsideTables
        hasBedsideTables = Self.makeBedsideTables(fresh)
        if hadBedsideTables, hasBedsideTables {
            // Limits hold at once; the others follow.
            try? queue.read { old in
                try fresh.write { new in
                    try Self.copy(old, "SELECT * FROM bed_limits", to: "bed_limits", new)
                    lost.left += try Self.beginCopyOfBedside(from: old, to: new)
                }
            }
        }
        self.lost = lost
        queue = fresh
        files = JournalFiles(openedAt: path)
        return replacement
    }

    /// Copies everything about the streams but the events that their states hold already.
    private static func copyStreams(from old: Database, to new: Database) throws {
        for table in ["stream", "position", "active_alert"] {
            try copy(old, "SELECT * FROM \(table)", to: table, new)
        }
        // Events after a stream's state: by them the numbers go on.
        for (kind, column) in zip(JournalKind.allCases, ["beats", "alerts", "suspicions", "statuses"]) {
            let table = table(kind)
            try copy(
                old,
                """
                SELECT \(table).* FROM stream CROSS JOIN \(table)
                ON \(table).stream = stream.name AND \(table).sequence > stream.\(column)
                """, to: table, new)
        }
    }

    /// Copies the last strip and the last minute: what is written from now on has places after all that is copied
    /// later.
    private static func beginCopyOfBedside(
        from old: Database, to new: Database
    ) throws -> [(table: String, before: Int64)] {
        try ["strip", "trend"].compactMap { table in
            let last = "SELECT * FROM \(table) ORDER BY place DESC LIMIT 1"
            return try copy(old, last, to: table, new).lastPlace.map { (table, $0) }
        }
    }

    /// - Parameter sql: selects all columns of the table, in its order.
    @discardableResult
    private static func copy(
        _ old: Database, _ sql: String, _ arguments: StatementArguments = [], to table: String, _ new: Database
    ) throws -> (count: Int, lastPlace: Int64?) {
        var (count, place): (Int, Int64?) = (0, nil)
        var insert: Statement?
        let rows = try Row.fetchCursor(old, sql: sql, arguments: arguments)
        while let row = try rows.next() {
            let columns = Array(row.columnNames)
            let statement =
                try insert
                ?? new.makeStatement(
                    // A minute may have gone on since.
                    sql: table == "trend"
                        ? TrendSums.upsert(columns)
                        : """
                        INSERT OR IGNORE INTO \(table) (\(columns.joined(separator: ", ")))
                        VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
                        """)
            insert = statement
            try statement.execute(arguments: StatementArguments(Array(row.databaseValues)))
            count += 1
            place = row["place"]
        }
        return (count, place)
    }

    /// Copies some of the lost journal's events, the newest first.
    /// - Returns: how many have been copied in all if this was the last step; nil: there is more to do, or nothing.
    /// - Throws: what went wrong; the lost journal is given up if it cannot be read.
    func copyLostEvents(limit: Int) throws -> Int? {
        guard let lost else { return nil }
        guard let (table, before) = lost.left.first else {
            try? lost.queue.close()
            for path in lost.leftovers { unlink(path) }
            self.lost = nil
            return lost.copied
        }
        let step: (count: Int, lastPlace: Int64?)
        do {
            step = try lost.queue.read { old in
                try queue.write { new in
                    try Self.copy(
                        old, "SELECT * FROM \(table) WHERE place < ? ORDER BY place DESC LIMIT ?", [before, limit],
                        to: table, new)
                }
            }
        } catch let error as DatabaseError where error.resultCode.primaryResultCode == .SQLITE_FULL {
            // Room may come.
            throw error
        } catch {
            try? lost.queue.close()
            self.lost = nil
            throw error
        }
        lost.didCopy(step.count)
        if step.count < limit {
            lost.left.removeFirst()
        } else if let place = step.lastPlace {
            lost.left[0].before = place
        }
        return nil
    }

    /// Events of a lost journal are still to be copied.
    var hasLostEvents: Bool { lost != nil }
}
