import ECGSignal
import Foundation
import Testing

/// The resampler against the signal that a perfect one would give.
struct ResamplerTests {
    static let rates: [Double] = [
        100, 125, 128, 200, 250, 256, 257, 300, 333.333, 359.5, 361, 500, 512.25, 1_000, 2_000,
    ]

    private static func convert(_ input: [Float], rate: Double, finishing: Bool = true) throws -> [Float] {
        var resampler = try Resampler(inputRate: rate)
        var output: [Float] = []
        for sample in input {
            resampler.push(sample)
            while let value = resampler.next() { output.append(value) }
        }
        if finishing {
            resampler.finish()
            while let value = resampler.next() { output.append(value) }
        }
        return output
    }

    private static func sine(_ frequency: Double, rate: Double, seconds: Double) -> [Float] {
        (0..<Int(seconds * rate)).map { Float(sin(2 * .pi * frequency * Double($0) / rate)) }
    }

    @Test(arguments: rates, [0.5, 5, 17, 35])
    func aSineComesOutWhereItIsInTime(rate: Double, frequency: Double) throws {
        let resampler = try Resampler(inputRate: rate)
        let output = try Self.convert(Self.sine(frequency, rate: rate, seconds: 6), rate: rate)
        var worst = 0.0
        // Away from the ends, where the signal before the first and after the last sample is unknown.
        for n in 72..<output.count - 72 {
            let time = resampler.inputIndex(ofOutput: Int64(n)) / rate
            worst = max(worst, abs(Double(output[n]) - sin(2 * .pi * frequency * time)))
        }
        // 35 Hz is 70 % of half of 100 Hz: near the edge of the filter there.
        #expect(worst < (frequency / min(rate, 360) > 0.3 ? 0.05 : 0.004), "error \(worst)")
    }

    @Test(arguments: rates)
    func theNumberOfOutputsIsThatOfTheTimeCovered(rate: Double) throws {
        let count = Int(10 * rate)
        let output = try Self.convert([Float](repeating: 1, count: count), rate: rate)
        let wanted = Int((Double(count) * 360 / rate).rounded(.up))
        #expect(abs(output.count - wanted) <= 1)
        #expect(output.allSatisfy { abs($0 - 1) < 1e-5 }, "a constant stays constant to the last sample")
        // Nothing but the kernel's half is still missing before the end is told.
        let early = try Self.convert([Float](repeating: 1, count: count), rate: rate, finishing: false)
        #expect(Double(output.count - early.count) <= 360 * 0.1)
    }

    @Test(arguments: [(500.0, 240.0), (1_000, 250), (1_000, 400), (2_000, 333), (2_000, 900)])
    func frequenciesThatWouldAliasAreTakenOut(rate: Double, frequency: Double) throws {
        let output = try Self.convert(Self.sine(frequency, rate: rate, seconds: 4), rate: rate)
        let peak = output[100..<output.count - 100].map(abs).max() ?? 1
        #expect(peak < 0.002, "\(peak) of \(frequency) Hz left")
    }

    @Test func samplesAt360HertzPassUnchangedWithoutDelay() throws {
        var resampler = try Resampler(inputRate: 360)
        #expect(resampler.isPassThrough)
        for n in 0..<1_000 {
            let sample: Float = n == 500 ? .nan : Float(n) * 0.37 - 90
            resampler.push(sample)
            let output = resampler.next()
            #expect(output?.bitPattern == sample.bitPattern)
            #expect(resampler.next() == nil)
        }
        resampler.finish()
        #expect(resampler.next() == nil)
        #expect(resampler.inputIndex(ofOutput: 123) == 123)
    }

    @Test(arguments: [128.0, 250, 333.333, 1_000])
    func resetCarriesNothingOver(rate: Double) throws {
        var resampler = try Resampler(inputRate: rate)
        func run(_ offset: Float) -> [Float] {
            var output: [Float] = []
            for n in 0..<777 {
                resampler.push(offset + Float(sin(Double(n) / 7)))
                while let value = resampler.next() { output.append(value) }
            }
            resampler.finish()
            while let value = resampler.next() { output.append(value) }
            resampler.reset()
            return output
        }
        _ = run(1_000)
        let second = run(0)
        var fresh = try Resampler(inputRate: rate)
        swap(&fresh, &resampler)
        #expect(run(0) == second)
    }

    @Test func nanAffectsOnlyItsNeighbourhood() throws {
        var input = Self.sine(3, rate: 250, seconds: 4)
        input[500] = .nan
        let output = try Self.convert(input, rate: 250)
        let clean = try Self.convert(Self.sine(3, rate: 250, seconds: 4), rate: 250)
        let spoiled = output.indices.filter { output[$0].isNaN }
        #expect(!spoiled.isEmpty && spoiled.count <= 30)
        #expect(spoiled.contains(720))
        #expect(output.indices.allSatisfy { output[$0].isNaN || output[$0] == clean[$0] })
    }

    @Test(arguments: [0, -360, 99.999, 2_000.001, Double.nan, .infinity, -.infinity])
    func anImpossibleRateIsRefused(rate: Double) {
        #expect(throws: ResamplerError.self) { try Resampler(inputRate: rate) }
    }

    @Test(arguments: [100.0, 125, 200, 250, 333.333, 500, 1_000, 2_000])
    func theBeatsAreTheSameAtEverySamplingRate(rate: Double) throws {
        var simulator = ECGSimulator(
            .init(
                samplingRate: rate, seed: 4,
                script: [
                    SimulatedSegment(.ventricularGroups(rate: 75, every: 8, count: 2, groupRate: 140), seconds: 60)
                ],
                noise: .resting))
        let (samples, labels) = simulator.record(seconds: 60)
        let resampler = try Resampler(inputRate: rate)
        var score = BeatScore()
        let found = detect(try Self.convert(samples, rate: rate)).map {
            Int64((resampler.inputIndex(ofOutput: $0.rPeakIndex) * 360 / rate).rounded())
        }
        score.add(reference: labels.map { Int64((Double($0.rPeakIndex) * 360 / rate).rounded()) }, found: found)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
        #expect(score.meanAbsoluteErrorMilliseconds < 4)
    }
}
