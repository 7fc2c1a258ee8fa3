import ECGWire
import FoundationEssentials
import GRDB

/// A connection that only reads the journal; for one thread.
final class JournalReader {
    private var opened: DatabaseQueue
    private let path: String
    /// nil: the file never changes.
    private let generation: JournalGeneration?
    private var openedGeneration: Int

    /// - Parameter generation: tells when there is another file at the path; nil: never.
    /// - Precondition: the journal has been made.
    init(path: String, generation: JournalGeneration? = nil) throws {
        self.path = path
        self.generation = generation
        openedGeneration = generation?.number ?? 0
        opened = try Self.open(path)
    }

    /// The connection to the journal as it is now.
    private var queue: DatabaseQueue {
        get throws {
            if let number = generation?.number, number != openedGeneration {
                opened = try Self.open(path)
                openedGeneration = number
            }
            return opened
        }
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.label = "journal-reader"
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    // MARK: Streams

    /// A stream as the journal knows it.
    struct Known: Sendable {
        var name: String
        var snapshot: StreamSnapshot
        /// Events that were written after the snapshot was taken.
        var tail: [(kind: JournalKind, sequence: UInt64, id: String)]
    }

    /// Names of the streams that had not ended.
    func openStreams() throws -> [String] {
        try queue.read { database in
            try String.fetchAll(database, sql: "SELECT name FROM stream WHERE state IS NOT NULL ORDER BY name")
        }
    }

    /// The last snapshot of a stream, with what came after it; nil: none was ever taken.
    func known(_ name: String) throws -> Known? {
        try queue.read { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM stream WHERE name = ?", arguments: [name])
            else { return nil }
            let snapshot = StreamSnapshot(
                session: UInt64(bitPattern: row.number("session")), nextSampleIndex: row.number("next_sample_index"),
                sequences: [row.count("beats"), row.count("alerts"), row.count("suspicions"), row.count("statuses")],
                state: row.bytes("state"), lastSamplesAt: row.number("last_samples_at"))
            var tail: [(kind: JournalKind, sequence: UInt64, id: String)] = []
            for kind in JournalKind.allCases {
                let after = Int64(bitPattern: snapshot.sequences[kind.rawValue])
                let rows = try Row.fetchCursor(
                    database,
                    sql: """
                        SELECT sequence, id FROM \(JournalDatabase.table(kind))
                        WHERE stream = ? AND sequence > ? ORDER BY sequence
                        """, arguments: [name, after])
                while let row = try rows.next() {
                    tail.append((kind, row.count("sequence"), row.text("id")))
                }
            }
            return Known(name: name, snapshot: snapshot, tail: tail)
        }
    }

    /// The last sequence number of each kind of a stream.
    func lastSequences(of name: String) throws -> JournalSequences {
        try queue.read { database in
            var sequences = JournalSequences(repeating: 0)
            let rows = try Row.fetchCursor(
                database, sql: "SELECT kind, sequence FROM position WHERE stream = ?", arguments: [name])
            while let row = try rows.next() {
                guard let kind = row.kind else { continue }
                sequences[kind.rawValue] = row.count("sequence")
            }
            return sequences
        }
    }

    // MARK: History

    /// Everything at one moment.
    func read<Result>(_ body: (JournalMoment) throws -> Result) throws -> Result {
        try queue.read { try body(JournalMoment(database: $0)) }
    }
}

/// Columns of a row. A damaged file may hold another type than was written: such a value is converted, where GRDB's own
/// subscripts would end the process.
extension Row {
    func number(_ column: String) -> Int64 { value(column).flatMap { Int64.fromDatabaseValue($0) } ?? 0 }
    /// Of what is numbered 1, 2, 3 ...: never negative.
    func count(_ column: String) -> UInt64 { UInt64(clamping: number(column)) }
    func text(_ column: String) -> String { value(column).flatMap { String.fromDatabaseValue($0) } ?? "" }
    func bytes(_ column: String) -> [UInt8]? {
        value(column).flatMap { Data.fromDatabaseValue($0) }.map { Array($0) }
    }
    func real(_ column: String) -> Double { value(column).flatMap { Double.fromDatabaseValue($0) } ?? .nan }
    fileprivate var kind: JournalKind? {
        value("kind").flatMap { Int.fromDatabaseValue($0) }.flatMap { JournalKind(rawValue: $0) }
    }
    private func value(_ column: String) -> DatabaseValue? { self[column] as DatabaseValue? }
}

/// The journal at one moment: all answers of one transaction are consistent.
struct JournalMoment {
    let database: Database

    /// A row of one of the tables of events.
    struct StoredEvent {
        var place: UInt64
        var sequence: UInt64
        var body: [UInt8]
    }

    /// The place of the last event of all.
    func lastPlace() throws -> UInt64 {
        UInt64(clamping: try Int64.fetchOne(database, sql: "SELECT max(place) FROM position") ?? 0)
    }

    /// Topics with an event after a place, and their last sequence numbers, at most `limit`, in the order of their last
    /// events.
    func positions(
        after place: UInt64, limit: Int
    ) throws -> [(kind: JournalKind, stream: String, sequence: UInt64, place: UInt64)] {
        let rows = try Row.fetchCursor(
            database,
            sql: "SELECT stream, kind, sequence, place FROM position WHERE place > ? ORDER BY place LIMIT ?",
            arguments: [Int64(clamping: place), limit])
        var result: [(kind: JournalKind, stream: String, sequence: UInt64, place: UInt64)] = []
        while let row = try rows.next() {
            guard let kind = row.kind else { continue }
            result.append((kind, row.text("stream"), row.count("sequence"), row.count("place")))
        }
        return result
    }

    /// The last event of each active alert, in the order of those events, at most `limit`.
    func activeAlerts(limit: Int) throws -> [(stream: String, body: [UInt8])] {
        let rows = try Row.fetchCursor(
            database, sql: "SELECT stream, body FROM active_alert ORDER BY place LIMIT ?", arguments: [limit])
        var result: [(stream: String, body: [UInt8])] = []
        while let row = try rows.next() { result.append((row.text("stream"), row.bytes("body") ?? [])) }
        return result
    }

    /// Events of a topic after a sequence number, at most `limit`.
    func events(_ kind: JournalKind, of stream: String, after sequence: UInt64, limit: Int) throws -> [StoredEvent] {
        try stored(
            """
            SELECT place, sequence, body FROM \(JournalDatabase.table(kind))
            WHERE stream = ? AND sequence > ? ORDER BY sequence LIMIT ?
            """, [stream, Int64(clamping: sequence), limit])
    }

    func stored(_ sql: String, _ arguments: StatementArguments) throws -> [StoredEvent] {
        let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
        var result: [StoredEvent] = []
        while let row = try rows.next() {
            result.append(
                StoredEvent(place: row.count("place"), sequence: row.count("sequence"), body: row.bytes("body") ?? []))
        }
        return result
    }
}
