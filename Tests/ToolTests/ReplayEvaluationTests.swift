import Foundation
import TestSupport
import Testing

@testable import ECGEvaluation
@testable import ecgmon

/// `ecgmon evaluate replay` and `speed`, on the record that comes with the package.
@Suite struct ReplayEvaluationTests {
    private static let fixtures = Checkout.root + "Fixtures"

    @Test func loopsOfRealECGAreNoticedAndTheRecordIsNot() throws {
        let database = try RecordDatabase(Self.fixtures)
        let outcome = try ReplayEvaluation().outcome(of: "208s", in: database, triesLoops: true)
        #expect(outcome.suspected.isEmpty)
        let report = ReplayReport(database: "Fixtures", outcomes: [outcome])
        #expect(report.loops.count == PlayedBackCopy.allCases.count * ReplayEvaluation.lengths.count)
        let exact = report.loops.filter { $0.copy == PlayedBackCopy.exact.text }
        #expect(exact.allSatisfy { $0.noticed == 1 && ($0.median_delay_seconds ?? 99) <= 60 })
        #expect(report.text.contains("suspected 0 times"))
    }

    @Test func copiesAreAsLongAsTheirOriginal() {
        let samples = (0..<1_000).map { Float(sin(Double($0) / 20)) }
        for copy in PlayedBackCopy.allCases {
            let changed = copy.applied(to: samples, rate: 360, seed: 1)
            #expect(abs(changed.count - samples.count) <= 5)
            #expect(zip(changed, samples).allSatisfy { abs($0 - $1) < 0.2 })
            #expect((copy == .exact) == (changed == samples))
        }
    }

    @Test func speedIsMeasuredForEachStage() throws {
        let outcome = try ToolProcess.run(
            ["evaluate", "speed", "208s", "--database", Self.fixtures, "--runs", "1", "--json"])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let figures = try #require(
            JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
        let stages = [
            "milliseconds_per_beat", "signal_milliseconds_per_beat", "detector_samples_per_second",
            "discriminator_milliseconds_per_window",
        ]
        for stage in stages { #expect((figures.first?[stage] as? Double ?? 0) > 0, "\(stage)") }
        #expect((figures.first?["beats"] as? Int ?? 0) > 400)
    }
}
