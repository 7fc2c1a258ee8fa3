import ECGMonitor
import ECGWire
import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing
import ToolSupport

@testable import MonitorDaemon
@testable import ecgmon

/// The report of a stream out of a journal.
struct StreamReportTests {
    private static let minute: Int64 = 60_000_000_000

    private let folder: TemporaryFolder
    private var journal: String { "\(folder.path)/journal.sqlite" }

    init() throws { folder = try TemporaryFolder() }

    private static func event(_ kind: JournalKind, _ sequence: UInt64, _ fill: (inout WireEvent) -> Void)
        -> JournaledEvent
    {
        var wire = WireEvent()
        (wire.schemaVersion, wire.stream, wire.session, wire.sequence) = (1, "bed-1", 1, sequence)
        wire.id = "\(kind)/\(sequence)"
        fill(&wire)
        return JournaledEvent(
            kind: kind, sequence: sequence, id: wire.id, acquisitionTimeNanoseconds: wire.acquisitionTimeNs,
            body: (try? wire.serializedBytes()) ?? [])
    }

    private static func alert(
        _ kind: WireAlertKind, _ phase: WireAlertPhase, _ sequence: UInt64, minutes: Int64, text: String
    ) -> JournaledEvent {
        event(.alert, sequence) { event in
            event.acquisitionTimeNs = wallClockNanoseconds() - 30 * minute + minutes * minute
            event.alert = .with {
                ($0.kind, $0.phase, $0.number, $0.priority, $0.text) = (kind, phase, 1, .high, text)
                if phase == .ended { $0.endedBecause = .cleared }
            }
        }
    }

    /// Half an hour with ten minutes of atrial fibrillation and an asystole that goes on.
    private func write() throws {
        let database = try JournalDatabase(path: journal, synchronous: .normal) { _ in }
        var round = JournalRound(stream: "bed-1")
        round.events = [
            Self.alert(.atrialFibrillation, .started, 1, minutes: 5, text: "<b>irregular</b>"),
            Self.alert(.atrialFibrillation, .ended, 2, minutes: 15, text: "<b>irregular</b>"),
            Self.alert(.asystole, .started, 3, minutes: 25, text: "asystole"),
        ]
        let now = wallClockNanoseconds()
        for number in 0..<1800 {
            var beat = Self.event(.beat, UInt64(number + 1)) { event in
                event.acquisitionTimeNs = now - 30 * Self.minute + Int64(number) * 1_000_000_000
                event.beat = .with {
                    ($0.beatClass, $0.rrIntervalSeconds) = (number % 9 == 0 ? .ventricular : .normal, 1)
                }
            }
            beat.trend = .beat(number % 9 == 0 ? 2 : 0, milliseconds: 1000)
            var status = Self.event(.status, UInt64(number + 1)) { event in
                event.acquisitionTimeNs = now - 30 * Self.minute + Int64(number) * 1_000_000_000
                event.status = .with { ($0.condition, $0.state) = (number < 900 ? .good : .noisy, .monitoring) }
            }
            status.trend = .rate(60)
            round.events += [beat, status]
        }
        round.events.append(
            Self.event(.suspicion, 1) { event in
                event.acquisitionTimeNs = now - 3 * Self.minute
                event.suspicion = .with { ($0.active, $0.cause) = (true, .replay) }
            })
        let strip = StoredStrip(
            .init(session: 1, samplingRate: 360, leads: ["II"]), rate: 120, range: 0..<2400, onset: 1200,
            values: [(0..<2400).map { StripDecimator.Value($0 % 120) }],
            beats: [.init(place: 1250, letter: "V", interval: 0)], suspected: [])
        _ = try database.commit(
            [round], snapshots: [:],
            strips: [JournaledStrip(stream: "bed-1", alarm: "1/asystole/1", body: strip.stored)])
        database.close()
    }

