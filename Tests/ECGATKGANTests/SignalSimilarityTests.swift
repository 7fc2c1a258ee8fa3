import NeuralNetwork
import Testing

@testable import ECGATKGAN

@Suite struct SignalSimilarityTests {
    static let wave: [Float] = (0..<280).map { i in
        let d = Float(i - 140) / 12
        return 1 / (1 + d * d)
    }

    static func compare(_ signal: [Float], _ reference: [Float]) -> SignalSimilarity {
        SignalSimilarity(of: signal, with: reference, count: signal.count)
    }

    @Test func aSignalIsWhollyLikeItself() {
        let same = Self.compare(Self.wave, Self.wave)
        #expect(same.meanSquaredError == 0 && same.errorOverRange == 0 && same.errorOverNorm == 0)
        #expect(abs(same.structuralSimilarity - 1) < 1e-9)
        #expect(abs(same.crossCorrelation - 1) < 1e-9)
    }

    @Test func anOffsetIsAnErrorButNoLossOfCorrelation() {
        let reference = (0..<100).map { Float($0 % 2) }
        let shifted = reference.map { $0 + 0.1 }
        let figures = Self.compare(shifted, reference)
        #expect(abs(figures.meanSquaredError - 0.01) < 1e-7)
        #expect(abs(figures.errorOverRange - 0.1) < 1e-6)
        // The reference's root mean square is sqrt(1/2).
        #expect(abs(figures.errorOverNorm - 0.1 / 0.5.squareRoot()) < 1e-6)
        #expect(abs(figures.crossCorrelation - 1) < 1e-6)
    }

    @Test func correlationIsPearsons() {
        // Deviations (-1, 0, 1) and (-1, 1, 0): 1 / 2.
        let one = [Float](repeating: 0, count: 30).indices.map { Float($0 % 3) }
        let other = one.map { [0, 2, 1][Int($0)] as Float }
        #expect(abs(Self.compare(one, other).crossCorrelation - 0.5) < 1e-6)
        #expect(abs(Self.compare(Self.wave.map { 1 - $0 }, Self.wave).crossCorrelation + 1) < 1e-6)
        #expect(Self.compare([Float](repeating: 0.5, count: 20), Array(one.prefix(20))).crossCorrelation == 0)
    }

    @Test func structuralSimilarityOfConstantsIsItsLuminanceTerm() {
        let figures = Self.compare([Float](repeating: 0.4, count: 50), [Float](repeating: 0.8, count: 50))
        // (2 * 0.4 * 0.8 + 1e-4) / (0.16 + 0.64 + 1e-4)
        #expect(abs(figures.structuralSimilarity - 0.6401 / 0.8001) < 1e-6)
    }

    @Test func structuralSimilarityFallsWithNoiseAndIsNegativeIfInverted() {
        var generator = SeededGenerator(seed: 1)
        let direction = (0..<280).map { _ in generator.nextNormal() }
        let values = [Float(0.002), 0.01, 0.05].map { size in
            Self.compare(zip(Self.wave, direction).map { $0 + size * $1 }, Self.wave).structuralSimilarity
        }
        #expect(values[0] > 0.98 && values[0] < 1)
        #expect(values[0] > values[1] && values[1] > values[2])
        let stripes = (0..<60).map { Float($0 % 2) }
        #expect(Self.compare(stripes.map { 1 - $0 }, stripes).structuralSimilarity < -0.9)
    }

    @Test func theGeneratorIsComparedWithWhatItWasGiven() {
        let generator = Generator(seed: 1)
        let data = BeatDatasetTests.dataset([.normal: 3, .ventricular: 2])
        let clean = GeneratorEvaluation(data, by: generator)
        #expect(clean.count == 5)
        #expect(clean.toInput == clean.toClean)
        #expect(clean.toInput.meanSquaredError > 0.001)
        #expect(clean == GeneratorEvaluation(data, by: generator))
        let attack = WindowAttack(.fgsm, epsilon: 0.05)
        let attacked = GeneratorEvaluation(data, by: generator, attack: (attack, DiscriminatorTests.network()))
        #expect(attacked.toInput != attacked.toClean)
        #expect(attacked.toInput != clean.toInput)
    }
}
