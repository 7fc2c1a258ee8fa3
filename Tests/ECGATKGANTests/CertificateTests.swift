import NeuralNetwork
import Testing

@testable import ECGATKGAN

/// Randomised smoothing: its statistics, and its certificates where the true ones are known.
@Suite struct CertificateTests {
    @Test(arguments: [
        // All of n: alpha to the power of 1 / n. The others: scipy.stats.beta.ppf(alpha, k, n - k + 1).
        (100, 100, 0.001, 0.9332543), (3_500, 3_500, 0.001, 0.9980283), (1, 1, 0.05, 0.05),
        (50, 100, 0.001, 0.3447980), (99, 100, 0.05, 0.9534402), (1, 10, 0.025, 0.0025286),
        (3_400, 3_500, 0.001, 0.9616432),
    ])
    func theBoundIsThatOfClopperAndPearson(successes: Int, trials: Int, alpha: Double, expected: Double) {
        let bound = BinomialBound.lower(successes: successes, of: trials, alpha: alpha)
        #expect(abs(bound - expected) < 2e-6)
    }

    @Test func theBoundCoversTheTruthAsOftenAsItPromises() {
        var generator = SeededGenerator(seed: 1)
        let truth = 0.8
        let exceeded = (0..<2_000).count { _ in
            let successes = (0..<200).count { _ in Double(generator.nextUniform()) < truth }
            return BinomialBound.lower(successes: successes, of: 200, alpha: 0.05) > truth
        }
        // 5 % promised; the bound is on the safe side.
        #expect((20...110).contains(exceeded))
        #expect(BinomialBound.lower(successes: 0, of: 10, alpha: 0.05) == 0)
    }

    @Test(arguments: [(0.5, 0.0), (0.975, 1.959964), (0.8413447, 1.0), (0.001, -3.090232), (1 - 1e-9, 5.997807)])
    func theNormalQuantileIsRight(probability: Double, expected: Double) {
        #expect(abs(BinomialBound.normalQuantile(probability) - expected) < 1e-5)
        #expect(BinomialBound.normalQuantile(0) == -.infinity && BinomialBound.normalQuantile(1) == .infinity)
    }

    @Test(arguments: [Float(0.25), 0.5, 1, 1.5, 2])
    func aLinearClassifiersCertificateIsItsDistanceFromTheBorder(distance: Float) {
        let network = LinearNetwork(offset: 0)
        let smoothing = RandomizedSmoothing(deviation: 0.1, draws: 20_000)
        // Along the weights, by so many standard deviations of the noise.
        let window = network.weights.map { 0.5 + 0.1 * distance * $0 }
        network.offset = -0.5 * network.weights.reduce(0, +)
        var generator = SeededGenerator(seed: 3)
        let certificate = smoothing.certify(window, against: network, using: &generator, scratch: FloatBuffer())
        #expect(certificate.label == 1)
        let radius = certificate.radius ?? -1
        #expect(radius <= Double(0.1 * distance) + 1e-6, "no certificate beyond the border")
        #expect(radius > Double(0.1 * distance) - 0.01)
        #expect(certificate.holds(1, at: 0) && !certificate.holds(2, at: 0))
        #expect(certificate.holds(1, at: 0.8 * radius) && !certificate.holds(1, at: 1.01 * radius))
    }

    @Test func onTheBorderTheSmoothedClassifierAbstains() {
        let network = LinearNetwork(offset: 0)
        network.offset = -0.5 * network.weights.reduce(0, +)
        let window = [Float](repeating: 0.5, count: 280)
        var generator = SeededGenerator(seed: 3)
        let certificate = RandomizedSmoothing(deviation: 0.1, draws: 2_000)
            .certify(window, against: network, using: &generator, scratch: FloatBuffer())
        #expect(certificate.radius == nil)
        #expect(!certificate.holds(0, at: 0) && !certificate.holds(1, at: 0))
    }

    @Test func throughTheScalingOffsetAndRangeOfTheNoisyWindowDoNotCount() {
        // The class hangs on the mean alone. Behind the scaling a constant offset is gone.
        let network = LinearNetwork(offset: 0)
        network.weights = [Float](repeating: 1 / Float(280).squareRoot(), count: 280)
        let window = AttackedNetwork.windows[0]
        network.offset = -zip(network.weights, window).reduce(0) { $0 + $1.0 * $1.1 }
        func share(_ window: [Float]) -> RandomizedSmoothing.Certificate {
            var generator = SeededGenerator(seed: 3)
            return RandomizedSmoothing(deviation: 0.02, draws: 500, throughScaling: true)
                .certify(window, against: network, using: &generator, scratch: FloatBuffer())
        }
        #expect(share(window) == share(window.map { $0 + 8 }))
    }
}

/// Class 1 above a plane, class 0 below it.
final class LinearNetwork: BeatNetwork {
    /// A unit vector.
    var weights: [Float]
    var offset: Float
    private let logits = FloatBuffer()
    let architectureIdentifier = "linear"
    let store = ParameterStore()

    init(offset: Float) {
        var generator = SeededGenerator(seed: 9)
        let drawn = (0..<280).map { _ in generator.nextNormal() }
        let length = drawn.reduce(0) { $0 + $1 * $1 }.squareRoot()
        weights = drawn.map { $0 / length }
        self.offset = offset
    }

    func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput {
        let rows = logits.reserve(batch * 4)
        for b in 0..<batch {
            var sum = offset
            for i in 0..<280 { sum += weights[i] * windows[b * 280 + i] }
            for (c, value) in [-sum, sum, -100, -100].enumerated() { rows[b * 4 + c] = value }
        }
        return NetworkOutput(classLogits: rows)
    }

    func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>?,
        realGradient: UnsafePointer<Float>?, gradients: UnsafeMutablePointer<Float>?, needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> { preconditionFailure("smoothing needs no gradient") }

    func weightsChanged() {}
    func updateRunningStatistics() {}
    func replica() -> LinearNetwork {
        let copy = LinearNetwork(offset: offset)
        copy.weights = weights
        return copy
    }
}
