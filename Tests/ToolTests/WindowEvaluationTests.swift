import ECGATKGAN
import ECGClassification
import Foundation
import NeuralNetwork
import TestSupport
import Testing

@testable import ECGEvaluation
@testable import ToolSupport
@testable import ecgmon

/// The machinery of the evaluations on attacked windows, with small untrained networks.
struct WindowEvaluationTests {

    static func model(_ folder: TemporaryFolder, seed: UInt64, splitSeed: UInt64 = 1, name: String = "tiny") throws
        -> EvaluatedModel
    {
        let network = Discriminator(seed: seed)
        let path = "\(folder.path)/\(name).safetensors"
        let sha256 = try ModelFile.write(network, to: path)
        try ModelCard(
            name: name, sha256: sha256, architecture: network.architectureIdentifier, data: "made up", split: "",
            recipe: "", seed: splitSeed, windowMargin: 3, command: "", figures: [:], figuresCommand: "", notes: ""
        ).write(besideModel: path)
        return try EvaluatedModel(contentsOf: path)
    }

    /// Noisy windows with the classes that the network gives them, so that it is right on all.
    static func windows(_ count: Int, rightFor model: EvaluatedModel) -> EvaluationWindows {
        var generator = NeuralNetwork.SeededGenerator(seed: 17)
        let network = model.network.replica()
        var data = BeatDataset()
        for _ in 0..<count {
            var window = (0..<280).map { _ in generator.nextUniform() }
            window.withUnsafeMutableBufferPointer { BeatDataset.scaleToUnitInterval($0) }
            data.append(window, label: WindowAnswers(of: network, to: window, batch: 1).answer(0))
        }
        return EvaluationWindows(data)
    }

    static func measurement(_ folder: TemporaryFolder, threads: Int = 1, restart: Bool = false) throws
        -> AttackMeasurement
    {
        AttackMeasurement(
            store: try ResultStore(folder.path + "/work"), runtime: EvaluationRuntime(threads: threads), seed: 5,
            restart: restart)
    }

    static func job(_ model: EvaluatedModel, _ windows: EvaluationWindows) -> AttackMeasurement.Job {
        let attack = WindowAttack(.pgd, epsilon: 0.02, iterations: 2, restarts: 2)
        return .init(
            label: "test", crafter: model, sequence: AttackSequence(attack), targets: [model],
            set: .init(windows))
    }

    @Test func theNumberOfThreadsChangesNoResult() throws {
        let one = try TemporaryFolder("evaluation")
        let two = try TemporaryFolder("evaluation")
        let model = try Self.model(one, seed: 3)
        let windows = Self.windows(200, rightFor: model)
        let job = Self.job(model, windows)
        let alone = try Self.measurement(one).answers([job])[0][0]
        let together = try Self.measurement(two, threads: 2).answers([job])[0][0]
        #expect(alone == together)
        #expect(alone.count == 200)
        #expect((0..<200).contains { !alone.isRight($0, labels: windows.labels) })
    }

    /// As the store keeps answers.
    private struct Stored: Codable {
        var done: [Bool]
        var values: Data
    }

    @Test func finishedWorkIsNotRepeatedAndMissingWorkIsDone() throws {
        let folder = try TemporaryFolder("evaluation")
        let model = try Self.model(folder, seed: 3)
        let windows = Self.windows(100, rightFor: model)
        let job = Self.job(model, windows)
        let measurement = try Self.measurement(folder)
        let first = try measurement.answers([job])[0][0]
        // A mark in each of the two batches, and the second one declared undone, as after Ctrl-C.
        let key = AttackMeasurement.key(job, target: model, seed: 5)
        var stored: Stored = try #require(measurement.store.load(key))
        #expect(stored.done == [true, true])
        var values = stored.values.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        values[0] = 77
        values[5 * 64] = 77
        stored.values = values.withUnsafeBytes { Data($0) }
        stored.done[1] = false
        try measurement.store.save(stored, key)
        let second = try measurement.answers([job])[0][0]
        #expect(second.logit(0, .normal) == 77)
        #expect(second.subset(Array(64..<100)) == first.subset(Array(64..<100)))
        let third = try Self.measurement(folder, restart: true).answers([job])[0][0]
        #expect(third == first)
    }

