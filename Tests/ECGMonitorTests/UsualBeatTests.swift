import ECGClassification
import ECGATKGAN
import Foundation
import NeuralNetwork
import StateCoding
import Testing

@testable import ECGMonitor

@Suite struct UsualBeatTests {
    /// A beat with a narrow QRS complex, or a wide one, and noise.
    private static func window(wide: Bool = false, noise: Float, _ generator: inout SeededGenerator) -> [Float] {
        (0..<280).map { sample in
            let distance = Float(sample - 140) / (wide ? 40 : 8)
            let shape = 1 / (1 + distance * distance) - (wide ? 0.6 / (1 + (distance - 1.5) * (distance - 1.5)) : 0)
            return 0.2 + 0.6 * shape + Float.random(in: -noise...noise, using: &generator)
        }
    }

    private static func compare(
        _ beats: inout UsualBeats, _ window: [Float], _ gradient: LossGradient? = nil
    ) -> BeatDeviation? {
        beats.compare(window, range: 2, gradient: gradient)
    }

    @Test func theSlowTrendIsThatOfAPlainLoop() {
        var generator = SeededGenerator(seed: 6)
        var values = Self.window(noise: 0.05, &generator)
        let kernel = (0...45).map { Foundation.exp(-Double($0 * $0) / 450) }
        let sum = 2 * kernel.reduce(0, +) - kernel[0]
        let expected = (0..<280).map { i -> Double in
            let trend = (-45...45).reduce(0.0) {
                $0 + kernel[abs($1)] / sum * Double(values[min(max(i + $1, 0), 279)])
            }
            return Double(values[i]) - trend
        }
        var spare = values
        SlowTrend.remove(from: &values, spare: &spare)
        #expect(zip(values, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 })
    }

    @Test func twoFormsAreKeptApartAndAThirdIsAStranger() throws {
        var (beats, generator) = (UsualBeats(), SeededGenerator(seed: 1))
        for number in 0..<80 {
            _ = Self.compare(&beats, Self.window(wide: number % 2 == 1, noise: 0.004, &generator))
        }
        let narrow = try #require(Self.compare(&beats, Self.window(noise: 0.004, &generator)))
        let wide = try #require(Self.compare(&beats, Self.window(wide: true, noise: 0.004, &generator)))
        #expect(narrow.usesSecond != wide.usesSecond)
        let other = (0..<280).map { Float($0 % 40) / 40 }
        #expect(Self.compare(&beats, other) == nil)
    }

    @Test func theFineNoiseIsMeasuredInMillivolts() throws {
        var (beats, generator) = (UsualBeats(), SeededGenerator(seed: 1))
        for _ in 0..<60 { _ = Self.compare(&beats, Self.window(noise: 0.01, &generator)) }
        let found = try #require(Self.compare(&beats, Self.window(noise: 0.01, &generator))).fineNoise
        // Uniform noise of +-0.01 of 2 mV; a difference has twice the variance.
        let expected: Float = 0.01 * 2 / Float(3).squareRoot() * Float(2).squareRoot()
        #expect(abs(found / expected - 1) < 0.25)
    }

    @Test func noiseDoesNotAgreeWithTheGradientAndAStepAlongItDoes() throws {
        let classifier = BeatClassifier(Discriminator(.hardened, seed: 3), name: "tiny", sha256: "")
        let gradient = LossGradient(classifier, workspace: classifier.makeWorkspace())
        var (beats, generator) = (UsualBeats(), SeededGenerator(seed: 1))
        for _ in 0..<60 { _ = Self.compare(&beats, Self.window(noise: 0.01, &generator), gradient) }
        var (noisy, aimed): ([Float], [Float]) = ([], [])
        for _ in 0..<20 {
            let louder = Self.window(noise: 0.03, &generator)
            var copy = beats
            noisy.append(try #require(Self.compare(&copy, louder, gradient)?.agreement))
            var window = Self.window(noise: 0.01, &generator)
            var direction = window
            gradient.at(window, of: .normal, into: &direction)
            for i in window.indices { window[i] += direction[i] > 0 ? 0.01 : -0.01 }
            copy = beats
            aimed.append(try #require(Self.compare(&copy, window, gradient)?.agreement))
        }
        #expect(abs(noisy.reduce(0, +) / 20) < 1)
        #expect(aimed.reduce(0, +) / 20 > 3)
    }

    @Test func aConstantWindowDoesNoHarm() {
        var beats = UsualBeats()
        for number in 0..<100 {
            let value: Float = number % 3 == 0 ? 0 : 1
            let found = Self.compare(&beats, [Float](repeating: value, count: 280))
            #expect(found.map { $0.fineNoise.isFinite } ?? true)
        }
        #expect((try? StateCoding.encode(beats)) != nil)
    }
}
