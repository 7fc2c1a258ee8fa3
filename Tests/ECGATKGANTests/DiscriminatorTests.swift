import NeuralNetwork
import Testing

@testable import ECGATKGAN
@testable import ECGClassification

@Suite struct DiscriminatorTests {
    static func windows(_ count: Int, seed: UInt64 = 1) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<(count * Discriminator.windowLength)).map { _ in generator.nextUniform() }
    }

    /// A network whose running statistics are not the initial ones.
    static func network(seed: UInt64 = 4) -> Discriminator {
        let network = Discriminator(seed: seed)
        let batch = windows(8, seed: 99)
        for _ in 0..<30 {
            _ = network.forward(batch, batch: 8, mode: .batchStatistics)
            network.updateRunningStatistics()
        }
        return network
    }

    @Test func theGradientOfTheWindowIsTheSlopeOfTheLoss() {
        let network = Self.network()
        var window = Self.windows(2)
        let labels: [UInt8] = [1, 3]
        var gradient = [Float](repeating: 0, count: 8)
        func loss() -> Double {
            let output = network.forward(window, batch: 2, mode: .runningStatistics)
            return Loss.crossEntropy(
                logits: output.classLogits, labels: labels, batch: 2, classes: 4, gradient: &gradient)
        }
        _ = loss()
        let slope = network.backward(batch: 2, classGradient: gradient, gradients: nil)
        let analytic = window.indices.map { slope[$0] }
        let largest = Double(analytic.map(abs).max() ?? 0)
        #expect(largest > 0)
        for i in stride(from: 0, to: window.count, by: 23) {
            let kept = window[i]
            window[i] = kept + 1e-3
            let up = loss()
            window[i] = kept - 1e-3
            let down = loss()
            window[i] = kept
            #expect(abs(Double(analytic[i]) - (up - down) / 2e-3) < 0.06 * largest)
        }
    }

    @Test func deployedFormAnswersLikeTheTrainedOne() {
        let network = Self.network()
        let windows = Self.windows(5)
        let classifier = BeatClassifier(network, name: "test", sha256: "")
        var results = [BeatClassification](
            repeating: .init(probabilities: .zero, attackSuspicion: 0), count: 5)
        let workspace = classifier.makeWorkspace()
        windows.withUnsafeBufferPointer { windows in
            results.withUnsafeMutableBufferPointer { classifier.classify(windows, into: $0, workspace: workspace) }
        }
        let output = network.forward(windows, batch: 5, mode: .runningStatistics)
        for b in 0..<5 {
            let row = output.classLogits + 4 * b
            Activation.softmax(row, count: 4)
            for c in 0..<4 { #expect(abs(results[b].probabilities[c] - row[c]) < 1e-4) }
            let attackLogit = output.attackLogits?[b] ?? .nan
            #expect(abs(results[b].attackSuspicion - Activation.sigmoid(attackLogit)) < 1e-4)
        }
    }

    @Test func anAnswerDependsOnItsOwnWindowAlone() {
        let classifier = BeatClassifier(Self.network(), name: "test", sha256: "")
        let windows = Self.windows(7)
        let none = BeatClassification(probabilities: .zero, attackSuspicion: 0)
        var together = [BeatClassification](repeating: none, count: 7)
        let workspace = classifier.makeWorkspace()
        windows.withUnsafeBufferPointer { windows in
            together.withUnsafeMutableBufferPointer { classifier.classify(windows, into: $0, workspace: workspace) }
            for index in 0..<7 {
                var alone = [none]
                let window = UnsafeBufferPointer(rebasing: windows[(index * 280)..<((index + 1) * 280)])
                alone.withUnsafeMutableBufferPointer {
                    classifier.classify(window, into: $0, workspace: classifier.makeWorkspace())
                }
                #expect(alone[0] == together[index])
            }
        }
    }
}
