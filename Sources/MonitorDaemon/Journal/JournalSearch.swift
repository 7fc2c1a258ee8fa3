import GRDB

/// Looking for events by time, over all streams or in one.
///
/// Which times lie where cannot be told from the order of writing: clocks of sources are wrong, that of the daemon is
/// set back, and a source may give no time at all. Hence an index on the time and the stream of each event, and a look
/// at each event that another way leads to. The ways, the first that serves is taken:
///
/// 1. some events after the place where the last answer ended: the next page of an answer with many is there, or near;
/// 2. the index on time, where not too many events lie in the range;
/// 3. the index on the stream and its numbers, likewise;
/// 4. events in the order of writing, as many as one answer may look at. Then the answer says up to where it looked.
///
/// Each way is bounded in what it looks at, and so is how long an answer takes, whatever is asked.
extension JournalMoment {
    /// What is looked for.
    struct Conditions {
        var kind: JournalKind
        /// Empty: any.
        var stream = ""
        /// UTC, ns since 1970; 0: no limit.
        var from: Int64 = 0
        var until: Int64 = 0
        /// 0: from the beginning, or the newest.
        var place: UInt64 = 0
        var newestFirst = false

        fileprivate var hasTime: Bool { from != 0 || until != 0 }
    }

    /// Most rows that one answer looks at, by the way that it takes.
    struct SearchBounds {
        /// Beside what is asked for, in the order of writing, before anything else is tried.
        var near = 500
        /// Entries of an index that holds all that is asked for.
        var indexed = 400_000
        /// Entries of an index of which each has to be looked up.
        var lookedUp = 20_000
        /// In the order of writing.
        var scanned = 50_000
    }

    struct Found {
        var events: [StoredEvent]
        /// There may be more after this place, which was not looked at; nil: that is all, or as many as asked for.
        var lookedUpTo: UInt64?
    }

    /// - Returns: at most `limit`, in the order of writing, or the opposite one.
    func find(_ conditions: Conditions, limit: Int, bounds: SearchBounds = SearchBounds()) throws -> Found {
        let near = try scan(conditions, limit: limit, rows: limit + bounds.near)
        guard near.events.count < limit, near.lookedUpTo != nil else { return near }
        // As many among those that follow as among these would do.
        if near.events.count * bounds.scanned >= limit * (limit + bounds.near) {
            let next = try scan(conditions, limit: limit, rows: bounds.scanned)
            guard next.events.count < limit, next.lookedUpTo != nil else { return next }
        }
        for (way, bound) in try ways(conditions, bounds) where try hasAtMost(bound, way) {
            return Found(events: try indexed(way, conditions, limit: limit))
        }
        return try scan(conditions, limit: limit, rows: bounds.scanned)
    }

    // MARK: Ways

    /// A condition in SQL with its values.
    private struct Filter {
        var sql: String
        var arguments: StatementArguments = []

        static func && (one: Filter, other: Filter) -> Filter {
            Filter(sql: "\(one.sql) AND \(other.sql)", arguments: one.arguments + other.arguments)
        }
    }

    /// Rows of a table that an index leads to.
    private struct Way {
        var source: String
        var filter: Filter
    }

    private func ways(_ conditions: Conditions, _ bounds: SearchBounds) throws -> [(way: Way, bound: Int)] {
        let table = JournalDatabase.table(conditions.kind)
        var ways: [(way: Way, bound: Int)] = []
        let index = JournalDatabase.timeIndex(conditions.kind)
        if conditions.hasTime, try hasIndex(index) {
            ways.append((Way(source: "\(table) INDEXED BY \(index)", filter: Self.time(conditions)), bounds.indexed))
        }
        if !conditions.stream.isEmpty {
            let filter = Filter(sql: "stream = ?", arguments: [conditions.stream])
            ways.append((Way(source: table, filter: filter), conditions.hasTime ? bounds.lookedUp : bounds.indexed))
        }
        return ways
    }

    private func hasIndex(_ name: String) throws -> Bool {
        let sql = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?"
        return try Int.fetchOne(database, sql: sql, arguments: [name]) != nil
    }

    private func hasAtMost(_ bound: Int, _ way: Way) throws -> Bool {
        let count = try Int.fetchOne(
            database, sql: "SELECT count(*) FROM (SELECT 1 FROM \(way.source) WHERE \(way.filter.sql) LIMIT ?)",
            arguments: way.filter.arguments + [bound + 1])
        return count ?? 0 <= bound
    }

    /// Where an index leads to. The plus keeps SQLite from going by the place instead.
    private func indexed(_ way: Way, _ conditions: Conditions, limit: Int) throws -> [StoredEvent] {
        let filter = way.filter && Self.matching(conditions) && Self.after(conditions, "+place")
        let order = Self.order(conditions)
        return try stored(
            """
            SELECT place, sequence, body FROM \(JournalDatabase.table(conditions.kind)) WHERE place IN
            (SELECT place FROM \(way.source) WHERE \(filter.sql) ORDER BY +place \(order) LIMIT ?)
            ORDER BY place \(order)
            """, filter.arguments + [limit])
    }

    /// In the order of writing, so many rows.
    private func scan(_ conditions: Conditions, limit: Int, rows: Int) throws -> Found {
        // Without any index but the place itself, which is the table's own.
        let source = "\(JournalDatabase.table(conditions.kind)) NOT INDEXED"
        let order = Self.order(conditions)
        var filter = Self.after(conditions, "place")
        let end = try Int64.fetchOne(
            database, sql: "SELECT place FROM \(source) WHERE \(filter.sql) ORDER BY place \(order) LIMIT 1 OFFSET ?",
            arguments: filter.arguments + [rows - 1])
        if let end {
            filter = filter && Filter(sql: conditions.newestFirst ? "place >= ?" : "place <= ?", arguments: [end])
        }
        filter = filter && Self.matching(conditions)
        let events = try stored(
            "SELECT place, sequence, body FROM \(source) WHERE \(filter.sql) ORDER BY place \(order) LIMIT ?",
            filter.arguments + [limit])
        return Found(events: events, lookedUpTo: events.count < limit ? end.map { UInt64(clamping: $0) } : nil)
    }

    // MARK: Conditions

    private static func time(_ conditions: Conditions) -> Filter {
        var filter = Filter(sql: "1")
        let time = JournalDatabase.time
        if conditions.from != 0 { filter = filter && Filter(sql: "\(time) >= ?", arguments: [conditions.from]) }
        if conditions.until != 0 { filter = filter && Filter(sql: "\(time) < ?", arguments: [conditions.until]) }
        return filter
    }

    private static func matching(_ conditions: Conditions) -> Filter {
        let time = time(conditions)
        guard !conditions.stream.isEmpty else { return time }
        return time && Filter(sql: "stream = ?", arguments: [conditions.stream])
    }

    private static func after(_ conditions: Conditions, _ place: String) -> Filter {
        guard conditions.place != 0 else { return Filter(sql: "1") }
        let place = conditions.newestFirst ? "\(place) < ?" : "\(place) > ?"
        return Filter(sql: place, arguments: [Int64(clamping: conditions.place)])
    }

    private static func order(_ conditions: Conditions) -> String { conditions.newestFirst ? "DESC" : "ASC" }
}
