import ECGWire
import Foundation
import GRDB
import MonitorWire
import SwiftProtobuf
import Testing

@testable import MonitorDaemon

/// The journal's file by itself.
@Suite struct JournalDatabaseTests {
    private final class Folder {
        let path = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString.prefix(8))")
            .path()
        var file: String { "\(path)/journal.sqlite" }
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func open(putAside: (String) -> Void = { _ in }) throws -> JournalDatabase {
            try JournalDatabase(path: file, synchronous: .normal, putAside: putAside)
        }
    }

    private func event(
        _ kind: JournalKind, _ sequence: UInt64, id: String? = nil, alert: (life: String, isOn: Bool)? = nil
    ) -> JournaledEvent {
        var wire = WireEvent()
        wire.stream = "bed-1"
        wire.sequence = sequence
        wire.id = id ?? "\(kind)-\(sequence)"
        return JournaledEvent(
            kind: kind, sequence: sequence, id: wire.id, acquisitionTimeNanoseconds: 0,
            body: (try? wire.serializedBytes()) ?? [], alert: alert)
    }

    private func round(_ events: [JournaledEvent], stream: String = "bed-1") -> JournalRound {
        JournalRound(stream: stream, events: events)
    }

    private func snapshot(next: Int64, _ sequences: JournalSequences, state: [UInt8]? = [1, 2, 3]) -> StreamSnapshot {
        StreamSnapshot(session: .max, nextSampleIndex: next, sequences: sequences, state: state, lastSamplesAt: 5)
    }

    @Test func eventWhoseNumberIsTakenIsNotWrittenAgain() throws {
        let folder = try Folder()
        let database = try folder.open()
        let first = try database.commit([round([event(.beat, 1), event(.beat, 2)])], snapshots: [:])
        #expect(first.written == 2)
        let again = try database.commit([round([event(.beat, 2), event(.beat, 3), event(.alert, 1)])], snapshots: [:])
        #expect(again.written == 2)
        #expect(again.known == 1)
        let reader = try JournalReader(path: folder.file)
        let sequences = try reader.read { try $0.events(.beat, of: "bed-1", after: 0, limit: 10).map(\.sequence) }
        #expect(sequences == [1, 2, 3])
        let last = try reader.lastSequences(of: "bed-1")
        #expect(last[0] == 3 && last[1] == 1 && last[2] == 0)
    }

    @Test func streamIsRestoredWithItsStateAndLaterEvents() throws {
        let folder = try Folder()
        var database: JournalDatabase? = try folder.open()
        _ = try database?.commit(
            [round([event(.beat, 1), event(.beat, 2)])], snapshots: ["bed-1": snapshot(next: 700, [2, 0, 0, 0])])
        _ = try database?.commit([round([event(.beat, 3), event(.status, 1)])], snapshots: [:])
        database = nil
        _ = try folder.open()
        let reader = try JournalReader(path: folder.file)
        #expect(try reader.openStreams() == ["bed-1"])
        let known = try #require(try reader.known("bed-1"))
        #expect(known.snapshot.state == [1, 2, 3])
        #expect(known.snapshot.nextSampleIndex == 700)
        #expect(known.snapshot.session == .max)
        #expect(known.tail.map(\.id) == ["beat-3", "status-1"])
        #expect(try reader.known("bed-2") == nil)
    }

    /// SQLite keeps whatever type is put into a column, and does not notice a number that is another.
    @Test(arguments: ["'x'", "x'00ff'", "-1", "9223372036854775807", "-9223372036854775808", "1e300"])
    func nonsensicalJournalRowEndsNothing(value: String) throws {
        let folder = try Folder()
        var database: JournalDatabase? = try folder.open()
        let on = event(.alert, 1, alert: ("asystole/1", true))
        _ = try database?.commit(
            [round([event(.beat, 1), on])], snapshots: ["bed-1": snapshot(next: 700, [0, 0, 0, 0])])
        database = nil
        let spoilt = try DatabaseQueue(path: folder.file)
        try spoilt.write { database in
            for (table, columns) in [
                ("stream", ["session", "next_sample_index", "beats", "alerts", "last_samples_at", "state"]),
                ("position", ["sequence"]), ("beat", ["sequence", "acquired_at", "written_at", "body", "id"]),
                ("active_alert", ["body"]),
            ] {
                for column in columns { try database.execute(sql: "UPDATE \(table) SET \(column) = \(value)") }
            }
        }
        try spoilt.close()
        _ = try folder.open()
        let reader = try JournalReader(path: folder.file)
        let known = try #require(try reader.known("bed-1"))
        var numbering = StreamNumbering(after: known.snapshot.sequences, tail: known.tail)
        #expect(numbering.number(.beat, id: "new").sequence > 0)
        numbering = StreamNumbering(after: try reader.lastSequences(of: "bed-1"))
        #expect(numbering.number(.beat, id: "new").sequence > 0)
        try reader.read { moment in
            _ = try moment.positions(after: 0, limit: 10)
            _ = try moment.activeAlerts(limit: 10)
            _ = try moment.events(.beat, of: "bed-1", after: 0, limit: 10)
            _ = try moment.find(.init(kind: .beat), limit: 10)
        }
    }

    @Test func endedStreamKeepsOnlyItsNumbers() throws {
        let folder = try Folder()
        let database = try folder.open()
        let on = event(.alert, 1, alert: ("asystole/1", true))
        _ = try database.commit([round([on])], snapshots: ["bed-1": snapshot(next: 9, [0, 1, 0, 0], state: nil)])
        let reader = try JournalReader(path: folder.file)
        #expect(try reader.openStreams().isEmpty)
        #expect(try reader.known("bed-1")?.snapshot.sequences[1] == 1)
        #expect(try reader.read { try $0.activeAlerts(limit: 10) }.isEmpty, "nobody watches it any more")
    }

    @Test func alertIsActiveFromItsStartToItsEnd() throws {
        let folder = try Folder()
        let database = try folder.open()
        let reader = try JournalReader(path: folder.file)
        _ = try database.commit(
            [round([event(.alert, 1, alert: ("pause/1", true)), event(.alert, 2, alert: ("asystole/1", true))])],
            snapshots: [:])
        #expect(try reader.read { try $0.activeAlerts(limit: 10) }.count == 2)
        _ = try database.commit([round([event(.alert, 3, alert: ("pause/1", false))])], snapshots: [:])
        let left = try reader.read { try $0.activeAlerts(limit: 10) }
        #expect(try left.map { try WireEvent(serializedBytes: $0.body).sequence } == [2])
        var anew = round([])
        anew.beginsAnew = true
        _ = try database.commit([anew], snapshots: [:])
        #expect(try reader.read { try $0.activeAlerts(limit: 10) }.isEmpty)
    }

    @Test func damagedFileIsMovedAsideAndANewOneStarted() throws {
        let folder = try Folder()
        try Data(repeating: 0x5A, count: 20_000).write(to: URL(filePath: folder.file))
        var aside: String?
        let database = try folder.open { aside = $0 }
        let path = try #require(aside)
        #expect(try Data(contentsOf: URL(filePath: path)).count == 20_000)
        #expect(try database.commit([round([event(.beat, 1)])], snapshots: [:]).written == 1)
    }

    @Test func oneDaemonOnlyWritesAJournal() throws {
        let folder = try Folder()
        let first = try folder.open()
        #expect(throws: JournalDatabase.Failure.self) { _ = try folder.open() }
        _ = try first.usedBytes()
    }

    @Test func oldestEventsAreDeletedFirstInSmallSteps() throws {
        let folder = try Folder()
        let database = try folder.open()
        _ = try database.commit([round((1...10).map { event(.status, $0) })], snapshots: [:])
        _ = try database.commit([round((1...10).map { event(.beat, $0) })], snapshots: [:])
        #expect(try database.delete(.beat, writtenBefore: 0, limit: 5) == 0)
        #expect(try database.delete(.beat, writtenBefore: .max, limit: 3) == 3)
        #expect(try database.deleteOldest(limit: 4).events == ["bed-1": 4])
        let reader = try JournalReader(path: folder.file)
        let (beats, statuses) = try reader.read { moment in
            (
                try moment.events(.beat, of: "bed-1", after: 0, limit: 99).map(\.sequence),
                try moment.events(.status, of: "bed-1", after: 0, limit: 99).map(\.sequence)
            )
        }
        #expect(beats == Array(4...10))
        #expect(statuses == Array(5...10), "written first")
        #expect(try reader.lastSequences(of: "bed-1")[0] == 10)
    }

    @Test(arguments: [
        ("/a/b", "/var/lib/ecgmon", "/a/b"), ("j", "/var/lib/ecgmon", "/var/lib/ecgmon/j"), ("j", "/x:/y", "/x/j"),
        ("", "/x", nil), ("j", nil, nil),
    ])
    func relativeJournalPathIsInTheStateDirectory(path: String, directory: String?, expected: String?) {
        var settings = DaemonConfiguration.Journal()
        settings.path = path
        #expect(Journal.path(settings, stateDirectory: directory) == expected)
    }
}

