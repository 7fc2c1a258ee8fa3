import ECGATKGAN
import Testing

@testable import ECGMonitor

/// The rules on beats whose classes are given, at 360 samples a second.
@Suite struct EctopyRulesTests {
    /// The rules after V beats and then S beats, all at 150/min.
    static func run(
        ventricular: Int, supraventricular: Int = 0, waveform probability: Float?, noise: Float = 0.5,
        holds: Bool = false
    ) -> AlertManager {
        var alerts = AlertManager(MonitorConfiguration())
        var rules = EctopyRules(MonitorConfiguration())
        rules.follow(WaveformEvidence(ventricularProbability: probability, noiseProbability: noise, swing: 1))
        rules.waveformHoldsTachycardia = holds
        for number in 0..<ventricular + supraventricular {
            let index = Int64(number) * 144
            alerts.now.sampleIndex = index
            alerts.now.decidedAt = index + 140
            rules.beat(
                number < ventricular ? .ventricular : .supraventricular, at: index, lowPriority: true, alerts: &alerts)
        }
        return alerts
    }

    @Test func fourVentricularBeatsAreARunHoweverSureTheWaveform() {
        let short = Self.run(ventricular: 4, waveform: 0.99)
        #expect(!short.isActive(.ventricularTachycardia) && short.isActive(.ventricularRun))
    }

    @Test func fiveVentricularBeatsNeedALikelyWaveform() {
        #expect(Self.run(ventricular: 5, waveform: 0.4).isActive(.ventricularTachycardia))
        #expect(!Self.run(ventricular: 5, waveform: 0.2).isActive(.ventricularTachycardia))
    }

    @Test func inACalmSignalFiveVentricularBeatsAreEnough() {
        #expect(Self.run(ventricular: 5, waveform: 0.05, noise: 0.1).isActive(.ventricularTachycardia))
        #expect(!Self.run(ventricular: 4, waveform: 0.05, noise: 0.1).isActive(.ventricularTachycardia))
    }

    @Test func noSupraventricularRunStartsDuringTachycardia() {
        let during = Self.run(ventricular: 5, supraventricular: 8, waveform: 0.9, holds: true)
        #expect(during.isActive(.ventricularTachycardia))
        #expect(!during.isActive(anyOf: .supraventricularRun, .supraventricularTachycardia))
        let alone = Self.run(ventricular: 0, supraventricular: 8, waveform: 0.1)
        #expect(alone.isActive(anyOf: .supraventricularRun, .supraventricularTachycardia))
    }
}
