import ArgumentParser
import EC57
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ECGMonitor
@testable import ECGReplay
import Foundation
import TestSupport
import Testing
import ToolSupport
import WFDB

@testable import ecgmon

/// Records as other people have them: in folders, with signals that are no ECG, in segments, with faults.
@Suite(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
struct RecordFilesTests {
    /// A folder of the test's own, with a minute of real ECG at hand.
    final class Folder {
        let path = FileManager.default.temporaryDirectory.appending(path: "files-\(UUID().uuidString)").path
        let ecg: [Int32]

        init() throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            ecg = Array(try Record.read("208s", in: Checkout.root + "/Fixtures").samples[0].prefix(21_600))
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func text(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
        }

        /// Writes a record; nil samples are the ECG.
        func record(
            _ name: String, _ signals: [(lead: String, units: String, samples: [Int32]?)], rate: Double = 360,
            samplesPerFrame: Int = 1, in sub: String = ""
        ) throws {
            let folder = sub.isEmpty ? path : "\(path)/\(sub)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let header = RecordHeader(
                name: name, samplingRate: rate,
                signals: signals.map {
                    SignalSpecification(
                        fileName: "\(name).dat", format: .format16, samplesPerFrame: samplesPerFrame, gain: 200,
                        baseline: 1024, units: $0.units, description: $0.lead)
                })
            try Record(header: header, samples: signals.map { $0.samples ?? ecg }).write(to: folder)
        }

        var breathing: [Int32] { ecg.indices.map { 1024 + Int32(160 * sin(2 * Double.pi * Double($0) / 1286)) } }

        func annotations(_ name: String) throws -> AnnotationSet {
            try AnnotationSet.read(name, annotator: "ecgmon", in: path + "/out")
        }

        func annotate(_ arguments: [String]) async throws -> AnnotateCommand {
            let command = try AnnotateCommand.parse(arguments + ["-o", path + "/out", "--model", ToolProcess.model])
            try await command.run()
            return command
        }

        func failure(_ arguments: [String]) async -> ToolError? {
            do {
                _ = try await annotate(arguments)
                return nil
            } catch {
                return error as? ToolError
            }
        }
    }

    static func beats(_ set: AnnotationSet) -> [Int64] { set.annotations.filter(\.code.isBeat).map(\.sampleIndex) }

    @Test func recordsOfADatabaseKeepTheirFolders() async throws {
        let folder = try Folder()
        for (sub, name) in [("p1", "rec"), ("p2", "rec"), ("p2", "rec.v2"), ("deep/er", "x")] {
            try folder.record(name, [("II", "mV", nil)], in: "db/" + sub)
            try AnnotationSet([Annotation(sampleIndex: 100, code: .normal)]).write(
                name, annotator: "atr", to: "\(folder.path)/db/\(sub)")
        }
        try folder.text("db/RECORDS", "\u{FEFF}p1/rec\r\np2/rec.hea\r\n./p2/rec.v2\r\ndeep/\r\n")
        try folder.text("db/deep/RECORDS", "er/x")
        let database = try RecordDatabase(folder.path + "/db")
        #expect(try database.scoredRecords(nil) == ["p1/rec", "p2/rec", "p2/rec.v2", "deep/er/x"])
        #expect(try database.record("p2/rec.v2").samples == [folder.ecg])
        #expect(try database.annotations("deep/er/x", for: database.record("deep/er/x")).map(\.sampleIndex) == [100])
        _ = try await folder.annotate(["--all", "--database", folder.path + "/db"])
        for name in ["p1/rec", "p2/rec", "p2/rec.v2", "deep/er/x"] {
            #expect(FileManager.default.fileExists(atPath: "\(folder.path)/out/\(name).ecgmon"), "\(name)")
        }
        // Named one by one, they keep them, too; a path keeps its last part.
        _ = try await folder.annotate([
            "p1/rec", "deep/er/x", folder.path + "/db/p2/rec", "--database", folder.path + "/db",
        ])
        #expect(FileManager.default.fileExists(atPath: "\(folder.path)/out/rec.ecgmon"))
        // A list must not make a command write or read elsewhere.
        for line in ["../p1/rec", "/etc/rec", "p1/../../rec"] {
            try folder.text("db/RECORDS", line)
            #expect(throws: ToolError.self) { try database.records() }
        }
    }

    @Test func withoutAListSegmentsOfRecordsAreNoRecords() throws {
        let folder = try Folder()
        try folder.record("a_1", [("II", "mV", nil)])
        try folder.record("single", [("II", "mV", nil)])
        try folder.text("a_layout.hea", "a_layout 1 360 0\n~ 0 200(1024)/mV 16 0 0 0 0 II\n")
        try folder.text("a.hea", "a/3 1 360 43200\na_layout 0\na_1 21600\na_1 21600\n")
        #expect(try RecordDatabase(folder.path).records() == ["a", "single"])
    }

    @Test func theECGIsTakenWhereverItStands() async throws {
        let folder = try Folder()
        try folder.record("plain", [("II", "mV", nil)])
        try folder.record("resp", [("RESP", "mV", folder.breathing), ("ECG", "mV", nil)])
        try folder.record("abp", [("ABP", "mmHg", folder.breathing), ("II", "mV", nil)])
        _ = try await folder.annotate(["plain", "resp", "abp"].map { "\(folder.path)/\($0)" })
        let expected = Self.beats(try folder.annotations("plain"))
        #expect(expected.count > 70)
        #expect(Self.beats(try folder.annotations("resp")) == expected)
        #expect(Self.beats(try folder.annotations("abp")) == expected)
        // The evaluations and a replay take the same one.
        for name in ["resp", "abp"] {
            #expect(try RecordDatabase(folder.path).record(name).samples == [folder.ecg])
            #expect(try ReplayMaterial(recordPath: "\(folder.path)/\(name)").counts == folder.ecg)
        }
        // Chosen by number or name, it is another.
        #expect(try RecordDatabase(folder.path, lead: "0").record("resp").samples == [folder.breathing])
        #expect(try ReplayMaterial(recordPath: folder.path + "/resp", lead: "resp").counts == folder.breathing)
        _ = try await folder.annotate([folder.path + "/resp", "--lead", "0"])
        #expect(Self.beats(try folder.annotations("resp")) != expected)
    }

    @Test func signalThatIsNoECGIsNotAnnotated() async throws {
        let folder = try Folder()
        try folder.record("r", [("RESP", "mV", folder.breathing), ("ABP", "mmHg", nil)])
        var error = await folder.failure([folder.path + "/r"])
        #expect(error?.nextStep.contains("--lead") == true && error?.nextStep.contains("0 RESP, 1 ABP (mmHg)") == true)
        error = await folder.failure([folder.path + "/r", "--lead", "V9"])
        #expect(error?.problem.contains("no lead V9") == true && error?.nextStep.contains("0 RESP") == true)
        error = await folder.failure([folder.path + "/r", "--lead", "ABP"])
        #expect(error?.problem.contains("mmHg") == true)
    }

    @Test func beatPositionsAreFinerThanFrames() async throws {
        let folder = try Folder()
        try folder.record("plain", [("II", "mV", nil)])
        try folder.record("slow", [("II", "mV", nil)], rate: 1, samplesPerFrame: 360)
        _ = try await folder.annotate([folder.path + "/plain", folder.path + "/slow"])
        #expect(try folder.annotations("slow") == folder.annotations("plain"))
        #expect(try folder.annotations("slow").samplingRate == 360)
        // Reference annotations count in frames, unless they say otherwise.
        let database = try RecordDatabase(folder.path)
        let record = try database.record("slow")
        #expect(record.samplingRate == 360 && record.frameCount == 21_600)
        for (rate, expected) in [(nil, 3600), (180, 20)] as [(Double?, Int64)] {
            try AnnotationSet([Annotation(sampleIndex: 10, code: .normal)], samplingRate: rate).write(
                "slow", annotator: "atr", to: folder.path)
            #expect(try database.annotations("slow", for: record).map(\.sampleIndex) == [expected])
        }
    }

    @Test func gapsBetweenSegmentsAreGaps() async throws {
        let folder = try Folder()
        try folder.record("s", [("II", "mV", nil)])
        // The second gap is longer than the monitor bridges within a session.
        let hours = 200 * 3600 * 360
        try folder.text("m.hea", "m/5 1 360\ns 21600\n~ 7200\ns 21600\n~ \(hours)\ns 21600\n")
        _ = try await folder.annotate([folder.path + "/m"])
        let set = try folder.annotations("m")
        let beats = Self.beats(set)
        #expect(set.annotations.contains { $0.sampleIndex == 21_600 && $0.text == "gap of 7200 samples" })
        for range in [0..<21_600, 28_800..<50_400, 50_400 + hours..<72_000 + hours] {
            #expect(beats.count { range.contains(Int($0)) } > 70, "\(range)")
        }
        #expect(beats.allSatisfy { !(21_600..<28_800).contains($0) && !(50_400..<50_400 + Int64(hours)).contains($0) })
        // In memory it is the same stream.
        try folder.text("n.hea", "n/3 1 360\ns 21600\n~ 7200\ns 21600\n")
        _ = try await folder.annotate([folder.path + "/n"])
        let record = try RecordDatabase(folder.path).record("n")
        let events = try MonitorRun.events(
            of: record, name: "n", classifier: BeatClassifier(contentsOf: ToolProcess.model))
        #expect(EventAnnotations.annotations(of: events, samplingRate: 360) == (try folder.annotations("n")))
        // A replay sends nothing there.
        let material = try ReplayMaterial(recordPath: folder.path + "/n")
        #expect(material.withoutGaps(21_000..<29_000) == [21_000..<21_600, 28_800..<29_000])
        #expect(material.withoutGaps(22_000..<22_090).isEmpty && material.withoutGaps(0..<90) == [0..<90])
        #expect(material.cut(to: 20_000..<25_000).gaps == [1_600..<5_000])
    }

    @Test func faultsAreWarningsAndStrictRefusesThem() async throws {
        let folder = try Folder()
        try folder.record("r", [("II", "mV", nil)])
        let header = try String(contentsOfFile: folder.path + "/r.hea", encoding: .utf8)
        let words = header.split(separator: " ")
        // A checksum of 0, and a length of one more than there is.
        try folder.text("sum.hea", header.replacing(" \(words[words.count - 3]) 0 II", with: " 0 0 II"))
        try folder.text("short.hea", header.replacing("21600", with: "21601"))
        _ = try await folder.annotate(["r", "sum", "short"].map { "\(folder.path)/\($0)" })
        for name in ["sum", "short"] {
            #expect(try folder.annotations(name) == folder.annotations("r"))
            let error = await folder.failure([folder.path + "/" + name, "--strict"])
            #expect(error?.problem.contains("r.dat") == true)
            #expect(error?.nextStep.contains("--strict") == true)
            #expect(throws: ToolError.self) { try RecordDatabase(folder.path, strict: true).record(name) }
        }
        let process = try ToolProcess.run([
            "annotate", folder.path + "/sum", "-o", folder.path + "/out", "--model", ToolProcess.model,
        ])
        #expect(process.exitCode == 0)
        #expect(process.errors.hasPrefix("Warning: ") && process.errors.contains("checksum"))
    }

    @Test func adviceNeverSuggestsFetchingTheUsersOwnFiles() async throws {
        let folder = try Folder()
        try folder.text("bad.hea", "bad 1 fast\n")
        try folder.text("empty.hea", "empty 1 360 100\nempty.dat 16\n")
        try folder.text("empty.dat", "")
        try folder.text("flac.hea", "flac 1 360 100\nflac.dat 516\n")
        for name in ["bad", "empty", "flac", "absent"] {
            let error = await folder.failure([folder.path + "/" + name])
            #expect(error != nil, "\(name)")
            #expect(error?.description.contains("fetch") == false, "\(error?.description ?? "")")
        }
    }

    @Test func everyEventIsALineWithTheTimeOfItsDecision() async throws {
        let folder = try Folder()
        try folder.record("r", [("II", "mV", nil)])
        _ = try await folder.annotate([folder.path + "/r", "--events"])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out").sorted()
        #expect(names == ["r.ecgmon", "r.events.jsonl"])
        let lines = try String(contentsOfFile: folder.path + "/out/r.events.jsonl", encoding: .utf8)
            .split(separator: "\n")
        let events = try lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        let beats = Self.beats(try folder.annotations("r"))
        #expect(events.filter { $0.kind == "beat" }.map(\.sample_index).sorted() == beats)
        for event in events {
            #expect(event.decided_at >= event.sample_index && event.record == "r")
            #expect(abs(event.decided_at_seconds - Double(event.decided_at) / 360) < 1e-5)
            #expect(abs(event.seconds - Double(event.sample_index) / 360) < 1e-5)
        }
        // In the order of decision, as they were told.
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.decided_at <= $1.decided_at })
        #expect(Set(events.map(\.kind)).isSuperset(of: ["beat", "status"]))
    }

    private struct Line: Decodable {
        var record: String
        var kind: String
        var sample_index: Int64
        var seconds: Double
        var decided_at: Int64
        var decided_at_seconds: Double
    }

    @Test func noNoteIsAtSampleZero() throws {
        // Readers take notes there for the file's own definitions, and drop them.
        let alert = Alert(
            kind: .leadOff, phase: .started, priority: .technical, number: 1, onsetSampleIndex: 0, durationSeconds: 1,
            heartRate: nil, beatCount: 0, text: "lead off")
        let event = MonitorEvent(
            session: 1, sampleIndex: 0, decidedAtSampleIndex: 9, acquisitionTimeNanoseconds: 0, kind: .alert(alert))
        let set = EventAnnotations.annotations(of: [event], samplingRate: 250)
        #expect(set.annotations.map(\.sampleIndex) == [1])
        let read = try AnnotationSet(parsing: try set.encoded(), file: "x.ecgmon")
        #expect(read.annotations.first?.text == "lead off begins: lead off" && read.samplingRate == 250)
    }
}
