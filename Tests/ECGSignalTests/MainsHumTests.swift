import ECGSignal
import Foundation
import Testing

struct MainsHumTests {
    static func hum(_ count: Int, hertz: Double, millivolts: Double) -> [Float] {
        (0..<count).map { Float(millivolts * sin(2 * .pi * hertz * Double($0) / 360 + 0.7)) }
    }

    static func filtered(_ samples: [Float]) -> [Float] {
        var filter = MainsHumFilter()
        return samples.map { filter.step($0) }
    }

    @Test func aSignalWithoutHumPassesBitByBit() {
        for noise in [
            SimulatedNoise.none, .resting, SimulatedNoise(baselineWander: 1.5, mains: 0.03, electrodeMotion: 0.3),
        ] {
            let samples = simulate(
                .ventricularGroups(rate: 80, every: 5, count: 3, groupRate: 160), seconds: 60, noise: noise
            ).samples
            #expect(Self.filtered(samples) == samples)
        }
    }

    @Test(arguments: [50.0, 60], [0.1, 0.2, 0.5])
    func humIsRemovedWithinThreeSeconds(hertz: Double, millivolts: Double) {
        let (clean, _) = simulate(.sinus(rate: 75), seconds: 60, noise: .none)
        let added = Self.hum(clean.count, hertz: hertz, millivolts: millivolts)
        let cleaned = Self.filtered(zip(clean, added).map { $0 + $1 })
        let left = zip(cleaned, clean).dropFirst(3 * 360).map { abs($0 - $1) }
        // At most what a QRS complex leaves behind in the tracking.
        #expect((left.max() ?? 1) < 0.06)
        let power = left.reduce(0) { $0 + $1 * $1 } / Float(left.count)
        #expect(power.squareRoot() < 0.012, "\(power.squareRoot()) mV")
    }

    @Test func humThatEndsLeavesTheSignalAlone() {
        let (clean, _) = simulate(.sinus(rate: 75), seconds: 60, noise: .none)
        var samples = clean
        let added = Self.hum(10_000, hertz: 50, millivolts: 0.3)
        for n in added.indices { samples[n] += added[n] }
        let cleaned = Self.filtered(samples)
        #expect(Array(cleaned[12_000...]) == Array(clean[12_000...]))
    }

    @Test func humStrongerThanTheHeartStaysAndIsReported() {
        let (clean, _) = simulate(.sinus(rate: 75), seconds: 60, noise: .none)
        let samples = zip(clean, Self.hum(clean.count, hertz: 50, millivolts: 1.5)).map { $0 + $1 }
        var filter = MainsHumFilter()
        var monitor = SignalConditionMonitor()
        for sample in samples { _ = monitor.step(filter.step(sample), leadOff: false) }
        #expect(!filter.isRemoving)
        #expect(monitor.condition == .noisy)
    }

    @Test func nonfiniteValuesPassAndSpoilNothing() {
        let (clean, _) = simulate(.sinus(rate: 75), seconds: 40, noise: .none)
        var samples = zip(clean, Self.hum(clean.count, hertz: 60, millivolts: 0.2)).map { $0 + $1 }
        samples[5_000] = .nan
        samples[5_001] = .infinity
        let cleaned = Self.filtered(samples)
        #expect(cleaned[5_000].isNaN && cleaned[5_001] == .infinity)
        #expect(zip(cleaned, clean).dropFirst(6_000).allSatisfy { abs($0 - $1) < 0.06 })
    }
}
