import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGReplay
import Foundation
import TestSupport
import Testing
import WFDB

@testable import EC57
@testable import ECGEvaluation
@testable import ToolSupport
@testable import ecgmon

struct AnnotateTests {
    static let model = Checkout.model
    static let fixture = Checkout.fixture
    static let databases = Databases.root

    /// A folder for a test's files.
    static func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "annotate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func annotate(_ arguments: [String]) async throws {
        try await AnnotateCommand.parse(arguments + ["--model", model]).run()
    }

    static func failure(_ arguments: [String]) async -> ToolError? {
        do {
            try await AnnotateCommand.parse(arguments).run()
            return nil
        } catch {
            return error as? ToolError
        }
    }

    @Test func progressComesInSharesOfTheWholeRecord() throws {
        let path = RecordPath(Self.fixture)
        let source = try RecordSource(path.name, in: path.directory)
        var shares: [Double] = []
        _ = try AnnotatedRecord(
            source, signals: [0], name: path.name, classifier: BeatClassifier(contentsOf: Self.model),
            progress: { shares.append($0) }, events: { _, _ in })
        #expect(shares.count > 1 && abs(shares.reduce(0, +) - 1) < 1e-9, "\(shares)")
    }

    @Test func annotationFileHoldsTheBeatsThatTheMonitorFound() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await Self.annotate([Self.fixture + ".hea", "-o", folder + "/made/by/the/command"])
        let set = try AnnotationSet.read("208s", annotator: "ecgmon", in: folder + "/made/by/the/command")
        #expect(set.isInTimeOrder)
        #expect(set.samplingRate == 360)
        let record = try Record.read("208s", in: Checkout.root + "Fixtures")
        let events = try MonitorRun.events(
            of: record, name: "208s", classifier: BeatClassifier(contentsOf: Self.model))
        let expected = MonitorRun.beats(events).sorted(by: EC57Beat.precedes)
        let written = set.annotations.filter(\.code.isBeat)
        #expect(written.map(\.sampleIndex) == expected.map(\.sampleIndex))
        #expect(written.map(\.code.symbol) == expected.map(\.beatClass.letter))
        // Five minutes of a heart at about 100 beats a minute.
        #expect((420...560).contains(written.count))
    }

    @Test func annotationsCountTheSignalsSamplesNotFrames() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var record = try Record.read("208s", in: Checkout.root + "Fixtures")
        // The same samples, two to a frame.
        var header = record.header
        header.name = "half"
        header.samplingRate = record.samplingRate / 2
        header.signals = [header.signals[0]]
        header.signals[0].fileName = "half.dat"
        header.signals[0].samplesPerFrame = 2
        record = try Record(header: header, samples: [Array(record.samples[0].prefix(record.frameCount / 2 * 2))])
        try record.write(to: folder)
        try await Self.annotate([folder + "/half", Self.fixture, "-o", folder])
        let half = try AnnotationSet.read("half", annotator: "ecgmon", in: folder)
        let whole = try AnnotationSet.read("208s", annotator: "ecgmon", in: folder)
        #expect(half == whole && half.samplingRate == 360)
    }

    @Test func eventsBecomeTheDatabasesOwnAnnotations() {
        func event(_ index: Int64, _ kind: MonitorEvent.Kind) -> MonitorEvent {
            MonitorEvent(
                session: 1, sampleIndex: index, decidedAtSampleIndex: index + 100, acquisitionTimeNanoseconds: 0,
                kind: kind)
        }
        func beat(_ index: Int64, _ beatClass: BeatClass?) -> MonitorEvent {
            event(
                index,
                .beat(
                    Beat(
                        beatClass: beatClass, notClassifiedBecause: beatClass == nil ? .gapAtEdge : nil,
                        probabilities: .zero,
                        attackSuspicion: 0, rrIntervalSeconds: nil, amplitudeMillivolts: 1, foundBySearchBack: false)))
        }
        func alert(_ index: Int64, _ kind: AlertKind, _ phase: AlertPhase) -> MonitorEvent {
            event(
                index,
                .alert(
                    Alert(
                        kind: kind, phase: phase, priority: kind.priority, number: 1, onsetSampleIndex: index,
                        durationSeconds: 1, heartRate: nil, beatCount: 0, text: "why")))
        }
        let suspicion = Suspicion(
            cause: .perturbation, active: true, score: 0.934, beatsConsidered: 10, firstSampleIndex: 1, lastSampleIndex: 2)
        let set = EventAnnotations.annotations(
            of: [
                beat(100, .normal), beat(200, .supraventricular), beat(300, .ventricular), beat(400, .fusion),
                beat(500, nil),
                alert(250, .bigeminy, .started), alert(450, .ventricularTachycardia, .started),
                alert(460, .ventricularTachycardia, .updated), alert(470, .ventricularTachycardia, .ended),
                alert(480, .bigeminy, .ended), alert(490, .pause, .started), event(495, .suspicion(suspicion)),
            ], samplingRate: 250)
        #expect(set.annotations.filter(\.code.isBeat).map(\.code.symbol) == ["N", "S", "V", "F", "Q"])
        #expect(set.annotations.filter { $0.code == .rhythm }.map(\.text) == ["(B", "(VT", "(B", "(N"])
        #expect(
            set.annotations.filter { $0.code == .note }.map(\.text) == [
                "pause begins: why", "attack suspected, score 0.93",
            ])
        #expect(set.isInTimeOrder && set.samplingRate == 250)
    }

    @Test func theGravestRhythmIsShown() {
        func alert(_ index: Int64, _ kind: AlertKind, _ phase: AlertPhase) -> MonitorEvent {
            MonitorEvent(
                session: 1, sampleIndex: index, decidedAtSampleIndex: index + 100, acquisitionTimeNanoseconds: 0,
                kind: .alert(
                    Alert(
                        kind: kind, phase: phase, priority: kind.priority, number: 1, onsetSampleIndex: index,
                        durationSeconds: 1, heartRate: nil, beatCount: 0, text: "why")))
        }
        let set = EventAnnotations.annotations(
            of: [
                alert(100, .ventricularTachycardia, .started), alert(200, .atrialFibrillation, .started),
                alert(300, .bigeminy, .started), alert(400, .bigeminy, .ended),
                alert(500, .ventricularTachycardia, .ended), alert(600, .atrialFibrillation, .ended),
            ], samplingRate: 250)
        #expect(set.annotations.map(\.text) == ["(VT", "(AFIB", "(N"])
        #expect(set.annotations.map(\.sampleIndex) == [100, 500, 600])
    }

    @Test func badInputIsNamedWithTheNextStep() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var error = await Self.failure([folder + "/999", "-o", folder, "--model", Self.model])
        #expect(error?.problem.contains("\(folder)/999.hea: No such file or directory") == true)
        error = await Self.failure([Self.fixture, "-o", folder, "--model", folder + "/none.safetensors"])
        #expect(error?.problem.contains("none.safetensors") == true && error?.nextStep.contains("--model") == true)
        error = await Self.failure(["100", "-o", folder, "--database", folder + "/nowhere"])
        #expect(error?.problem.contains("\(folder)/nowhere") == true)
        error = await Self.failure(["--all", "--database", folder, "-o", folder])
        #expect(error?.problem == "\(folder) holds no WFDB records")
        error = await Self.failure([Self.fixture, "/elsewhere/208s", "-o", folder, "--model", Self.model])
        #expect(error?.problem.contains("two of the records are called 208s") == true)
        error = await Self.failure([Self.fixture, "-o", Self.fixture + ".hea", "--model", Self.model])
        #expect(error?.problem.contains("208s.hea") == true)
        try Data("slow 1 50 100\nslow.dat 16\n".utf8).write(to: URL(filePath: folder + "/slow.hea"))
        try Data(count: 200).write(to: URL(filePath: folder + "/slow.dat"))
        error = await Self.failure([folder + "/slow", "-o", folder, "--model", Self.model])
        #expect(error?.description == "record slow has 50.0 samples a second. The monitor takes 100 to 2000")
        try Data("cut 1 360 1000\ncut.dat 16\n".utf8).write(to: URL(filePath: folder + "/cut.hea"))
        try Data(count: 200).write(to: URL(filePath: folder + "/cut.dat"))
        error = await Self.failure([folder + "/cut", "-o", folder, "--model", Self.model, "--strict"])
        #expect(error?.problem.contains("\(folder)/cut.dat: byte 200: ") == true)
        #expect(throws: (any Error).self) { try AnnotateCommand.parse(["-o", folder]) }
        #expect(throws: (any Error).self) { try AnnotateCommand.parse(["--all", "100", "-o", folder]) }
    }

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: databases + "/mitdb/100.hea"),
            "needs the PhysioNet databases: set ECGMON_DATABASES"))
    func annotationFilesScoreLikeTheStreamItself() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let database = try RecordDatabase(Self.databases + "/mitdb")
        try await Self.annotate(["100", "207", "-o", folder, "--database", database.directory])
        let classifier = try BeatClassifier(contentsOf: Self.model)
        for name in ["100", "207"] {
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            var beats = MonitorRun.beats(try MonitorRun.events(of: record, name: name, classifier: classifier))
            let written = try AnnotationSet.read(name, annotator: "ecgmon", in: folder).annotations.compactMap {
                annotation in
                EC57Class(annotation.code).map { EC57Beat(sampleIndex: annotation.sampleIndex, beatClass: $0) }
            }
            let delays = EC57Score(reference: reference, found: beats, from: 300).delays
            for index in beats.indices { beats[index].decidedAtSampleIndex = nil }
            let score = EC57Score(reference: reference, found: written, from: 300)
            #expect(score == EC57Score(reference: reference, found: beats, from: 300))
            // 100 is clean; in 207 what lies in flutter is left out.
            #expect((score.sensitivity ?? 0) > 98 && (score.positivePredictivity ?? 0) > 98)
            #expect(!delays.isEmpty && delays.allSatisfy { $0 > 0 })
        }
    }
}
