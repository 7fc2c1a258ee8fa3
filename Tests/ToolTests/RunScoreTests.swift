import Testing

@testable import EC57
@testable import ecgmon

@Suite struct RunScoreTests {
    /// Beats 300 samples apart.
    private static func beats(_ letters: String) -> [(Int64, Character)] {
        letters.enumerated().map { (Int64(1_000 + 300 * $0.offset), $0.element) }
    }

    private static func score(_ reference: String, _ found: String) -> EC57RunScore {
        EC57RunScore(
            .ventricular, reference: EC57Tests.reference(beats(reference)), found: EC57Tests.found(beats(found)),
            from: 0)
    }

    @Test func runsAreCountedByTheirLength() {
        let score = Self.score("NVNVVNVVVNVVVVVNVVVVVVN", "NVNVVNVVVNVVVVVNVVVVVVN")
        #expect(score.referenceRuns == [1, 2, 1] && score.foundRuns == [1, 2, 1])
        #expect(score.testedRuns == [1, 2, 1] && score.rightRuns == [1, 2, 1])
    }

    @Test func runThatWasBrokenUpCountsAsMissed() {
        let score = Self.score("NVVVVVVN", "NVVVNVVN")
        #expect(score.referenceRuns == [0, 0, 1] && score.foundRuns == [0, 0, 0])
        // Each part lies in a longer run, so it is right.
        #expect(score.testedRuns == [1, 1, 0] && score.rightRuns == [1, 1, 0])
    }

    @Test func runWithoutAReferenceIsWrong() {
        let score = Self.score("NVNNN", "NVVNN")
        #expect(score.referenceRuns == [0, 0, 0])
        #expect(score.testedRuns == [1, 0, 0] && score.rightRuns == [0, 0, 0])
    }

    @Test func coupletCalledALongerRunCountsAsFoundAndTheRunAsWrong() {
        let score = Self.score("NVVNN", "NVVVN")
        #expect(score.referenceRuns == [1, 0, 0] && score.foundRuns == [1, 0, 0])
        #expect(score.testedRuns == [0, 1, 0] && score.rightRuns == [0, 0, 0])
    }
}
