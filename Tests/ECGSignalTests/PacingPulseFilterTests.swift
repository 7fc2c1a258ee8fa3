import Foundation
import Testing

@testable import ECGSignal

@Suite struct PacingPulseFilterTests {
    private static func run(
        _ samples: [Float], rate: Double
    ) -> (output: [Float], pulses: [(index: Int, pulse: PacingPulse)], filter: PacingPulseFilter) {
        var filter = PacingPulseFilter()
        filter.reset(samplingRate: rate)
        var output: [Float] = []
        var pulses: [(Int, PacingPulse)] = []
        for (index, sample) in samples.enumerated() {
            if let pulse = filter.step(sample, pass: { output.append($0) }) {
                pulses.append((index - pulse.samplesAgo, pulse))
            }
        }
        filter.flush { output.append($0) }
        return (output, pulses, filter)
    }

    private static func ecg(rate: Double, seconds: Double = 30) -> [Float] {
        var simulator = ECGSimulator(
            .init(samplingRate: rate, script: [.init(.sinus(rate: 80), seconds: seconds)], noise: .init(white: 0.005)))
        return simulator.record(seconds: seconds).millivolts
    }

    @Test(arguments: [250.0, 360, 500, 1_000, 2_000]) func anECGWithoutPulsesPassesUnchanged(rate: Double) {
        let samples = Self.ecg(rate: rate)
        let result = Self.run(samples, rate: rate)
        #expect(result.output == samples)
        #expect(result.pulses.isEmpty)
    }

    @Test(arguments: [100.0, 250, 360, 1_000]) func samplesThatPassAtOnceAreThoseOfTheWholeFilter(rate: Double) {
        var samples = Self.ecg(rate: rate, seconds: 20)
        // Pulses, one of which leaves an offset.
        for (second, height) in [(5, Float(3)), (6, 3), (7, -0.8), (12, 4)] {
            let at = Int(Double(second) * rate)
            samples[at] += height
            for i in 1..<Int(rate / 2) { samples[at + i] += height * 0.1 * expf(-Float(i) / Float(rate / 20)) }
        }
        let whole = Self.run(samples, rate: rate)
        var filter = PacingPulseFilter()
        filter.reset(samplingRate: rate)
        var (output, pulses): ([Float], Int) = ([], 0)
        for sample in samples {
            if let ready = filter.stepAtOnce(sample) {
                output.append(ready)
            } else if filter.step(sample, pass: { output.append($0) }) != nil {
                pulses += 1
            }
        }
        filter.flush { output.append($0) }
        #expect(output == whole.output && pulses == whole.pulses.count)
        #expect(rate < PacingPulseFilter.minimumRate || pulses > 0)
    }

    @Test(arguments: [250.0, 500, 1_000]) func aPulseIsReplacedByTheSignalAroundIt(rate: Double) throws {
        let clean = Self.ecg(rate: rate)
        var samples = clean
        // A triangle of 12 ms between two beats.
        let apex = Int(10.4 * rate)
        for index in apex - Int(rate / 50)...apex + Int(rate / 50) {
            samples[index] -= 1.5 * max(0, 1 - abs(Float(Double(index - apex) / rate)) / 0.006)
        }
        let result = Self.run(samples, rate: rate)
        let found = try #require(result.pulses.first)
        #expect(result.pulses.count == 1)
        #expect(abs(found.index - apex) <= 1)
        #expect(abs(found.pulse.height + 1.5) < 0.1)
        #expect(zip(result.output, clean).allSatisfy { abs($0 - $1) < 0.12 })
    }

    /// Waves of a height and a width at half of it, in mV and s, one every 0.8 s.
    private static func waves(height: Float, widths: [Double], rate: Double) -> [Float] {
        var samples = [Float](repeating: 0, count: Int(30 * rate))
        for (number, time) in stride(from: 1.0, to: 29, by: 0.8).enumerated() {
            let width = widths[number % widths.count]
            for index in Int((time - 0.05) * rate)...Int((time + 0.05) * rate) {
                let t = (Double(index) / rate - time) / width
                samples[index] += height * Float(exp(-4 * M_LN2 * t * t))
            }
        }
        return samples
    }

    @Test func rWavesAsNarrowAsPulsesAreKept() {
        let samples = Self.waves(height: 0.65, widths: [0.0125, 0.0105, 0.012, 0.0125], rate: 500)
        let result = Self.run(samples, rate: 500)
        #expect(result.output == samples && result.pulses.isEmpty)
    }

    @Test func widePulsesAreRemovedAlthoughSomeAreTooWide() {
        let samples = Self.waves(height: 0.65, widths: [0.0105, 0.01, 0.0105, 0.0125], rate: 500)
        #expect(Self.run(samples, rate: 500).pulses.count >= 26)
    }

    @Test func belowTheMinimumRateNothingIsRemoved() {
        var samples = Self.ecg(rate: 200)
        samples[2_000] += 3
        let result = Self.run(samples, rate: 200)
        #expect(result.output == samples && result.pulses.isEmpty)
    }

    @Test func ringingIsPartOfThePulse() {
        var samples = Self.ecg(rate: 250)
        for time in stride(from: 2.4, to: 28, by: 0.75) {
            for index in Int((time - 0.1) * 250)...Int((time + 0.1) * 250) {
                let t = Double(index) / 250 - time
                let phase = 2 * Double.pi * 60 * t
                samples[index] += Float(1.3 * cos(phase) * exp(-abs(t) / 0.012))
            }
        }
        let result = Self.run(samples, rate: 250)
        #expect(result.pulses.count > 25)
    }

    @Test func damagedStateIsRefused() {
        let result = Self.run(Self.ecg(rate: 500, seconds: 2), rate: 500)
        #expect(result.filter.isInRange)
        var filter = result.filter
        filter.expectedHeight = .nan
        #expect(!filter.isInRange)
    }
}

@Suite struct PacingEvidenceTests {
    @Test func pulsesOfOneHeightAreAPacemakers() {
        var evidence = PacingEvidence()
        let counted = (0..<10).map { evidence.add(at: Int64($0) * 400, height: 1.5 + 0.1 * Float($0 % 3), samplingRate: 500) }
        #expect(counted == Array(repeating: false, count: 4) + Array(repeating: true, count: 6))
        #expect(evidence.hasPulse(in: 3_550...3_650) && !evidence.hasPulse(in: 3_250...3_550))
    }

    @Test func pulsesOfOtherHeightsOrPolarityAreNone() {
        var evidence = PacingEvidence()
        for number in 0..<10 {
            let height = powf(1.6, Float(number)) * (number % 2 == 0 ? 1 : -1)
            let counts = evidence.add(at: Int64(number) * 400, height: height, samplingRate: 500)
            #expect(!counts)
        }
        #expect(evidence.expectedHeight(at: 4_000, samplingRate: 500) == 0)
    }

    @Test func pulsesFarApartAreNoEvidence() {
        var evidence = PacingEvidence()
        let counted = (0..<20).map { evidence.add(at: Int64($0) * 20_000, height: 2, samplingRate: 500) }
        #expect(!counted.contains(true))
    }
}
