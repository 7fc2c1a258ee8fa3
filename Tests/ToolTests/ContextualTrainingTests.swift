import ECGSignal
import Foundation
import Testing

@testable import ECGEvaluation

/// What the contextual classifier is trained on besides annotated beats.
@Suite struct ContextualTrainingTests {
    @Test func simulatedSinusRhythmNeverJumps() {
        for seed in 0..<20 {
            var random = SeededGenerator(seed: UInt64(seed))
            let script = SimulatedSinusBeats.script(&random)
            let rates = script.map { segment -> Double in
                if case .sinus(let rate) = segment.rhythm { rate } else { .nan }
            }
            #expect(rates.allSatisfy { (45...170).contains($0) })
            #expect(zip(rates, rates.dropFirst()).allSatisfy { abs($0 - $1) <= 6 })
            #expect(script.reduce(0) { $0 + $1.seconds } >= 420)
        }
    }

    @Test func folderTellsTheRhythmOfItsRecords() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rhythms-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try RecordDatabase(folder.path(percentEncoded: false))
        #expect(database.recordClasses() == nil)
        try Data("A00001,N\nA00029,O\n\nA00057\n".utf8).write(to: folder.appending(path: "REFERENCE.csv"))
        #expect(database.recordClasses() == ["A00001": "N", "A00029": "O"])
    }
}
