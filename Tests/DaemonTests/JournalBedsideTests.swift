import ECGMonitor
import ECGWire
import Foundation
import GRDB
import TestSupport
import Testing

@testable import MonitorDaemon

/// What the journal keeps of a bed beside its events: trends, strips and limits.
@Suite struct JournalBedsideTests {
    private let folder: TemporaryFolder
    private var file: String { "\(folder.path)/journal.sqlite" }

    init() throws { folder = try TemporaryFolder() }

    private func open() throws -> JournalDatabase {
        try JournalDatabase(path: file, synchronous: .normal) { _ in }
    }

    private func beat(_ sequence: UInt64, milliseconds: Double?, beatClass place: Int = 0) -> JournaledEvent {
        JournaledEvent(
            kind: .beat, sequence: sequence, id: "beat-\(sequence)", acquisitionTimeNanoseconds: 0, body: [],
            trend: .beat(place, milliseconds: milliseconds))
    }

    private func rate(_ sequence: UInt64, _ value: Double) -> JournaledEvent {
        JournaledEvent(
            kind: .status, sequence: sequence, id: "status-\(sequence)", acquisitionTimeNanoseconds: 0, body: [],
            trend: .rate(value))
    }

    private func round(_ events: [JournaledEvent], _ stream: String = "bed-1") -> JournalRound {
        JournalRound(stream: stream, events: events)
    }

    private func strip(_ number: Int, _ stream: String = "bed-1") -> JournaledStrip {
        JournaledStrip(stream: stream, alarm: "1/pause/\(number)", body: [UInt8](repeating: 1, count: 10))
    }

    /// All minutes of a stream in one: a minute may end while a test runs.
    private func sum(_ stream: String = "bed-1") throws -> TrendMinute {
        try JournalReader(path: file).trend(of: stream, from: 0).reduce(into: TrendMinute(minute: 0)) { $0.add($1) }
    }

    @Test func aMinuteCountsEachEventOnceHoweverOftenItIsMade() throws {
        let database = try open()
        let events = [
            beat(1, milliseconds: 800), beat(2, milliseconds: 600, beatClass: 2),
            beat(3, milliseconds: nil, beatClass: 4),
            rate(1, 75), rate(2, 61.5),
        ]
        for _ in 0..<3 { _ = try database.commit([round(events), round(events, "bed-2")], snapshots: [:]) }
        _ = try database.commit([round([beat(4, milliseconds: 1000)])], snapshots: [:])
        let minute = try sum()
        #expect(minute.beats == [2, 0, 1, 0, 1])
        #expect(minute.interval.mean == 800 && minute.interval.least == 600 && minute.interval.greatest == 1000)
        #expect(minute.rate.mean == 68.25 && minute.rate.least == 61.5 && minute.rate.count == 2)
        #expect(try sum("bed-2").beats == [1, 0, 1, 0, 1])
        #expect(try sum("bed-3") == TrendMinute(minute: 0))
    }

    @Test func theSourcesClockIsBelievedWhereItCanBeRight() {
        let now: Int64 = 1_800_000_000_000_000_000
        let minute = now / 60_000_000_000
        #expect(TrendMinute.minute(acquired: now - 3_600_000_000_000, now: now) == minute - 60)
        for wrong in [0, .min, .max, 1_000_000_000, now + 120_000_000_000, now - 90_000_000_000_000] {
            #expect(TrendMinute.minute(acquired: wrong, now: now) == minute, "\(wrong)")
        }
    }

    @Test func aJournalFromBeforeTheTablesGetsThemAndKeepsItsEvents() throws {
        var database: JournalDatabase? = try open()
        _ = try database?.commit([round([beat(1, milliseconds: 800)])], snapshots: [:])
        // As an earlier daemon leaves it: the same version, without these tables.
        try database?.queue.write { database in
            for table in JournalDatabase.bedsideTables { try database.execute(sql: "DROP TABLE \(table)") }
        }
        database?.close()
        database = nil
        let reader = try JournalReader(path: file)
        #expect(try reader.trend(of: "bed-1", from: 0) == [] && reader.strips(of: "bed-1") == [:])
        #expect(try reader.limits(of: "bed-1") == nil)
        let upgraded = try open()
        #expect(upgraded.hasBedsideTables)
        _ = try upgraded.commit([round([beat(1, milliseconds: 800), beat(2, milliseconds: 700)])], snapshots: [:])
        let events = try reader.read { try $0.events(.beat, of: "bed-1", after: 0, limit: 9).map(\.sequence) }
        #expect(events == [1, 2])
        #expect(try sum().beats == [1, 0, 0, 0, 0], "what was written before the tables is not in them")
        #expect(try JournalDatabase.versionOfFile(at: file) == 1, "an earlier daemon can use the file still")
    }

    @Test func withoutTheTablesEventsAreWrittenAllTheSame() throws {
        let database = try open()
        try database.queue.write { database in
            for table in JournalDatabase.bedsideTables { try database.execute(sql: "DROP TABLE \(table)") }
        }
        database.hasBedsideTables = false
        var limits = round([beat(1, milliseconds: 800)])
        limits.limits = .set([1])
        #expect(try database.commit([limits], snapshots: [:], strips: [strip(1)]).written == 1)
        #expect(try database.deleteBedside(before: .max, limit: 10) == 0)
        #expect(try database.deleteOldest(limit: 10).events == ["bed-1": 1])
    }

