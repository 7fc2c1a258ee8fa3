import Foundation
import TestSupport
import Testing

/// The benchmarks as a user runs them: that they run and have a figure for each stage, not how large it is.
@Suite struct BenchmarkTests {
    @Test func everyKindOfMessageIsTimed() throws {
        let outcome = try ToolProcess.run(["benchmark", "messages", "--count", "2000", "--runs", "1", "--json"])
        try #require(outcome.exitCode == 0, "\(outcome.errors)")
        let figures = try #require(
            JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
        let stages = figures.compactMap { $0["stage"] as? String }
        #expect(stages.count == 8 && Set(stages).count == 8)
        #expect(stages.contains { $0.contains("CURVE") } && stages.contains { $0.contains("100 wards") })
        for name in ["messages_per_second", "microseconds"] {
            #expect(figures.allSatisfy { ($0[name] as? Double ?? 0) > 0 }, "\(name)")
        }
    }

    @Test func stagesAreTimedOnTheFixture() throws {
        let outcome = try ToolProcess.run(["benchmark", "stages", "--runs", "1"])
        #expect(outcome.exitCode == 0 && outcome.output.contains("whole monitor"), "\(outcome.errors)")
    }
}
