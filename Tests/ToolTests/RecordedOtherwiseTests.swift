import Foundation
import TestSupport
import Testing

@testable import ECGEvaluation

@Suite struct RecordedOtherwiseTests {
    private static let rate = 250.0

    private static func wave(_ hertz: Double) -> [Float] {
        (0..<5_000).map { Float(sin(2 * .pi * hertz * Double($0) / rate)) }
    }

    private static func changed(_ samples: [Float], _ change: RecordedOtherwise) -> [Float] {
        change.applied(to: samples, rate: rate, name: "100", noise: nil)
    }

    /// Root mean square of the second half, where the filters have settled.
    private static func rms(_ samples: [Float]) -> Float {
        let half = samples.suffix(samples.count / 2)
        return (half.reduce(0) { $0 + $1 * $1 } / Float(half.count)).squareRoot()
    }

    /// At the band's edges the power is halved.
    @Test(arguments: [
        (RecordedOtherwise.monitorBand, 0.05, 0.0...0.2), (.monitorBand, 0.5, 0.6...0.8), (.monitorBand, 10, 0.95...1.05),
        (.monitorBand, 40, 0.6...0.8), (.monitorBand, 110, 0.0...0.1), (.ambulatoryBand, 1, 0.6...0.8),
        (.ambulatoryBand, 25, 0.6...0.8),
    ])
    func filtersPassTheirBand(change: RecordedOtherwise, hertz: Double, expected: ClosedRange<Double>) {
        let wave = Self.wave(hertz)
        let share = Double(Self.rms(Self.changed(wave, change)) / Self.rms(wave))
        #expect(expected.contains(share), "\(share)")
    }

    @Test func everyChangeKeepsLengthAndInvalidSamples() {
        var samples = Self.wave(1)
        samples[3_000] = .nan
        for change in RecordedOtherwise.allCases where !change.needsMuscleNoise {
            let changed = Self.changed(samples, change)
            #expect(changed.count == samples.count && changed[3_000].isNaN, "\(change)")
            #expect(changed.count { $0.isNaN } == 1, "\(change)")
        }
    }

    @Test func aConverterOf8BitsHasSteps() {
        let step: Float = 10 / 256
        let changed = Self.changed(Self.wave(1), .eightBits)
        #expect(changed.allSatisfy { ($0 / step).rounded() * step == $0 })
    }

    @Test(.enabled(if: Databases.has("nstdb"), "\(Databases.missing)")) func muscleNoiseHasItsSize() throws {
        let noise = try RecordedOtherwise.MuscleNoise()
        let flat = [Float](repeating: 0, count: 100_000)
        for (change, millivolts) in [(RecordedOtherwise.muscle50, Float(0.05)), (.muscle100, 0.1)] {
            let rms = Self.rms(change.applied(to: flat, rate: Self.rate, name: "100", noise: noise))
            #expect(rms > 0.5 * millivolts && rms < 2 * millivolts, "\(rms)")
        }
    }
}