@Suite struct StreamNumberingTests {
    @Test func recomputedEventsKeepTheirNumbers() {
        var numbering = StreamNumbering(
            after: [4, 0, 0, 0], tail: [(.beat, 5, "a"), (.beat, 6, "b"), (.alert, 1, "x")])
        #expect(numbering.number(.beat, id: "a") == (5, true))
        #expect(numbering.number(.alert, id: "x") == (1, true))
        #expect(numbering.number(.beat, id: "b") == (6, true))
        #expect(numbering.number(.beat, id: "c") == (7, false))
        #expect(numbering.jumps == 0)
    }

    @Test func numberOfAnEventThatDoesNotRecurIsNeverReused() {
        var numbering = StreamNumbering(
            after: [4, 0, 0, 0], tail: [(.beat, 5, "a"), (.beat, 6, "b"), (.beat, 7, "c")])
        #expect(numbering.number(.beat, id: "other") == (8, false))
        #expect(numbering.jumps == 1)
        #expect(numbering.number(.beat, id: "b") == (6, true), "it is in the journal under its own number")
        #expect(numbering.number(.beat, id: "more") == (9, false))
        #expect(numbering.last[0] == 9)
    }

    @Test func twoEventsOfOneNameGetTheirNumbersInOrder() {
        var numbering = StreamNumbering(after: [0, 0, 0, 0], tail: [(.status, 1, "s"), (.status, 2, "s")])
        #expect(numbering.number(.status, id: "s") == (1, true))
        #expect(numbering.number(.status, id: "s") == (2, true))
        #expect(numbering.number(.status, id: "s") == (3, false))
    }
}
