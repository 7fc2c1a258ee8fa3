import ECGSignal
import Foundation
import Testing

struct SignalConditionTests {
    private static func changes(
        _ samples: [Float], leadOff: ClosedRange<Int>? = nil
    ) -> [SignalConditionMonitor.Change] {
        var monitor = SignalConditionMonitor()
        var changes: [SignalConditionMonitor.Change] = []
        for (n, sample) in samples.enumerated() {
            if let change = monitor.step(sample, leadOff: leadOff?.contains(n) ?? false) {
                #expect(change.knownAtIndex == Int64(n) && change.sinceIndex <= Int64(n) && change.sinceIndex >= 0)
                #expect(change.condition == monitor.condition)
                changes.append(change)
            }
        }
        // Reported once: never the same twice in a row.
        #expect(zip([.good] + changes.map(\.condition), changes.map(\.condition)).allSatisfy { $0 != $1 })
        return changes
    }

    private static func ecg(seconds: Double = 60, noise: SimulatedNoise = .resting) -> [Float] {
        simulate(.sinus(rate: 72), seconds: seconds, noise: noise).samples
    }

    @Test func aCleanSignalIsGoodFromTheStart() {
        #expect(Self.changes(Self.ecg()).isEmpty)
        let vt = simulate(.ventricular(rate: 210), seconds: 30).samples
        #expect(Self.changes(vt).isEmpty)
        let wandering = Self.ecg(noise: SimulatedNoise(white: 0.02, baselineWander: 1.5, mains: 0.05))
        #expect(Self.changes(wandering).isEmpty)
    }

    @Test func leadOffIsReportedAtOnceAndEndsAfterASecondOfSignal() {
        let changes = Self.changes(Self.ecg(), leadOff: 3_000...5_000)
        #expect(changes.map(\.condition) == [.leadOff, .good])
        #expect(changes.first?.knownAtIndex == 3_000 && changes.first?.sinceIndex == 3_000)
        #expect(changes.last?.knownAtIndex == 5_360 && changes.last?.sinceIndex == 5_001)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func nonfiniteValueIsReportedAtItsSample(value: Float) {
        var samples = Self.ecg()
        samples[4_321] = value
        samples[4_400] = value
        let changes = Self.changes(samples)
        #expect(changes.map(\.condition) == [.invalidSamples, .good])
        #expect(changes.first?.knownAtIndex == 4_321)
        #expect(changes.last?.knownAtIndex == 4_760)
    }

    @Test func aStreamThatStartsWithInvalidSamplesIsReported() {
        let changes = Self.changes([Float](repeating: .nan, count: 400) + Self.ecg())
        #expect(changes.map(\.condition) == [.invalidSamples, .good])
        #expect(changes.first?.knownAtIndex == 0)
    }

    @Test func flatLineIsReportedInThreeSecondsAndItsEndAtOnce() {
        var samples = Self.ecg()
        for n in 7_200..<10_800 { samples[n] = samples[7_200] + (n % 3 == 0 ? 0.005 : 0) }
        let changes = Self.changes(samples)
        #expect(changes.map(\.condition) == [.flatLine, .good])
        #expect(changes[0].knownAtIndex - 7_200 <= 3 * 360)
        #expect(abs(changes[0].sinceIndex - 7_200) < 100)
        #expect(changes[1].knownAtIndex >= 10_800 && changes[1].knownAtIndex - 10_800 <= 360)
    }

    @Test(arguments: [Float(5.115), -5.12, 3.2])
    func saturationIsReportedInTwoSecondsAndEndsOnMovement(rail: Float) {
        var samples = Self.ecg()
        for n in 7_200..<9_000 { samples[n] = rail }
        let changes = Self.changes(samples)
        #expect(changes.map(\.condition).first == .saturation && changes.last?.condition == .good)
        #expect(changes[0].knownAtIndex - 7_200 <= 720)
        #expect((changes.last?.knownAtIndex ?? .max) - 9_000 <= 3 * 360)
    }

    @Test func aSingleClippedPeakIsNotSaturation() {
        let samples = simulate(.sinus(rate: 72), seconds: 40, amplitude: 6).samples.map { min($0, 5.115) }
        #expect(Self.changes(samples).isEmpty)
    }

