import Testing

@testable import ECGSignal

@Suite struct VentricularRhythmNetworkTests {
    private typealias Network = VentricularRhythmNetwork
    private typealias Weights = VentricularRhythmWeights

    /// A network whose answer is the softmax of its output biases, whatever the signal is.
    private static func constant(_ bias: [Float], units: Int = 16) -> Network? {
        Network(
            mean: Weights.mean, scale: Weights.scale, hiddenWeights: Array(repeating: 0, count: 71 * units),
            hiddenBias: Array(repeating: 0, count: units), outputWeights: Array(repeating: 0, count: units * 4),
            outputBias: bias)
    }

    @Test func anotherNetworkAnswersInsteadOfTheShipped() throws {
        let network = try #require(Self.constant([0, 5, 0, 0], units: 32))
        let samples = VentricularRhythmSignals.make("fibrillation")
        func last() -> VentricularRhythmDetector.Estimate? {
            var detector = VentricularRhythmDetector()
            return samples.compactMap { detector.step($0) }.last
        }
        let shipped = last()
        let other = try #require(Network.$inUse.withValue(network) { last() })
        #expect(other.tachycardia > 0.9 && other.fibrillation < 0.1)
        #expect(last() == shipped)
    }

    /// Two blocks of 16 units that are the shipped network's, each with half of its output weights.
    @Test func aNetworkTwiceAsWideGivesTheSameAnswer() throws {
        var hidden: [Float] = []
        for row in 0..<71 {
            let weights = Weights.hiddenWeights[16 * row..<16 * (row + 1)]
            hidden += weights + weights
        }
        let half = Weights.outputWeights.map { $0 / 2 }
        let wide = try #require(
            Network(
                mean: Weights.mean, scale: Weights.scale, hiddenWeights: hidden,
                hiddenBias: Weights.hiddenBias + Weights.hiddenBias, outputWeights: half + half,
                outputBias: Weights.outputBias))
        var detector = VentricularRhythmDetector()
        for sample in VentricularRhythmSignals.make("tachycardia").prefix(1_080) { _ = detector.step(sample) }
        let features = detector.features().values
        let (one, two) = (Network.shipped.probabilities(features), wide.probabilities(features))
        for index in 0..<4 { #expect(abs(one[index] - two[index]) < 1e-5) }
    }

    @Test func wrongShapesAndValuesAreRefused() {
        #expect(Self.constant([0, 0, 0, 0]) != nil)
        #expect(Self.constant([0, 0, 0]) == nil)
        #expect(Self.constant([0, 0, 0, 0], units: 15) == nil)
        #expect(Self.constant([.nan, 0, 0, 0]) == nil)
        #expect(Self.constant([2e4, 0, 0, 0]) == nil)
    }
}
