import Foundation
import NeuralNetwork
import Testing

@testable import ECGATKGAN
@testable import ECGClassification

@Suite struct LossGradientTests {
    @Test(arguments: [DiscriminatorArchitecture.paper, .hardened])
    func itIsTheTrainableNetworksGradient(_ architecture: DiscriminatorArchitecture) {
        let network = Discriminator(architecture, seed: 5)
        let classifier = BeatClassifier(network, name: "tiny", sha256: "")
        let gradient = LossGradient(classifier, workspace: classifier.makeWorkspace())
        var generator = SeededGenerator(seed: 2)
        let window = (0..<Discriminator.windowLength).map { _ in Float.random(in: 0...1, using: &generator) }
        for beatClass in BeatClass.allCases {
            var found = [Float](repeating: 0, count: window.count)
            gradient.at(window, of: beatClass, into: &found)
            var slopes = [Float](repeating: 0, count: Discriminator.classCount)
            let expected = window.withUnsafeBufferPointer { window in
                let logits = network.forward(window.baseAddress!, batch: 1, mode: .runningStatistics).classLogits
                // The cross-entropy's slopes, p - 1 for the class itself, over the probability of all others.
                var others: Float = 0
                for i in slopes.indices where i != Int(beatClass.rawValue) {
                    slopes[i] = exp(logits[i])
                    others += slopes[i]
                }
                for i in slopes.indices { slopes[i] /= others }
                slopes[Int(beatClass.rawValue)] = -1
                let result = network.backward(batch: 1, classGradient: slopes, gradients: nil)
                return Array(UnsafeBufferPointer(start: result, count: window.count))
            }
            let largest = expected.map(abs).max() ?? 0
            #expect(largest > 0)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 * largest })
        }
    }

    @Test func itDependsOnItsOwnWindowAlone() {
        let classifier = BeatClassifier(Discriminator(.hardened, seed: 5), name: "tiny", sha256: "")
        let gradient = LossGradient(classifier, workspace: classifier.makeWorkspace())
        let windows = (0..<2).map { number in (0..<280).map { Float(($0 * (7 + number)) % 31) / 31 } }
        var (first, second, again): ([Float], [Float], [Float]) = (windows[0], windows[0], windows[0])
        gradient.at(windows[0], of: .normal, into: &first)
        gradient.at(windows[1], of: .ventricular, into: &second)
        gradient.at(windows[0], of: .normal, into: &again)
        #expect(first == again && first != second)
    }
}
