import Foundation
import TestSupport
import Testing

/// The benchmarks as a user runs them: that they run and have a figure for each stage, not how large it is.
@Suite struct BenchmarkTests {
    private struct Figure: Decodable {
        var stage: String
        var messagesPerSecond: Double
        var microseconds: Double
    }

    @Test func everyKindOfMessageIsTimed() throws {
        let outcome = try ToolProcess.run(["benchmark", "messages", "--count", "2000", "--runs", "1", "--json"])
        try #require(outcome.status == 0, "\(outcome.error)")
        let figures = try JSONDecoder().decode([Figure].self, from: Data(outcome.output.utf8))
        #expect(figures.count == 8 && Set(figures.map(\.stage)).count == 8)
        #expect(figures.allSatisfy { $0.messagesPerSecond > 0 && $0.microseconds > 0 })
        #expect(figures.contains { $0.stage.contains("CURVE") } && figures.contains { $0.stage.contains("100 wards") })
    }

    @Test func stagesAreTimedOnTheFixture() throws {
        let outcome = try ToolProcess.run(["benchmark", "stages", "--runs", "1"])
        #expect(outcome.status == 0 && outcome.output.contains("whole monitor"), "\(outcome.error)")
    }
}
