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

    @Test(arguments: [DiscriminatorArchitecture.paper, .hardened])
    func keptSignsGiveTheSameGradient(_ architecture: DiscriminatorArchitecture) {
        let classifier = BeatClassifier(Discriminator(architecture, seed: 5), name: "tiny", sha256: "")
        let workspace = classifier.makeWorkspace()
        var generator = SeededGenerator(seed: 2)
        let windows = (0..<3 * 280).map { _ in Float.random(in: 0...1, using: &generator) }
        var answers = [BeatClassification](repeating: .init(probabilities: .zero, attackSuspicion: 0), count: 3)
        var signs = [UInt8](repeating: 0xFF, count: 3 * classifier.signBytes)
        windows.withUnsafeBufferPointer { windows in
            answers.withUnsafeMutableBufferPointer { answers in
                signs.withUnsafeMutableBufferPointer {
                    classifier.classify(windows, into: answers, signs: $0.baseAddress, workspace: workspace)
                }
            }
        }
        let alone = LossGradient(classifier, workspace: classifier.makeWorkspace())
        signs.withUnsafeBufferPointer { signs in
            let kept = LossGradient(classifier, workspace: workspace, signs: signs.baseAddress)
            for number in [2, 0, 1] {
                let window = Array(windows[280 * number..<280 * (number + 1)])
                var (one, other) = (window, window)
                alone.at(window, of: .ventricular, into: &one)
                kept.knowing(window: number, answers[number]).at(window, of: .ventricular, into: &other)
                #expect(one == other)
            }
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
