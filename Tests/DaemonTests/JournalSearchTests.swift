import ECGWire
import Foundation
import GRDB
import MonitorWire
import SwiftProtobuf
import Testing

@testable import MonitorDaemon

/// What is found by time is exactly what is there, whatever way leads to it.
@Suite struct JournalSearchTests {
    private static let hour: Int64 = 3_600_000_000_000
    private static let start: Int64 = 1_700_000_000_000_000_000

    /// An event as it was written.
    private struct Written {
        var stream: String
        var sequence: UInt64
        var acquiredAt: Int64
        var writtenAt: Int64
        var time: Int64 { acquiredAt == 0 ? writtenAt : acquiredAt }
    }

    /// A journal of a day of four streams: a clock that is right, one two hours fast that is set right at noon, one at
    /// 1970, and none. The daemon's own clock is set back an hour in the evening.
    private final class Day {
        let path = FileManager.default.temporaryDirectory.appending(path: "search-\(UUID().uuidString.prefix(8))")
            .path()
        var file: String { "\(path)/journal.sqlite" }
        private(set) var events: [Written] = []

        init() throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let database = try JournalDatabase(path: file, synchronous: .normal) { _ in }
            var random = SystemRandomNumberGenerator()
            for number in 0..<2400 {
                let real = start + Int64(number) * 24 * hour / 2400
                let written = number < 1900 ? real : real - hour
                let stream = ["right", "fast", "old", "none"][Int.random(in: 0..<4, using: &random)]
                let acquired: Int64 =
                    switch stream {
                    case "right": written - 200_000_000
                    case "fast": number < 1200 ? real + 2 * hour : real
                    case "old": real - start + 1
                    default: 0
                    }
                let sequence = UInt64(events.count { $0.stream == stream } + 1)
                events.append(.init(stream: stream, sequence: sequence, acquiredAt: acquired, writtenAt: written))
            }
            let all = events
            let rounds = all.map { event in
                var wire = WireEvent()
                wire.stream = event.stream
                wire.sequence = event.sequence
                wire.acquisitionTimeNs = event.acquiredAt
                let journaled = JournaledEvent(
                    kind: .alert, sequence: event.sequence, id: "\(event.stream)/\(event.sequence)",
                    acquisitionTimeNanoseconds: event.acquiredAt, body: (try? wire.serializedBytes()) ?? [])
                return JournalRound(stream: event.stream, events: [journaled])
            }
            _ = try database.commit(rounds, snapshots: [:])
            database.close()
            try change { database in
                for (number, event) in all.enumerated() {
                    try database.execute(
                        sql: "UPDATE alert SET written_at = ? WHERE place = ?",
                        arguments: [event.writtenAt, number + 1])
                }
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func change(_ body: (Database) throws -> Void) throws {
            let queue = try DatabaseQueue(path: file)
            try queue.write(body)
            try queue.close()
        }

        func places(_ conditions: JournalMoment.Conditions) -> [UInt64] {
            let found = events.indices.filter { place in
                let event = events[place]
                return (conditions.stream.isEmpty || event.stream == conditions.stream)
                    && (conditions.from == 0 || event.time >= conditions.from)
                    && (conditions.until == 0 || event.time < conditions.until)
            }.map { UInt64($0 + 1) }
            return conditions.newestFirst ? found.reversed() : found
        }
    }

    private static let questions: [JournalMoment.Conditions] = {
        var questions: [JournalMoment.Conditions] = []
        for stream in ["", "right", "fast", "old", "none", "nobody"] {
            for (from, until) in [
                (0.0, 0.0), (3, 4), (11.5, 14.5), (17, 20), (-1, 40), (23, 0), (0, 2), (50, 60), (9, 8),
            ] {
                for newestFirst in [false, true] {
                    var question = JournalMoment.Conditions(kind: .alert, stream: stream, newestFirst: newestFirst)
                    question.from = from == 0 ? 0 : start + Int64(from * Double(hour))
                    question.until = until == 0 ? 0 : start + Int64(until * Double(hour))
                    questions.append(question)
                }
            }
        }
        // What the clock at 1970 tells.
        questions.append(.init(kind: .alert, from: 1, until: 5 * hour))
        return questions
    }()

    /// Page after page.
    private func all(
        _ question: JournalMoment.Conditions, _ reader: JournalReader, limit: Int, bounds: JournalMoment.SearchBounds
    ) throws -> (places: [UInt64], pages: Int) {
        var (question, places, pages) = (question, [UInt64](), 0)
        while true {
            let found = try reader.read { try $0.find(question, limit: limit, bounds: bounds) }
            pages += 1
            places += found.events.map(\.place)
            guard let next = found.lookedUpTo ?? (found.events.count == limit ? found.events.last?.place : nil) else {
                return (places, pages)
            }
            question.place = next
        }
    }

    /// Bounds that lead each of the ways.
    private static let ways: [JournalMoment.SearchBounds] = [
        .init(), .init(near: 1), .init(near: 1, indexed: 0, lookedUp: 5000, scanned: 100),
        .init(near: 1, indexed: 0, lookedUp: 0, scanned: 100),
        .init(near: 20, indexed: 300, lookedUp: 300, scanned: 100),
    ]

    @Test func everyQueryPlanFindsTheSameWhateverTheClocksSay() throws {
        let day = try Day()
        let reader = try JournalReader(path: day.file)
        for (number, bounds) in Self.ways.enumerated() {
            for question in Self.questions {
                let expected = day.places(question)
                let found = try all(question, reader, limit: 64, bounds: bounds).places
                #expect(found == expected, "way \(number), \(question)")
            }
        }
    }

    @Test func hourOfADayTakesOneAnswerOrSeveralWithoutAnIndex() throws {
        let day = try Day()
        var question = JournalMoment.Conditions(kind: .alert)
        question.from = Self.start + 20 * Self.hour
        question.until = question.from + Self.hour
        let bounds = JournalMoment.SearchBounds(near: 1, indexed: 200, lookedUp: 0, scanned: 300)
        let reader = try JournalReader(path: day.file)
        let found = try all(question, reader, limit: 500, bounds: bounds)
        #expect(found.places == day.places(question) && !found.places.isEmpty)
        #expect(found.pages == 1)

        try day.change { try $0.execute(sql: "DROP INDEX alert_by_time") }
        let slow = try all(question, try JournalReader(path: day.file), limit: 500, bounds: bounds)
        #expect(slow.places == found.places)
        #expect(slow.pages >= 3, "none looks at more than it may")
    }

    /// A journal as it was before there were indices on time is the same journal, with them.
    @Test func journalWithoutTheIndexGetsItWhenOpened() throws {
        let day = try Day()
        try day.change { database in
            for kind in JournalKind.allCases {
                try database.execute(sql: "DROP INDEX \(JournalDatabase.timeIndex(kind))")
            }
        }
        let before = try JournalReader(path: day.file).read { try $0.lastPlace() }
        let database = try JournalDatabase(path: day.file, synchronous: .normal) { _ in Issue.record("put aside") }
        let names = try JournalReader(path: day.file).read { moment in
            try String.fetchAll(
                moment.database, sql: "SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
        }
        #expect(Set(names).isSuperset(of: ["alert_by_time", "beat_by_time", "status_by_time", "suspicion_by_time"]))
        let reader = try JournalReader(path: day.file)
        #expect(try reader.read { try $0.lastPlace() } == before)
        for question in Self.questions {
            let found = try all(question, reader, limit: 64, bounds: .init(near: 1)).places
            #expect(found == day.places(question))
        }
        database.close()
    }
}