    @Test func stripsOfAStreamAreBoundedAndTheLatestStay() throws {
        let database = try open()
        for number in 0..<130 { _ = try database.commit([], snapshots: [:], strips: [strip(number)]) }
        _ = try database.commit([], snapshots: [:], strips: [strip(129), strip(0, "bed-2")])
        let reader = try JournalReader(path: file)
        let kept = try reader.strips(of: "bed-1")
        #expect(kept.count == JournalDatabase.keptStrips)
        #expect(kept["1/pause/129"] != nil && kept["1/pause/30"] != nil && kept["1/pause/29"] == nil)
        #expect(try reader.strips(of: "bed-2").count == 1)
    }

    @Test func oldMinutesAndStripsAreDeletedWithTheOldestEvents() throws {
        let database = try open()
        _ = try database.commit([round([rate(1, 70)])], snapshots: [:], strips: [strip(1)])
        #expect(try database.deleteBedside(before: 1, limit: 10) == 0)
        // Its minute began before it was written, so it is the oldest of all.
        #expect(try database.deleteOldest(limit: 10).others == 1)
        #expect(try sum() == TrendMinute(minute: 0))
        _ = try database.commit([round([rate(2, 70)])], snapshots: [:])
        #expect(try database.deleteBedside(before: .max, limit: 10) == 2)
        #expect(try JournalReader(path: file).strips(of: "bed-1").isEmpty)
    }

    @Test func aNewJournalTakesOverTrendsStripsAndLimits() throws {
        let database = try open()
        var first = round([rate(1, 70), beat(1, milliseconds: 800)])
        first.limits = .set(Array("limits".utf8))
        _ = try database.commit([first], snapshots: [:], strips: [strip(1), strip(2), strip(3)])
        for suffix in JournalFiles.suffixes { unlink(file + suffix) }
        _ = try database.beginAnew()
        let reader = try JournalReader(path: file)
        #expect(try reader.limits(of: "bed-1") == Array("limits".utf8), "limits hold at once")
        // It goes on while the old one is copied.
        _ = try database.commit([round([rate(2, 90), beat(2, milliseconds: 600)])], snapshots: [:], strips: [strip(4)])
        while try database.copyLostEvents(limit: 1) == nil, database.hasLostEvents {}
        #expect(try sum().rate.mean == 80 && sum().beats == [2, 0, 0, 0, 0])
        #expect(try Set(reader.strips(of: "bed-1").keys) == Set((1...4).map { "1/pause/\($0)" }))
        for number in 5...103 { _ = try database.commit([], snapshots: [:], strips: [strip(number)]) }
        let kept = try reader.strips(of: "bed-1")
        #expect(kept["1/pause/3"] == nil && kept["1/pause/4"] != nil, "the older go first, copied or not")
    }

    // MARK: Limits

    @Test func theRangesOfLimitsAreThoseOfTheConfiguration() throws {
        for limit in BedLimit.allCases {
            for (value, isAllowed) in [
                (limit.range.lowerBound, true), (limit.range.upperBound, true),
                (limit.range.lowerBound - limit.step, false), (limit.range.upperBound + limit.step, false),
            ] {
                var limits = MonitorConfiguration()
                // Far apart, so that only the one limit can be wrong.
                (limits.extremeBradycardiaBelow, limits.bradycardiaBelow) = (10, 15)
                (limits.tachycardiaAbove, limits.extremeTachycardiaAbove) = (300, 300)
                (limits.pauseSeconds, limits.asystoleSeconds) = (1, 10)
                switch limit {
                case .extremeBradycardiaBelow: limits.bradycardiaBelow = 150
                case .extremeTachycardiaAbove: limits.tachycardiaAbove = min(max(value, 50), 300)
                case .tachycardiaAbove, .bradycardiaBelow, .ventricularTachycardiaRate, .frequentVentricularBeats: break
                case .asystoleSeconds, .pauseSeconds: limits.asystoleSeconds = 10
                }
                limit.set(value, in: &limits)
                var problem = ""
                do throws(MonitorConfiguration.InvalidValue) { try limits.validate() } catch {
                    problem = error.requirement
                }
                #expect(problem.hasPrefix("from ") != isAllowed, "\(limit) \(value): \(problem)")
                #expect(limit.value(in: limits) == value)
                #expect(((try? BedLimit.values([limit.rawValue: value])) != nil) == isAllowed)
            }
            for wrong in [.nan, 60.25] {
                #expect(throws: BedLimits.Problem.self) { try BedLimit.values([limit.rawValue: wrong]) }
            }
        }
    }

    @Test func limitsThatDoNotGoTogetherAreRefusedInWords() throws {
        var limits = BedLimits(by: "Dr Grey", at: 5)
        limits[.bradycardiaBelow] = 30
        #expect(throws: BedLimits.Problem(words: "The limit of extreme bradycardia must be at most the limit of bradycardia (30.0)"))
        {
            _ = try limits.applied(to: MonitorConfiguration())
        }
        limits[.extremeBradycardiaBelow] = 25
        #expect(try limits.applied(to: MonitorConfiguration()).bradycardiaBelow == 30)
        #expect(BedLimits(stored: limits.stored) == limits)
        for bad in [
            "", "{}", #"{"by":"","at":1,"values":{"bradycardia_below":40}}"#, #"{"by":"x","at":1,"values":{}}"#,
            #"{"by":"x","at":1,"values":{"bradycardia_below":1e9}}"#, #"{"by":"x","at":1,"values":{"hunger":3}}"#,
        ] {
            #expect(BedLimits(stored: Array(bad.utf8)) == nil, "\(bad)")
        }
    }
}
