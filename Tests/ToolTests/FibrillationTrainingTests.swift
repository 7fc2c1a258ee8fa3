import ECGMonitor
import TestSupport
import Testing

@testable import ECGEvaluation

@Suite struct FibrillationTrainingTests {
    /// Rows whose first feature tells the rhythms apart by its sign, the second by its size; the third says nothing.
    private func records(_ number: Int, seed: UInt64) -> [FibrillationRows] {
        var random = SeededGenerator(seed: seed)
        func uniform() -> Float { Float(random.next() >> 40) / Float(1 << 24) }
        return (0..<number).map { index in
            let isFibrillation = index % 2 == 0
            let rows = (0..<30).map { _ in
                let first: Float = (isFibrillation ? 0.4 : -0.4) + 2 * uniform() - 1
                let second: Float = (isFibrillation ? 1.5 : 0.5) * (2 * uniform() - 1)
                return ObservedRhythm(
                    sampleIndex: 0, decidedAtSampleIndex: 0, samplingRate: 360, seconds: 25,
                    features: [first, second, uniform()])
            }
            return FibrillationRows(
                database: "made", record: "\(index)", recordSeconds: 30, rows: rows,
                labels: rows.map { _ in isFibrillation ? .fibrillation : .other })
        }
    }

    @Test func trainingFindsWhatTellsTheRhythmsApart() {
        let training = FibrillationTraining(records(40, seed: 1))
        #expect(training.linear[0] > 0.3 && training.square[1] > 0.3)
        #expect(abs(training.linear[2]) < 0.2 && abs(training.square[2]) < 0.2)
        #expect(training.counts.fibrillation == 600 && training.counts.other == 600)
    }

    @Test func theSameRowsGiveTheSameModel() {
        let (first, second) = (FibrillationTraining(records(10, seed: 2)), FibrillationTraining(records(10, seed: 2)))
        #expect(first.linear == second.linear && first.square == second.square && first.bias == second.bias)
    }

    @Test func excludedAndShortRowsAreLeftOut() {
        var parts = records(10, seed: 3)
        let expected = FibrillationTraining(parts)
        for part in parts.indices {
            parts[part].rows.append(
                ObservedRhythm(
                    sampleIndex: 0, decidedAtSampleIndex: 0, samplingRate: 360, seconds: 25, features: [9, 9, 9]))
            parts[part].labels.append(.excluded)
            parts[part].rows.append(
                ObservedRhythm(
                    sampleIndex: 0, decidedAtSampleIndex: 0, samplingRate: 360, seconds: 15, features: [9, 9, 9]))
            parts[part].labels.append(.other)
        }
        let found = FibrillationTraining(parts)
        #expect(found.linear == expected.linear && found.mean == expected.mean)
    }
}
