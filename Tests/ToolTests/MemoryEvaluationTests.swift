import ECGWire
import Testing

@testable import DaemonEvaluation
@testable import DaemonHarness
@testable import ecgmon

@Suite struct MemoryEvaluationTests {
    /// Three days in some seconds; growth is no matter in so short a time, everything else is.
    @Test(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
    func threeSimulatedDaysLoseNothing() throws {
        let outcome = try ToolProcess.run([
            "evaluate", "memory", "--streams", "8", "--days", "3", "--heard", "1", "--whole", "0", "--minutes", "0.1",
            "--tolerance", "1000",
        ])
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("0 missing, 0 out of order"), "\(outcome.output)")
        #expect(outcome.output.contains("growth"))
    }

    private func reading(_ hour: Double, _ megabytes: Double) -> ProcessReading {
        ProcessReading(
            hour: hour, resident: Int(megabytes * 1e6), anonymous: 0, descriptors: 60, threads: 16, journal: 1_000_000)
    }

    @Test func growthIsThatOfTheMediansAfterTheFirstDay() throws {
        let readings = [
            reading(1, 10), reading(23, 40), reading(24, 50), reading(30, 52), reading(47, 90), reading(50, 70),
            reading(72, 55),
            reading(80, 56), reading(95.9, 57),
        ]
        let table = MemoryTable(readings)
        #expect(table.days.map(\.number) == [1, 2, 3, 4])
        #expect(table.days.map(\.median) == [40_000_000, 52_000_000, 70_000_000, 56_000_000])
        #expect(table.days[1].largest == 90_000_000)
        #expect(table.growth == 2_000_000)
        #expect(MemoryTable(Array(readings.prefix(5))).growth == nil)
    }

    private func outcome(growing megabytes: Double) -> MemoryRun.Outcome {
        var outcome = MemoryRun.Outcome()
        outcome.readings = (0..<72).map { reading(Double($0), 50 + megabytes * Double($0 / 24)) }
        outcome.lastEnding = "exit code 0"
        return outcome
    }

    @Test func growthBeyondTheToleranceIsAFault() {
        #expect(MemoryVerdict(outcome(growing: 0.4), tolerance: 0.5).faults == [])
        #expect(MemoryVerdict(outcome(growing: 0.6), tolerance: 0.5).faults == ["memory grows"])
        #expect(MemoryVerdict(outcome(growing: -3), tolerance: 0.5).isGood)
    }

    @Test func countersThatDoNotReconcileAreAFault() {
        var wrong = outcome(growing: 0)
        wrong.sent.samples = 100
        wrong.metrics = MetricsReading(
            page: "# TYPE x\necgmon_samples_total 99\necgmon_rejects_total{cause=\"hello_needed\"} 3\n")
        #expect(MemoryVerdict(wrong, tolerance: 1).faults == ["100 samples were sent, 99 were taken"])
        wrong.sent.samples = 99
        #expect(MemoryVerdict(wrong, tolerance: 1).isGood)
        wrong.sent.wrong = ["stale_session": 1]
        #expect(!MemoryVerdict(wrong, tolerance: 1).isGood)
        wrong.sent.wrong = [:]
        wrong.received.missing = 1
        #expect(!MemoryVerdict(wrong, tolerance: 1).isGood)
    }

    /// Within a session the indices are the time's; a stream that is heard without holes has none.
    @Test func unsentSamplesAreMissingByIndexAndByTime() {
        var ward = SimulatedWard(streams: 40, whole: 2, heardSeconds: 1, seed: 3, startNanoseconds: 1_000_000_000_000)
        var last: [String: WireSampleBlock] = [:]
        var holes = 0
        for hour in 0..<30 {
            ward.begin(hour: hour)
            for step in 0..<ward.stepsInHour {
                for index in 0..<ward.count {
                    for case .block(let block) in ward.messages(of: index, hour: hour, step: step) {
                        #expect(throws: Never.self) { try block.validate() }
                        defer { last[block.stream] = block }
                        guard let before = last[block.stream], before.session == block.session else { continue }
                        let samples = block.firstSampleIndex - before.firstSampleIndex
                        let seconds = Double(block.acquisitionTimeNs - before.acquisitionTimeNs) / 1e9
                        #expect(abs(Double(samples) / block.samplingRate - seconds) < 1e-6)
                        let gap = samples - Int64(before.sampleCount)
                        if gap > 0 { holes += 1 }
                        #expect(index >= 2 || gap == 0, "\(block.stream) is heard without holes")
                    }
                }
            }
        }
        #expect(holes > 500)
        #expect(ward.namesGiven > ward.count, "somebody came")
    }
}