    @Test func figuresAreThoseOfTheJournal() throws {
        try write()
        let past = try StreamPast(journal: journal, stream: "bed-1", from: nil, until: nil)
        let summary = StreamSummary(past)
        #expect(summary.beats == [1600, 0, 200, 0, 0] && past.beats.count == 1800)
        #expect(
            (30...31).contains(summary.monitoredMinutes) && past.minutes.allSatisfy { $0.interval.mean ?? 1000 == 1000 }
        )
        #expect(abs(summary.fibrillationSeconds - 600) < 1)
        #expect(abs(summary.hours.reduce(0) { $0 + $1.fibrillationSeconds } - 600) < 1)
        #expect(summary.hours.reduce(0) { $0 + $1.beats[2] } == 200)
        #expect(past.alarms.map(\.kind) == [.atrialFibrillation, .asystole] && past.alarms[1].end == nil)
        #expect(past.alarms[0].strip == nil && past.alarms[1].strip?.onsetSeconds == 10)
        #expect(past.suspicions.count == 1 && past.suspicions[0].isReplay && past.suspicions[0].end == nil)
        #expect(past.conditions.map(\.condition) == ["good", "noisy"])
        // A shorter stretch: what was going on at its beginning began before.
        let later = try StreamPast(
            journal: journal, stream: "bed-1", from: wallClockNanoseconds() - 20 * Self.minute, until: nil)
        #expect(later.alarms.map(\.beganBefore) == [true, false])
    }

    @Test func thePageTellsWhatIsNotKnown() throws {
        try write()
        let past = try StreamPast(journal: journal, stream: "bed-1", from: nil, until: nil)
        let page = StreamPage(summary: StreamSummary(past), strips: 40).html
        #expect(!page.contains("<b>irregular") && page.contains("&lt;b&gt;irregular"))
        #expect(page.contains("What the journal does not know") && page.contains("around 1 of 2 alarms"))
        #expect(page.contains("No strip is kept.") && page.contains("replay, ") && page.contains("to the end"))
        #expect(page.matches(of: /<svg/).count == 6 && !page.contains("nan") && !page.contains("http"))
        #expect(StreamPage(summary: StreamSummary(past), strips: 1).html.contains("And 1 more of less weight"))
    }

    @Test func aJournalWithoutTrendsSaysSo() throws {
        try write()
        let database = try JournalDatabase(path: journal, synchronous: .normal) { _ in }
        try database.queue.write { database in
            for table in JournalDatabase.bedsideTables { try database.execute(sql: "DROP TABLE \(table)") }
        }
        database.close()
        let past = try StreamPast(journal: journal, stream: "bed-1", from: nil, until: nil)
        let page = StreamPage(summary: StreamSummary(past), strips: 40).html
        #expect(page.contains("no daemon of this version has written this journal"))
        #expect(past.alarms.count == 2 && page.contains("Not known."))
    }

    @Test func theToolWritesItAndSaysWhatIsWrong() throws {
        try write()
        let output = "\(folder.path)/r.html"
        let done = try ToolProcess.run(["report", "--journal", journal, "--stream", "bed-1", "-o", output])
        #expect(done.exitCode == 0 && done.output.contains("1800 beats, 2 alarms, 1 strips"), "\(done.errors)")
        #expect(try String(contentsOfFile: output, encoding: .utf8).contains("Report of bed-1"))
        try folder.write("text", "no journal at all, and long enough to be read as one")
        for (arguments, words) in [
            (["--journal", journal, "--stream", "bed-2"], "It has bed-1"),
            (["--journal", journal], "--stream is missing"),
            (["--journal", "\(folder.path)/none", "--stream", "x"], "there is no journal"),
            (["--journal", "\(folder.path)/text", "--stream", "x"], "is not a daemon's journal"),
            (["--journal", journal, "record"], "Name a record, or a journal"), ([], "Name a record, or a journal"),
            (["record", "--stream", "x"], "go with --journal"),
            (["--journal", journal, "--strict"], "go with a record"),
            (["--journal", journal, "--stream", "bed-1", "--from", "noon"], "is not a time"),
        ] {
            let outcome = try ToolProcess.run(["report"] + arguments + ["-o", output])
            #expect(outcome.exitCode != 0 && outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
    }
}