    @Test func newModelOrAttackIsMeasuredAfresh() throws {
        let folder = try TemporaryFolder("evaluation")
        let model = try Self.model(folder, seed: 3)
        let windows = Self.windows(20, rightFor: model)
        let job = Self.job(model, windows)
        let measurement = try Self.measurement(folder)
        let first = try measurement.answers([job])[0][0]
        let changed = try Self.model(folder, seed: 4)
        #expect(changed.sha256 != model.sha256)
        #expect(try measurement.answers([Self.job(changed, windows)])[0][0] != first)
        var stronger = job
        stronger.sequence = AttackSequence(WindowAttack(.pgd, epsilon: 0.02, iterations: 3, restarts: 2))
        #expect(
            AttackMeasurement.key(stronger, target: model, seed: 5)
                != AttackMeasurement.key(job, target: model, seed: 5))
        #expect(
            AttackMeasurement.key(job, target: model, seed: 6) != AttackMeasurement.key(job, target: model, seed: 5))
    }

    @Test func aBrokenResultIsMeasuredAgain() throws {
        let folder = try TemporaryFolder("evaluation")
        let model = try Self.model(folder, seed: 3)
        let job = Self.job(model, Self.windows(10, rightFor: model))
        let measurement = try Self.measurement(folder)
        let first = try measurement.answers([job])[0][0]
        for file in try FileManager.default.contentsOfDirectory(atPath: measurement.store.directory) {
            try Data("{ broken".utf8).write(to: URL(filePath: "\(measurement.store.directory)/\(file)"))
        }
        #expect(try measurement.answers([job])[0][0] == first)
    }

    @Test func workFolderThatCannotBeCreatedIsNamed() throws {
        let folder = try TemporaryFolder("evaluation")
        try Data().write(to: URL(filePath: folder.path + "/file"))
        let error = #expect(throws: ToolError.self) { try ResultStore(folder.path + "/file/work") }
        #expect(error?.problem.contains("/file/work") == true)
    }

    @Test func modelsTrainedOnDifferentSplitsAreRefused() throws {
        let folder = try TemporaryFolder("evaluation")
        let one = try Self.model(folder, seed: 1, splitSeed: 1, name: "one")
        let other = try Self.model(folder, seed: 2, splitSeed: 9, name: "other")
        let error = #expect(throws: ToolError.self) {
            try HeldOutWindows(RecordDatabase(folder.path), for: [one, other], sample: nil, seed: 1)
        }
        #expect(error?.problem.contains("different splits") == true)
    }

    @Test func aFolderGivesItsModelsButNotTheSurrogate() throws {
        let folder = try TemporaryFolder("evaluation")
        _ = try Self.model(folder, seed: 1, name: "a")
        _ = try Self.model(folder, seed: 2, name: "b")
        _ = try Self.model(folder, seed: 3, name: "surrogate")
        try FileManager.default.copyItem(atPath: folder.path + "/a.safetensors", toPath: folder.path + "/c.safetensors")
        try FileManager.default.copyItem(atPath: folder.path + "/a.json", toPath: folder.path + "/c.json")
        #expect(try EvaluatedModel.list(folder.path) { _ in }.map(\.name) == ["a", "b"])
    }

    @Test func protocolWHoldsItsRowsAndChecksForATinyNetwork() throws {
        let folder = try TemporaryFolder("evaluation")
        let model = try Self.model(folder, seed: 3)
        let windows = Self.windows(8, rightFor: model)
        var settings = WhiteboxSettings(epsilon: 0.01)
        settings.squareSample = nil
        settings.squareQueries = 30
        settings.curveEpsilons = [0.001, 0.1]
        settings.iterationCounts = [1, 5]
        let result = try Whitebox(
            model: model, surrogate: nil, windows: windows, settings: settings,
            measurement: Self.measurement(folder, threads: 2))
        let names = [
            "clean", "FGSM", "BIM", "PGD", "CW", "APGD-CE", "APGD-DLR", "SAP", "joint", "Square", "worst case",
        ]
        #expect(result.rows.map(\.name) == names)
        #expect(result.rows.first?.figures.plainAccuracy == 100)
        let worst = try #require(result.rows.last?.figures.plainAccuracy)
        for row in result.rows where row.name != "SAP" && row.name != "joint" {
            #expect(row.figures.plainAccuracy >= worst)
            #expect(row.suspected.map { (0...100).contains($0) } == true)
        }
        #expect(result.curve.count == 2)
        #expect(result.checks.first?.outcome == .passed, "\(result.checks[0].detail)")
        #expect(result.checks[3].outcome == .notRun)
    }

    @Test(arguments: [false, true])
    func theWorstCaseAloneIsThatOfAllRows(throughScaling: Bool) throws {
        let folder = try TemporaryFolder("evaluation")
        let model = try Self.model(folder, seed: 3)
        let windows = Self.windows(8, rightFor: model)
        var settings = WhiteboxSettings(epsilon: 0.02)
        settings.worstCaseOnly = true
        settings.throughScaling = throughScaling
        let result = try Whitebox(
            model: model, surrogate: nil, windows: windows, settings: settings,
            measurement: Self.measurement(folder, threads: 2))
        #expect(result.rows.map(\.name) == ["clean", "worst case without Square"])
        #expect(result.rows[0].figures.plainAccuracy == 100)
        #expect(result.rows[1].figures.plainAccuracy < 100)
        #expect(result.rows[1].parameters.contains("throughScaling: \(throughScaling)"))
        let heldOut = HeldOutWindows(windows, database: "made up", splitSeed: 1, margin: 0, heldOutCount: 8)
        #expect(result.report(heldOut).through_scaling == throughScaling)
        #expect(result.text(heldOut).contains("through the scaling") == throughScaling)
        #expect(TableSketchbook.draw { result.text(heldOut) }.svg?.contains("worst case without Square") == true)
    }

    @Test func certificatesAreStoredAndCountedByClass() throws {
        let folder = try TemporaryFolder("evaluation")
        let model = try Self.model(folder, seed: 3)
        let windows = Self.windows(20, rightFor: model)
        let evaluation = CertificateEvaluation(
            model: model, smoothing: RandomizedSmoothing(deviation: 1e-4, selectionDraws: 5, draws: 60),
            norms: [1e-5, 1], seed: 2)
        let store = try ResultStore(folder.path + "/work")
        func certificates(threads: Int) throws -> [RandomizedSmoothing.Certificate] {
            try evaluation.certificates(of: windows, store: store, runtime: EvaluationRuntime(threads: threads))
        }
        let first = try certificates(threads: 2)
        #expect(first.count == 20)
        // What is stored is not computed again: two files, for 16 windows and 4.
        let files = try FileManager.default.contentsOfDirectory(atPath: store.directory)
        #expect(files.count == 2)
        #expect(try certificates(threads: 1) == first)
        for file in files { try FileManager.default.removeItem(atPath: "\(store.directory)/\(file)") }
        #expect(try certificates(threads: 1) == first)

        // With next to no noise the smoothed classifier answers as the network does, and no norm of 1 is certified.
        let rows = evaluation.rows(first, labels: windows.labels, shares: [.normal: 3, .ventricular: 1])
        #expect(rows.last?.beat_class == "all" && rows.last?.windows == 20)
        for row in rows.dropLast() {
            #expect(row.accuracy > 90 && row.certified[0] > 90 && row.certified[1] == 0)
            #expect(row.windows == windows.labels.count { String(BeatClass.allCases[Int($0)].letter) == row.beat_class })
        }
    }

    @Test func aSampleOfEachClassHasAsManyOfEach() {
        var data = BeatDataset()
        for (beatClass, count) in [(BeatClass.normal, 30), (.supraventricular, 12), (.fusion, 3)] {
            for number in 0..<count {
                data.append((0..<280).map { Float($0 == number ? 1 : 0) }, label: beatClass)
            }
        }
        let all = HeldOutWindows(
            EvaluationWindows(data), database: "made up", splitSeed: 1, margin: 0, heldOutCount: 45)
        let sample = all.sample(ofEachClass: 10, seed: 1)
        #expect(sample.windows.count == 23 && sample.heldOutCount == 45)
        #expect(sample.windows.count(of: .normal) == 10 && sample.windows.count(of: .fusion) == 3)
        #expect(all.sample(ofEachClass: 10, seed: 1).windows.checksum == sample.windows.checksum)
        #expect(all.sample(ofEachClass: 10, seed: 2).windows.checksum != sample.windows.checksum)
    }

    @Test func aCheckFailsWhereItsFiguresAreWrong() {
        #expect(Whitebox.monotoneCheck("", [("1", 90), ("2", 80), ("3", 80.2)], tolerance: 0.3).outcome == .passed)
        #expect(Whitebox.monotoneCheck("", [("1", 80), ("2", 81)], tolerance: 0.3).outcome == .failed)
        #expect(Whitebox.transferCheck([("FGSM", 95, 90)]).outcome == .passed)
        #expect(Whitebox.transferCheck([("FGSM", 95, 90), ("PGD", 80, 90)]).outcome == .failed)
        #expect(Whitebox.squareCheck(square: 89.5, ensemble: 90, windows: 100).outcome == .passed)
        #expect(Whitebox.squareCheck(square: 88.5, ensemble: 90, windows: 100).outcome == .failed)
        #expect(Whitebox.unboundedCheck(0.5, windows: 200).outcome == .failed)
    }

    @Test func table1HasAllColumnsNextToThePapersFigures() throws {
        let folder = try TemporaryFolder("evaluation")
        let model = try Self.model(folder, seed: 3)
        let surrogate = try Self.model(folder, seed: 8, name: "surrogate")
        let windows = Self.windows(6, rightFor: model)
        let table = try Table1(
            models: [model], surrogate: surrogate,
            heldOut: HeldOutWindows(windows, database: "made up", splitSeed: 1, margin: 0, heldOutCount: 6),
            epsilon: 0.01, measurement: Self.measurement(folder))
        #expect(table.cells.count == 10)
        let report = table.report
        #expect(report.rows.map(\.attack_protocol).count { $0 == "P-transfer" } == 5)
        #expect(report.rows.allSatisfy { $0.paper_figures.count == 13 })
        #expect(report.rows[0].plain_accuracy == 100)
        #expect(report.rows[6].condition == "fgsm" && report.rows[6].paper_figures["acc"] == 98.6)
        #expect(table.text.contains("P-whitebox, CW") && table.text.contains("paper: proposed"))
        let drawn = try #require(TableSketchbook.draw { table.text }.svg)
        #expect(drawn.contains(">P-transfer, no attack<") && drawn.contains(">P-whitebox, CW<"), "\(drawn.prefix(2000))")
        // A table in Markdown has as many bars in each row.
        let bars = table.markdown.split(separator: "\n").filter { $0.hasPrefix("|") }.map { row in
            row.count { $0 == "|" }
        }
        #expect(Set(bars) == [20])
        // Without a surrogate there is one block only, and it says so.
        let alone = try Table1(
            models: [model], surrogate: nil,
            heldOut: HeldOutWindows(windows, database: "made up", splitSeed: 1, margin: 0, heldOutCount: 6),
            epsilon: 0.01, measurement: Self.measurement(folder))
        #expect(alone.cells.count == 5)
        #expect(alone.text.contains("P-transfer is left out"))
    }
}
