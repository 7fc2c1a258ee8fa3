package import ECGATKGAN
import ECGMonitor
import GRDB

/// A minute of a stream as the journal keeps it: the heart rates that the monitor displayed, the intervals between
/// beats, and the beats by class. Beats themselves are kept for an hour by default; their minutes for as long as
/// alarms.
package struct TrendMinute: Sendable, Equatable {
    /// How a quantity was spread over the minute.
    package struct Spread: Sendable, Equatable {
        package private(set) var sum = 0.0
        package private(set) var count = 0
        package private(set) var least = 0.0
        package private(set) var greatest = 0.0

        package init() {}

        init(sum: Double, count: Int, least: Double, greatest: Double) {
            (self.sum, self.count, self.least, self.greatest) = (sum, count, least, greatest)
        }

        /// nil: nothing was measured.
        package var mean: Double? { count > 0 ? sum / Double(count) : nil }

        mutating func note(_ value: Double) { add(Spread(sum: value, count: 1, least: value, greatest: value)) }

        mutating func add(_ other: Spread) {
            guard other.count > 0 else { return }
            least = count > 0 ? min(least, other.least) : other.least
            greatest = count > 0 ? max(greatest, other.greatest) : other.greatest
            sum += other.sum
            count += other.count
        }
    }

    /// Minutes since 1970, UTC.
    package let minute: Int64
    /// Beats per minute.
    package var rate = Spread()
    /// RR intervals in ms.
    package var interval = Spread()
    /// By class, in the order of `classes`.
    package var beats = [0, 0, 0, 0, 0]

    /// nil: not classified.
    package static let classes: [BeatClass?] = [.normal, .supraventricular, .ventricular, .fusion, nil]

    package init(minute: Int64) { self.minute = minute }

    package func count(_ beatClass: BeatClass?) -> Int { Self.classes.firstIndex(of: beatClass).map { beats[$0] } ?? 0 }

    mutating func add(_ other: TrendMinute) {
        rate.add(other.rate)
        interval.add(other.interval)
        for place in beats.indices { beats[place] += other.beats[place] }
    }

    mutating func note(_ part: TrendPart) {
        switch part {
        case .rate(let value): rate.note(value)
        case .beat(let place, let milliseconds):
            beats[place] += 1
            if let milliseconds { interval.note(milliseconds) }
        }
    }

    /// The minute that something belongs to: by the source's clock where that can be right (up to a day ago, for what a
    /// source has kept back), else by the daemon's.
    /// - Parameters: UTC, ns since 1970; `acquired` 0: unknown.
    static func minute(acquired: Int64, now: Int64) -> Int64 {
        let isPlausible = acquired > now - 86_400_000_000_000 && acquired < now + minuteNanoseconds
        return (isPlausible ? acquired : now) / minuteNanoseconds
    }

    private static let minuteNanoseconds: Int64 = 60_000_000_000
}

/// What an event adds to the minute that it lies in.
enum TrendPart: Sendable, Equatable {
    /// Beats per minute.
    case rate(Double)
    /// A beat by its class's place in `TrendMinute.classes`, and the interval before it in ms; nil: unknown.
    case beat(Int, milliseconds: Double?)

    /// nil: it adds nothing.
    init?(_ event: MonitorEvent) {
        switch event.kind {
        case .status(let status):
            guard let rate = status.heartRate, rate.isFinite, (1...1000).contains(rate) else { return nil }
            self = .rate(rate)
        case .beat(let beat):
            let milliseconds = beat.rrIntervalSeconds.map { $0 * 1000 }.flatMap { (1...60_000).contains($0) ? $0 : nil }
            self = .beat(TrendMinute.classes.firstIndex(of: beat.beatClass) ?? 4, milliseconds: milliseconds)
        case .alert, .suspicion: return nil
        }
    }
}

/// What a commit adds to the trends.
struct TrendSums {
    private struct Key: Hashable {
        var stream: String
        var minute: Int64
    }

    private var minutes: [Key: TrendMinute] = [:]

    mutating func note(_ part: TrendPart, of stream: String, minute: Int64) {
        minutes[Key(stream: stream, minute: minute), default: TrendMinute(minute: minute)].note(part)
    }

    func write(_ database: Database) throws {
        guard !minutes.isEmpty else { return }
        let statement = try database.cachedStatement(sql: Self.upsert(Self.columns))
        for (key, minute) in minutes {
            try statement.execute(
                arguments: [
                    key.stream, minute.minute, minute.rate.sum, minute.rate.count, minute.rate.least,
                    minute.rate.greatest, minute.interval.sum, minute.interval.count, minute.interval.least,
                    minute.interval.greatest, minute.beats[0], minute.beats[1], minute.beats[2], minute.beats[3],
                    minute.beats[4],
                ])
        }
    }

    // MARK: The table

    private static let spreads = ["rate", "interval"]
    private static let counts = ["normal", "supraventricular", "ventricular", "fusion", "unclassified"]

    /// All but `place`, in the table's order.
    static let columns =
        ["stream", "minute"] + spreads.flatMap { ["\($0)_sum", "\($0)_count", "\($0)_least", "\($0)_greatest"] }
        + counts

    static let schema = """
        CREATE TABLE IF NOT EXISTS trend (
            place INTEGER PRIMARY KEY, stream TEXT NOT NULL, minute INTEGER NOT NULL,
            \(spreads.map { "\($0)_sum REAL NOT NULL, \($0)_count INTEGER NOT NULL, \($0)_least REAL NOT NULL, "
                + "\($0)_greatest REAL NOT NULL" }.joined(separator: ",\n    ")),
            \(counts.map { "\($0) INTEGER NOT NULL" }.joined(separator: ", ")),
            UNIQUE (stream, minute))
        """

    /// Adds to what is there. Every expression sees the row as it was before.
    static func upsert(_ columns: [String]) -> String {
        let sums = spreads.flatMap { name in
            [
                "\(name)_sum = \(name)_sum + excluded.\(name)_sum",
                "\(name)_count = \(name)_count + excluded.\(name)_count",
                "\(name)_least = CASE WHEN \(name)_count = 0 THEN excluded.\(name)_least "
                    + "WHEN excluded.\(name)_count = 0 THEN \(name)_least "
                    + "ELSE min(\(name)_least, excluded.\(name)_least) END",
                "\(name)_greatest = max(\(name)_greatest, excluded.\(name)_greatest)",
            ]
        }
        let all = sums + counts.map { "\($0) = \($0) + excluded.\($0)" }
        return "INSERT INTO trend (\(columns.joined(separator: ", "))) "
            + "VALUES (\(columns.map { _ in "?" }.joined(separator: ", "))) "
            + "ON CONFLICT (stream, minute) DO UPDATE SET \(all.joined(separator: ", "))"
    }
}
