package import ECGMonitor
import ECGWire
import FoundationEssentials
import GRDB
import Glibc
import MonitorWire
import SwiftProtobuf

/// What a journal knows of one stream in a stretch of time: for reports. The daemon may write the journal meanwhile.
///
/// Times are UTC in ns since 1970: the source's where its clock can be right, else those of the daemon.
package struct StreamPast: Sendable {
    /// An alarm of which something happened in the stretch.
    package struct Alarm: Sendable {
        /// nil: of a kind that this version does not know.
        package var kind: AlertKind?
        package var priority: AlertPriority
        package var text: String
        package var start: Int64
        /// It began before the stretch; `start` is the first that is known of it.
        package var beganBefore: Bool
        /// nil: it was on at the end of the stretch.
        package var end: Int64?
        /// In words; empty: it was on.
        package var endedBecause: String
        /// From its beginning to the last that is known of it, in s of signal.
        package var seconds: Double
        package var strip: StoredStrip?
    }

    /// A stretch in which the signal is suspected to be tampered with.
    package struct Suspicion: Sendable {
        /// The ECG repeats what came before; otherwise it misleads the classifier.
        package var isReplay: Bool
        package var start: Int64
        /// nil: the suspicion stood at the end.
        package var end: Int64?
    }

    package struct Beat: Sendable {
        package var time: Int64
        package var letter: Character
        /// RR interval in s; nil: not known.
        package var interval: Double?
    }

    /// Why nothing can be told.
    package enum Failure: Error {
        case noFile
        /// The file cannot be read, in the system's or in SQLite's words.
        case unreadable(String)
        case notAJournal
        case unknownStream(known: [String])
    }

    package let stream: String
    package private(set) var range: Range<Int64> = 0..<0
    /// In the order in which they began.
    package private(set) var alarms: [Alarm] = []
    package private(set) var suspicions: [Suspicion] = []
    /// The oldest first.
    package private(set) var minutes: [TrendMinute] = []
    /// The journal has trends at all: a daemon of this version has written it.
    package private(set) var hasTrends = false
    /// Of the beats that are still kept one by one; the oldest first.
    package private(set) var beats: [Beat] = []
    /// Seconds in each condition of the signal, by the states that were reported.
    package private(set) var conditions: [(condition: String, seconds: Double)] = []

    private static let most = 500_000
    private static let day: Int64 = 86_400_000_000_000
    /// A state says nothing about longer than this.
    private static let longestStateSeconds = 60.0

    /// - Parameters:
    ///   - path: of the journal, which is only read.
    ///   - from: nil: a day before `until`.
    ///   - until: nil: right after the last event of the stream.
    package init(journal path: String, stream: String, from: Int64?, until: Int64?) throws(Failure) {
        self.stream = stream
        let reader = try Self.open(path)
        do {
            try reader.read { moment in
                let known = try Self.streams(moment)
                guard known.contains(stream) else { throw Failure.unknownStream(known: known) }
                let end = try until ?? Self.last(of: stream, moment) + 1
                range = min(from ?? end - Self.day, end - 1)..<end
                try takeAlarms(moment)
                try takeSuspicions(moment)
                try takeBeats(moment)
                try takeConditions(moment)
            }
            let strips = try reader.strips(of: stream)
            for place in alarms.indices { alarms[place].strip = strips[ids[place]].flatMap { StoredStrip(stored: $0) } }
            ids = []
            let minute: Int64 = 60_000_000_000
            minutes = try reader.trend(of: stream, from: range.lowerBound / minute)
                .filter { $0.minute < (range.upperBound + minute - 1) / minute }
            hasTrends = try reader.read { try JournalDatabase.hasBedsideTables($0.database) }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Self.failure(error)
        }
    }

    /// The streams that a journal has events of.
    package static func streams(inJournal path: String) throws(Failure) -> [String] {
        let reader = try open(path)
        do {
            return try reader.read { try streams($0) }
        } catch {
            throw failure(error)
        }
    }

    // MARK: The file

    private static func open(_ path: String) throws(Failure) -> JournalReader {
        guard access(path, F_OK) == 0 else { throw .noFile }
        guard access(path, R_OK) == 0 else { throw .unreadable(String(cString: strerror(errno))) }
        do {
            let reader = try JournalReader(path: path)
            guard try reader.read({ try $0.database.tableExists("position") }) else { throw Failure.notAJournal }
            return reader
        } catch let failure as Failure {
            throw failure
        } catch {
            throw failure(error)
        }
    }

    private static func failure(_ error: any Error) -> Failure {
        guard let error = error as? DatabaseError else { return .unreadable("\(error)") }
        if error.resultCode.primaryResultCode == .SQLITE_NOTADB { return .notAJournal }
        return .unreadable(error.message ?? "\(error.resultCode)")
    }

    private static func streams(_ moment: JournalMoment) throws -> [String] {
        try String.fetchAll(moment.database, sql: "SELECT DISTINCT stream FROM position ORDER BY stream")
    }

    // MARK: Events

    private static let time = """
        CASE WHEN acquired_at > written_at - 86400000000000 AND acquired_at < written_at + 60000000000 THEN acquired_at
        ELSE written_at END
        """

    private static func last(of stream: String, _ moment: JournalMoment) throws -> Int64 {
        try JournalKind.allCases.compactMap { kind in
            try Int64.fetchOne(
                moment.database,
                sql: """
                    SELECT max(\(time)) FROM
                    (SELECT * FROM \(JournalDatabase.table(kind)) WHERE stream = ? ORDER BY sequence DESC LIMIT 100)
                    """, arguments: [stream])
        }.max() ?? 0
    }

    /// The events of a kind in the stretch, the oldest first, the latest of too many.
    private func events(_ kind: JournalKind, _ moment: JournalMoment) throws -> [(time: Int64, event: WireEvent)] {
        let rows = try Row.fetchCursor(
            moment.database,
            sql: """
                SELECT \(Self.time) AS at, body FROM \(JournalDatabase.table(kind))
                WHERE stream = ? AND at >= ? AND at < ? ORDER BY sequence DESC LIMIT ?
                """, arguments: [stream, range.lowerBound, range.upperBound, Self.most])
        var events: [(time: Int64, event: WireEvent)] = []
        while let row = try rows.next() {
            guard let event = try? WireEvent(serializedBytes: row.bytes("body") ?? []) else { continue }
            events.append((row.number("at"), event))
        }
        return events.reversed()
    }

    /// Of `alarms`, while they are read.
    private var ids: [String] = []

    private mutating func takeAlarms(_ moment: JournalMoment) throws {
        let events = try events(.alert, moment)
        let past = PastAlarms(events.map { ($0.time, $0.event) })
        ids = past.all.map(\.id)
        alarms = past.all.map { alarm in
            Alarm(
                kind: AlertKind(alarm.last.kind), priority: PastAlarms.priority(alarm.last.priority),
                text: alarm.last.text, start: alarm.acquiredAt, beganBefore: alarm.beganBefore,
                end: alarm.last.phase == .ended ? alarm.lastAt : nil, endedBecause: alarm.end,
                seconds: alarm.last.durationSeconds.isFinite ? max(0, alarm.last.durationSeconds) : 0, strip: nil)
        }
    }

    private mutating func takeSuspicions(_ moment: JournalMoment) throws {
        for (time, event) in try events(.suspicion, moment) {
            guard case .suspicion(let suspicion) = event.payload else { continue }
            let isReplay = suspicion.cause == .replay
            let open = suspicions.lastIndex { $0.isReplay == isReplay && $0.end == nil }
            if suspicion.active {
                if open == nil { suspicions.append(Suspicion(isReplay: isReplay, start: time, end: nil)) }
            } else if let open {
                suspicions[open].end = time
            } else {
                suspicions.append(Suspicion(isReplay: isReplay, start: range.lowerBound, end: time))
            }
        }
    }

    private mutating func takeBeats(_ moment: JournalMoment) throws {
        beats = try events(.beat, moment).compactMap { time, event in
            guard case .beat(let beat) = event.payload else { return nil }
            let letter: Character =
                switch beat.beatClass {
                case .normal: "N"
                case .supraventricular: "S"
                case .ventricular: "V"
                case .fusion: "F"
                case .unspecified, .UNRECOGNIZED: "?"
                }
            let interval = beat.rrIntervalSeconds
            return Beat(time: time, letter: letter, interval: interval > 0 && interval < 60 ? interval : nil)
        }
    }

    private mutating func takeConditions(_ moment: JournalMoment) throws {
        let states = try events(.status, moment).compactMap { time, event -> (time: Int64, condition: String)? in
            guard case .status(let status) = event.payload, status.state != .ended else { return nil }
            return (time, Self.words(status.condition))
        }
        var seconds: [String: Double] = [:]
        for (state, next) in zip(states, states.dropFirst()) {
            seconds[state.condition, default: 0] += min(
                max(0, Double(next.time) - Double(state.time)) / 1e9, Self.longestStateSeconds)
        }
        conditions = seconds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }

    private static func words(_ condition: WireSignalCondition) -> String {
        switch condition {
        case .good: "good"
        case .noisy: "noisy"
        case .leadOff: "lead off"
        case .flatLine: "flat line"
        case .saturation: "saturated"
        case .invalidSamples: "invalid samples"
        case .noSignal: "no signal"
        case .unspecified, .UNRECOGNIZED: "not known"
        }
    }
}
