import ArgumentParser
import ECGATKGAN
import Foundation
import Testing
import WFDB

@testable import ECGEvaluation
@testable import ToolSupport
@testable import ecgmon

struct AttackCommandTests {
    @Test func everyMethodHasItsNameOnTheCommandLine() throws {
        for method in WindowAttack.Method.allCases {
            let options = try AttackOptions.parse(["--method", method.rawValue, "--epsilon", "0.02"])
            #expect(options.attack.method == method)
            #expect(options.attack.epsilon == 0.02)
        }
        #expect(throws: (any Error).self) { try AttackOptions.parse(["--method", "deepfool"]) }
        #expect(throws: (any Error).self) { try AttackOptions.parse(["--epsilon", "0"]) }
    }

    @Test func theSuspicionOnTheCommandLineIsAProbability() throws {
        #expect(try AttackOptions.parse([]).attack.suspicionThreshold == 0)
        let threshold = try AttackOptions.parse(["--suspicion", "0.2"]).attack.suspicionThreshold
        #expect(abs(Suspicion.probability(threshold) - 0.2) < 1e-6)
    }

    @Test(
        .enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"),
        arguments: [AttackRecord.BeatSource.detected, .annotated])
    func attackedRecordDiffersOnlyInItsEpisode(beats: AttackRecord.BeatSource) throws {
        let folder = NSTemporaryDirectory() + "attack-\(UUID().uuidString)"
        let source = folder + "/clean"
        let target = folder + "/attacked"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
        for ending in [".hea", ".dat"] {
            try FileManager.default.copyItem(atPath: ToolProcess.fixture + ending, toPath: "\(source)/208s\(ending)")
        }
        let reference = AnnotationSet([3700, 4000, 4300, 9000].map { Annotation(sampleIndex: $0, code: .normal) })
        try reference.write("208s", annotator: "atr", to: source)
        let arguments = [
            "\(source)/208s", "--from", "10", "--to", "15", "--method", "bim", "--beats", beats.rawValue, "--model",
            ToolProcess.model, "-o", target,
        ]
        let command = try AttackRecord.parse(arguments)
        try command.run()
        let clean = try Record.read("208s", in: source)
        let attacked = try Record.read("208s", in: target)
        try attacked.verify()
        #expect(attacked.header.signals.map(\.format) == clean.header.signals.map(\.format))
        #expect(attacked.header.signals.map(\.gain) == clean.header.signals.map(\.gain))
        for signal in clean.samples.indices.dropFirst() { #expect(attacked.samples[signal] == clean.samples[signal]) }
        let changed = clean.samples[0].indices.filter { clean.samples[0][$0] != attacked.samples[0][$0] }
        #expect(changed.count > 300)
        #expect(changed.allSatisfy { (3600..<5400).contains($0) })
        #expect(
            try AnnotationSet.read("208s", annotator: "atr", in: target)
                == AnnotationSet.read("208s", annotator: "atr", in: source))
        // What is there is not overwritten.
        #expect(throws: ToolError.self) { try command.run() }
    }

    @Test func windowsThatAnAttackLeavesAloneKeepTheirAnswers() throws {
        var data = BeatDataset()
        for number in 0..<8 {
            let window = (0..<280).map { Float(($0 * (number + 3)) % 17) / 16 }
            data.append(window, label: BeatClass(rawValue: UInt8(number % 4)) ?? .normal)
        }
        let report = AttackReport(
            WindowAttack(.bim, epsilon: 0), on: EvaluationWindows(data), against: Discriminator(seed: 1), model: "m",
            seed: 1)
        #expect(report.windows == 8)
        #expect(report.before.accuracy == report.after.accuracy)
        #expect(report.largestChange == 0)
        #expect(try ReportOutput.json(report).contains("\"largest_change\" : 0"))
        let changed = AttackReport(
            WindowAttack(.fgsm, epsilon: 0.02), on: EvaluationWindows(data), against: Discriminator(seed: 1),
            model: "m",
            seed: 1)
        #expect(abs(changed.largestChange - 0.02) < 1e-6)
    }
}
