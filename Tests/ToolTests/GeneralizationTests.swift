import EC57
import ECGClassification
import ECGATKGAN
import ECGMonitor
import ECGSignal
import Foundation
import Synchronization
import TestSupport
import Testing
import WFDB

@testable import ECGEvaluation
@testable import ToolSupport
@testable import ecgmon

/// `ecgmon evaluate generalization` on simulated records with the databases' own file names, and a few records of each
/// real database.
@Suite(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
struct GeneralizationTests {
    /// Folders of simulated records.
    private final class Root {
        let path = FileManager.default.temporaryDirectory.appending(path: "general-\(UUID().uuidString)").path
        static let rate = 250.0

        deinit { try? FileManager.default.removeItem(atPath: path) }

        /// Writes a record with the simulated beats, and other annotations.
        func record(
            _ name: String, in database: String, _ script: [SimulatedSegment],
            marks: [Annotation]? = nil, beats: Bool = true, seed: UInt64 = 1, flatFirst: Bool = false,
            amplitude: Double = 1.2
        ) throws {
            let folder = "\(path)/\(database)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            var simulator = ECGSimulator(
                .init(samplingRate: Self.rate, seed: seed, script: script, amplitude: amplitude, noise: .resting))
            let (millivolts, labels) = simulator.record(seconds: script.reduce(0) { $0 + $1.seconds })
            let leads = flatFirst ? ["I", "II"] : ["II"]
            let header = RecordHeader(
                name: name, samplingRate: Self.rate,
                signals: leads.map {
                    SignalSpecification(
                        fileName: "\(name).dat", format: .format16, gain: 1000, baseline: 0, units: "mV",
                        description: $0)
                })
            let counts = millivolts.map { Int32(($0 * 1000).rounded()) }
            let flat = [Int32](repeating: 0, count: counts.count)
            try Record(header: header, samples: flatFirst ? [flat, counts] : [counts]).write(to: folder)
            guard let marks else { return }
            let found = beats ? labels : []
            var set = AnnotationSet(
                marks
                    + found.map {
                        Annotation(
                            sampleIndex: $0.rPeakIndex, code: AnnotationCode(symbol: $0.letter) ?? .unclassifiable)
                    }, samplingRate: Self.rate)
            set.sortByTime()
            try set.write(name, annotator: "atr", to: folder)
        }

        static func mark(_ seconds: Double, _ text: String) -> Annotation {
            Annotation(sampleIndex: Int64(seconds * rate), code: .rhythm, text: text)
        }

        func text(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
        }
    }

    private static func evaluation(
        quick: Bool = false, lead: String? = nil, heldOut: HeldOutNetworks? = nil, runtime: EvaluationRuntime = .init()
    ) throws -> GeneralizationEvaluation {
        GeneralizationEvaluation(
            try LoadedModel(contentsOf: ToolProcess.model), quick: quick, lead: lead, heldOut: heldOut,
            runtime: runtime)
    }

    @Test func everyDatabaseIsScoredByItsOwnReferences() async throws {
        let root = Root()
        let sinus = SimulatedSegment(.sinus(rate: 75), seconds: 60)
        try root.record(
            "418", in: "vfdb", [sinus, .init(.ventricularFibrillation, seconds: 30), sinus],
            marks: [Root.mark(0, "(N"), Root.mark(61, "(VFIB"), Root.mark(90, "(N")], beats: false)
        try root.record("419", in: "vfdb", [sinus], marks: [Root.mark(0, "(N")], beats: false)
        try root.record(
            "100", in: "mitdb", [.init(.sinus(rate: 75), seconds: 330)],
            marks: [Root.mark(0, "(N"), Root.mark(200, "(AFIB"), Root.mark(260, "(N")])
        try root.record("ludb2", in: "ludb", [.init(.sinus(rate: 90), seconds: 10)], marks: [])
        try root.record(
            "a103l", in: "challenge2015",
            [.init(.sinus(rate: 75), seconds: 291), .init(.asystole, seconds: 9), .init(.sinus(rate: 75), seconds: 20)])
        try root.record("a134s", in: "challenge2015", [.init(.sinus(rate: 75), seconds: 300)])
        try root.text("challenge2015/ALARMS", "a103l,Asystole,1\na134s,Asystole,0\nnonsense\n")
        try root.record("A00001", in: "challenge2017", [.init(.sinus(rate: 80), seconds: 30)])
        try root.text("challenge2017/REFERENCE.csv", "A00001,N\n")
        #expect(
            GeneralizationEvaluation.foundDatabases(in: root.path) == [
                "vfdb", "challenge2015", "challenge2017", "ludb", "mitdb",
            ])
        let names = GeneralizationEvaluation.foundDatabases(in: root.path).map { "\(root.path)/\($0)" }
        let report = try await Self.evaluation().report(names + ["\(root.path)/cudb"])
        #expect(report.left_out.map(\.database) == ["cudb"] && report.left_out[0].records == 0)
        #expect(
            report.databases.map { "\($0.database) \($0.records.count) \($0.in_view.word)" } == [
                "vfdb 1 trained", "vfdb 1 never", "challenge2015 2 trained", "challenge2017 1 trained",
                "ludb 1 trained", "mitdb 1 trained",
            ])
        let (seen, unseen) = (report.databases[0], report.databases[1])
        let vf = try #require(seen.lethal_rhythms["VF"])
        #expect(vf.episodes == 1 && vf.told_pct == 100 && vf.time_pct > 80 && vf.silent == 0)
        #expect(seen.delays.alarm_s["VF"]?.never == 0 && (seen.delays.alarm_s["VF"]?.delay?.max ?? 99) < 10)
        #expect(unseen.lethal_rhythms.isEmpty && unseen.false_alarms?.high_per_hour == 0)
        #expect(seen.beats == nil && seen.false_alarms?.reference == .rhythmMarks)
        #expect(report.databases[2].bedside_alarms["all"]?.score == 100)
        #expect(report.databases[2].false_alarms == nil && report.databases[2].beats == nil)
        #expect(report.databases[3].record_classes["N"]?.asystole_pct == 0)
        #expect(report.databases[4].beats?.figures.sensitivity == 100)
        #expect(report.databases[4].beats?.figures.positivePredictivity == 100)
        let mitdb = report.databases[5]
        #expect(mitdb.beats?.figures.sensitivity == 100 && mitdb.beats?.from_seconds == 300)
        #expect(mitdb.atrial_fibrillation?.missed_min == 1)
        #expect(mitdb.false_alarms?.high_per_hour == 0)
        #expect((report.delays.qrs_detected_ms?.median ?? 9_999) < 500)
        // The table has a row for each part, and a dash where there is no reference.
        let rows = report.text.split(separator: "\n").filter { $0.hasPrefix("vfdb ") }
        #expect(rows.first?.contains(" -  ") == true)
        // The detector's constants were chosen with mitdb and ludb in view.
        #expect(report.markdown.contains("| mitdb | 1 | 0.1 | trained | 100.00 / 100.00° |"))
        #expect(report.markdown.contains("| ludb | 1 | 0.0 | trained | 100.00 / 100.00° |"))
        let json = try ReportOutput.json(report)
        #expect(json.contains("\"qrs_detected_ms\"") && json.contains("\"QRS detector\" : \"constants chosen on it\""))
    }

    /// QRS complexes that are too small for a beat only once they are 0.4 times as large.
    @Test func recordsAreScoredAsOtherDevicesWouldRecordThem() async throws {
        let root = Root()
        try root.record("A00001", in: "challenge2017", [.init(.sinus(rate: 80), seconds: 30)], amplitude: 0.25)
        try root.text("challenge2017/REFERENCE.csv", "A00001,N\n")
        let report = try await Self.evaluation().changed(["\(root.path)/challenge2017"], [.reversed, .small])
        #expect(report.rows.map(\.change) == ["as they are", "reversed polarity", "0.4 times as large"])
        #expect(report.rows.map { $0.record_classes["N"]?.asystole_pct } == [0, 0, 100])
        #expect(report.text.split(separator: "\n").count == 4)
    }

    @Test func aRecordThatCannotBeReadCostsOnlyItself() async throws {
        let root = Root()
        try root.record("ludb2", in: "ludb", [.init(.sinus(rate: 90), seconds: 10)], marks: [])
        try root.text("ludb/ludb4.hea", "ludb4 1 500 5000\nabsent.dat 16 1000 16 0 0 0 0 ii\n")
        try root.text("ludb/ludb4.atr", "")
        let report = try await Self.evaluation().report(["\(root.path)/ludb"])
        #expect(report.databases.map(\.records) == [["ludb2"]])
        #expect(report.left_out.count == 1 && report.left_out[0].records == 1)
        #expect(report.left_out[0].because.contains("ludb4"))
        #expect(report.text.contains("ludb: 1 records left out"))
        await #expect(throws: ToolError.self) { try await Self.evaluation().report(["\(root.path)/nothing"]) }
    }

    @Test func allLeadsFindTheBeatsThatTheFirstDoesNotShow() async throws {
        let root = Root()
        try root.record(
            "ludb2", in: "ludb", [.init(.sinus(rate: 90), seconds: 30)], marks: [], flatFirst: true)
        let one = try await Self.evaluation().report(["\(root.path)/ludb"])
        let all = try await Self.evaluation(lead: "all").report(["\(root.path)/ludb"])
        #expect((one.databases[0].beats?.figures.sensitivity ?? 100) < 10)
        #expect((all.databases[0].beats?.figures.sensitivity ?? 0) > 90)
        #expect(all.lead == "all" && all.text.contains("all ECG leads"))
    }

    /// A network that calls everything tachycardia.
    private static func tachycardia(heldOut records: [String]) -> String {
        func list(_ value: String, _ count: Int) -> String {
            "[" + Array(repeating: value, count: count).joined(separator: ",") + "]"
        }
        let names = records.map { "\"\($0)\"" }.joined(separator: ",")
        return """
            {"records": [\(names)], "mean": \(list("0", 71)), "scale": \(list("1", 71)), "w1": \(list("0", 71 * 16)),
             "b1": \(list("0", 16)), "w2": \(list("0", 64)), "b2": [0, 9, 0, 0]}
            """
    }

    @Test func eachRecordIsJudgedByTheNetworkThatHeldItOut() async throws {
        let root = Root()
        for name in ["418", "424"] {
            try root.record(
                name, in: "vfdb", [.init(.sinus(rate: 75), seconds: 60)], marks: [Root.mark(0, "(N")], beats: false)
        }
        try root.text("folds.json", "[\(Self.tachycardia(heldOut: ["vfdb/418"]))]")
        let heldOut = try HeldOutNetworks(contentsOf: "\(root.path)/folds.json")
        let report = try await Self.evaluation(heldOut: heldOut).report(["\(root.path)/vfdb"])
        let parts = report.databases.sorted { $0.records[0] < $1.records[0] }
        #expect(parts.map(\.records) == [["418"], ["424"]])
        #expect((parts[0].false_alarms?.vt_per_hour ?? 0) > 0 && parts[1].false_alarms?.vt_per_hour == 0)
        #expect(parts[0].uses[.ventricularRhythms] == .chosen && parts[1].uses[.ventricularRhythms] == .trained)
        #expect(report.text.contains("networks that have not seen the record"))
    }

    @Test func aFileOfNetworksThatDoesNotFitIsRefused() throws {
        let root = Root()
        try FileManager.default.createDirectory(atPath: root.path, withIntermediateDirectories: true)
        let network = Self.tachycardia(heldOut: ["vfdb/418"])
        for text in ["", "{}", "[\(network), \(network)]", "[\(network.replacing("[0, 9, 0, 0]", with: "[0]"))]"] {
            try root.text("folds.json", text)
            #expect(throws: ToolError.self) { try HeldOutNetworks(contentsOf: "\(root.path)/folds.json") }
        }
    }

    @Test func theNumberOfThreadsChangesNothing() async throws {
        let root = Root()
        for number in 1...5 {
            try root.record(
                "ludb\(number)", in: "ludb", [.init(.sinus(rate: 60 + 10 * Double(number)), seconds: 10)], marks: [],
                seed: UInt64(number))
        }
        let one = try await Self.evaluation(runtime: .init(threads: 1)).report(["\(root.path)/ludb"])
        let three = try await Self.evaluation(runtime: .init(threads: 3)).report(["\(root.path)/ludb"])
        #expect(one.text == three.text)
        #expect(try ReportOutput.json(one) == ReportOutput.json(three))
        #expect(one.databases.map(\.records) == [["ludb2", "ludb4"], ["ludb1", "ludb3", "ludb5"]])
    }

    @Test func aRunThatIsStoppedEndsBetweenRecords() async throws {
        let root = Root()
        for number in 1...4 {
            try root.record("ludb\(number)", in: "ludb", [.init(.sinus(rate: 90), seconds: 10)], marks: [])
        }
        let checks = Mutex(0)
        let runtime = EvaluationRuntime(
            threads: 1,
            isCancelled: {
                checks.withLock { count in
                    count += 1
                    return count > 2
                }
            })
        await #expect(throws: EvaluationCancelled.self) {
            try await Self.evaluation(runtime: runtime).report(["\(root.path)/ludb"])
        }
    }

    @Test(.enabled(if: !GeneralizationEvaluation.foundDatabases(in: Databases.root).isEmpty, "\(Databases.missing)"))
    func aFewRealRecordsOfEachDatabaseAreScored() async throws {
        let names = GeneralizationEvaluation.foundDatabases(in: Databases.root).filter { name in
            ScoringProtocol.known.contains { $0.database == name && $0.quickRecords > 0 }
        }
        let report = try await Self.evaluation(quick: true).report(names.map(Databases.folder))
        #expect(report.left_out.isEmpty)
        #expect(Set(report.databases.map(\.database)) == Set(names))
        for part in report.databases {
            let limits = ScoringProtocol(folder: part.database)
            #expect(part.records.count <= limits.quickRecords, "\(part.database)")
            #expect((part.beats == nil) == (limits.beats == nil), "\(part.database)")
            #expect((part.false_alarms == nil) == (limits.falseAlarms == .none), "\(part.database)")
            if let beats = part.beats?.figures {
                #expect((beats.sensitivity ?? 0) > 60 && (beats.positivePredictivity ?? 0) > 60, "\(part.database)")
            }
        }
        if let mitdb = report.databases.first(where: { $0.database == "mitdb" }) {
            #expect((mitdb.beats?.figures.sensitivity ?? 0) > 98)
        }
        if let lethal = report.databases.first(where: { $0.database == "vfdb" })?.lethal_rhythms.values {
            #expect(lethal.reduce(0) { $0 + $1.episodes } > 0)
        }
    }
}
