import Testing

@testable import ECGMonitor

@Suite struct SignalChangeRuleTests {
    /// Feeds beats with a noise in mV each, one a second, and returns the beats at which the alert started and ended.
    private func changes(_ noise: [Float]) -> (started: [Int], ended: [Int]) {
        var alerts = AlertManager(MonitorConfiguration())
        alerts.now.samplingRate = 360
        var rule = SignalChangeRule()
        var (started, ended): ([Int], [Int]) = ([], [])
        for (beat, value) in noise.enumerated() {
            alerts.now.sampleIndex = Int64(beat) * 360
            alerts.now.decidedAt = alerts.now.sampleIndex
            let before = alerts.isActive(.signalChanged)
            rule.beat(fineNoise: value, at: alerts.now.sampleIndex, alerts: &alerts)
            let after = alerts.isActive(.signalChanged)
            if after, !before { started.append(beat) }
            if before, !after { ended.append(beat) }
        }
        return (started, ended)
    }

    @Test func aStepOfTheNoiseIsReportedOnceAndLearned() {
        for factor in [4, 0.25] as [Float] {
            let noise = (0..<400).map { beat in (beat < 200 ? 0.006 : 0.006 * factor) * (beat % 2 == 0 ? 1.1 : 0.9) }
            let (started, ended) = changes(noise)
            #expect(started.count == 1 && (205...230).contains(started.first ?? 0))
            #expect(ended.count == 1 && (ended.first ?? 999) - (started.first ?? 0) < 60)
        }
    }

    @Test func aBurstOfAFewBeatsIsNoChange() {
        let noise = (0..<400).map { (200..<206).contains($0) ? Float(0.05) : 0.006 }
        #expect(changes(noise).started.isEmpty)
    }

    @Test func aSignalWithoutNoiseChangesNothing() {
        let noise = (0..<300).map { $0 % 3 == 0 ? Float(0) : 0.0004 }
        #expect(changes(noise).started.isEmpty)
        #expect(changes((0..<300).map { $0 == 100 ? .nan : 0.006 }).started.isEmpty)
    }
}