    @Test func strongMuscleNoiseIsReportedAndEnds() {
        var samples = Self.ecg(seconds: 60)
        var random = SeededGenerator(seed: 9)
        for n in 7_200..<14_400 { samples[n] += 0.25 * Float(random.normal()) }
        let changes = Self.changes(samples)
        #expect(changes.map(\.condition) == [.noisy, .good])
        #expect(changes[0].knownAtIndex - 7_200 <= 3 * 360)
        #expect(changes[1].knownAtIndex - 14_400 >= 0 && changes[1].knownAtIndex - 14_400 <= 3 * 360)
    }

    @Test func noiseThatLooksLikeBeatsIsReportedByTheDetectorsNoiseRatio() {
        func noisySeconds(_ noise: SimulatedNoise) -> Double {
            var detector = PanTompkinsDetector()
            var monitor = SignalConditionMonitor()
            var noisy = 0
            for sample in simulate(.sinus(rate: 75), seconds: 120, noise: noise).samples {
                _ = detector.step(sample)
                _ = monitor.step(sample, leadOff: false, noiseRatio: detector.noiseRatio)
                if monitor.condition == .noisy { noisy += 1 }
            }
            return Double(noisy) / 360
        }
        #expect(noisySeconds(.resting) == 0)
        #expect(noisySeconds(SimulatedNoise(baselineWander: 1, electrodeMotion: 0.05)) == 0)
        #expect(noisySeconds(SimulatedNoise(electrodeMotion: 0.8)) > 60)
    }

    @Test func pastNoiseIsForgottenEvenIfTWavesMakeNoPeaks() {
        let noisy = simulate(
            .sinus(rate: 75), seconds: 60, tWave: 0.02, noise: SimulatedNoise(electrodeMotion: 0.4))
        let clean = simulate(.sinus(rate: 75), seconds: 60, tWave: 0.02, noise: .none)
        var detector = PanTompkinsDetector()
        var greatest: Float = 0
        for sample in noisy.samples {
            _ = detector.step(sample)
            greatest = max(greatest, detector.noiseRatio)
        }
        #expect(greatest > 0.4)
        for sample in clean.samples { _ = detector.step(sample) }
        #expect(detector.noiseRatio < 0.2)
    }

    /// The electrode moves (a jump within 0.4 s), comes off, and the amplifier discharges.
    static func discharge(jump: Float, seconds: Double, from level: Float) -> [Float] {
        let count = Int(seconds * 360)
        return (0..<count).map { n in
            let t = Float(n) / 360
            return t < 0.4 ? level + jump * t / 0.4 : level + jump * exp(-(t - 0.4) / 1.3)
        }
    }

    @Test(arguments: [Float(2.5), -1.8])
    func anElectrodeThatDischargesIsNoise(jump: Float) {
        var samples = Self.ecg(seconds: 60)
        let decay = Self.discharge(jump: jump, seconds: 4.5, from: samples[7_200])
        for n in decay.indices { samples[7_200 + n] = decay[n] }
        let changes = Self.changes(samples)
        #expect(changes.map(\.condition) == [.noisy, .good])
        #expect(changes[0].knownAtIndex - 7_200 <= 900)
        #expect(changes[1].knownAtIndex - 7_200 <= 8 * 360)
    }

    @Test func aPauseInAWanderingBaselineIsNotADrift() {
        // Breathing of 0.5 mV at 0.2 Hz goes on while the heart stands still.
        let (samples, _) = simulate(
            [
                SimulatedSegment(.sinus(rate: 70), seconds: 30), SimulatedSegment(.asystole, seconds: 20),
                SimulatedSegment(.sinus(rate: 70), seconds: 20),
            ], noise: SimulatedNoise(white: 0.01))
        let wandering = samples.enumerated().map { $1 + 0.25 * sin(2 * .pi * 0.2 * Float($0) / 360) }
        #expect(!Self.changes(wandering).contains { $0.condition == .noisy })
    }

    @Test func theGraverConditionCoversTheLesser() {
        var samples = Self.ecg()
        for n in 7_200..<14_400 { samples[n] = 0 }
        let changes = Self.changes(samples, leadOff: 9_000...10_000)
        #expect(changes.map(\.condition) == [.flatLine, .leadOff, .flatLine, .good])
    }

    @Test func resetStartsAsNew() {
        var monitor = SignalConditionMonitor()
        for _ in 0..<2_000 { _ = monitor.step(0, leadOff: true) }
        #expect(monitor.condition == .leadOff)
        monitor.reset()
        #expect(monitor.condition == .good)
        #expect(monitor.step(0.1, leadOff: false) == nil)
    }
}
