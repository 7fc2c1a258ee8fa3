import Foundation
import NeuralNetwork
import Testing

@testable import ECGATKGAN

/// One step on weights and windows that a formula makes, beside the figures of the same step in PyTorch
/// (Tests/Reference/discriminator_step.py).
@Suite struct PyTorchReferenceTests {
    struct Reference: Decodable {
        struct Tensor: Decodable {
            var gradient_absolute_sum: Double
            var indices: [Int], gradients: [Double], after: [Double]
        }

        struct Discriminator: Decodable {
            var losses: [String: Double], losses_after: [String: Double]
            var running_mean_down3: [Double]
            var tensors: [String: Tensor]
        }

        struct Generator: Decodable {
            var loss: Double
            var places: [Int], output: [Double]
            var tensors: [String: Tensor]
        }

        var discriminator: Discriminator
        var generator: Generator
    }

    static func reference() throws -> Reference {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference/training_step.json")
        return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    }

    /// Weights by the formula of the reference: sines of the index, whose phase is the tensor's name.
    static func fill(_ store: ParameterStore) {
        for tensor in store.tensors where tensor.isTrainable {
            let phase = Double(tensor.name.utf8.reduce(0) { $0 + Int($1) } % 97)
            let isScale = tensor.name.hasSuffix("normalization.gamma")
            for i in 0..<tensor.count {
                let wave = sin(1.7 * Double(i) + phase)
                let value: Double
                if tensor.shape.count == 1 {
                    value = 0.1 * wave + (isScale ? 1 : 0)
                } else {
                    value = wave / Double(tensor.count / (tensor.shape.last ?? 1)).squareRoot()
                }
                store.pointer(to: tensor)[i] = Float(value)
            }
        }
    }

    /// (rows, 280) values in [0,1].
    static func wave(_ rows: Int, _ pace: Double, _ phase: Double) -> [Float] {
        (0..<(rows * 280)).map { place in
            let row = Double(place / 280)
            let column = Double(place % 280)
            return Float(0.5 + 0.5 * sin(pace * (row + 1) * column + phase * row))
        }
    }

    static func expectNear(_ own: Double, _ theirs: Double, scale: Double? = nil, _ what: String) {
        #expect(abs(own - theirs) <= 1e-4 * (scale ?? abs(theirs)), "\(what): \(own), in PyTorch \(theirs)")
    }

    static func expectSameGradients(
        _ gradients: [Float], _ store: ParameterStore, _ expected: [String: Reference.Tensor]
    ) {
        let trained = store.tensors.filter(\.isTrainable)
        #expect(Set(trained.map(\.name)) == Set(expected.keys))
        for tensor in trained {
            guard let reference = expected[tensor.name] else { continue }
            let own = gradients[tensor.offset..<(tensor.offset + tensor.count)]
            let sum = own.reduce(0) { $0 + Double(abs($1)) }
            expectNear(sum, reference.gradient_absolute_sum, "\(tensor.name), sum of the gradient")
            let largest = Double(own.map(abs).max() ?? 0)
            for (index, gradient) in zip(reference.indices, reference.gradients) {
                expectNear(
                    Double(own[tensor.offset + index]), gradient, scale: largest, "\(tensor.name)[\(index)], gradient")
            }
        }
    }

    @Test func aTrainingStepOfTheDiscriminatorIsPyTorchs() throws {
        let expected = try Self.reference().discriminator
        let network = Discriminator(seed: 1)
        let batch = 4
        Self.fill(network.store)
        network.weightsChanged()
        let windows = Self.wave(batch, 0.045, 2.94)
        let labels = (0..<batch).map { UInt8($0 % 4) }
        let attacked = (0..<batch).map { Float($0 % 2) }
        let real = [Float](repeating: 1, count: batch)
        var classGradient = [Float](repeating: 0, count: 4 * batch)
        var attackGradient = [Float](repeating: 0, count: batch)
        var realGradient = attackGradient

        func losses() throws -> [String: Double] {
            let output = network.forward(windows, batch: batch, mode: .batchStatistics)
            return [
                "class": Loss.crossEntropy(
                    logits: output.classLogits, labels: labels, batch: batch, classes: 4, gradient: &classGradient),
                "attack": Loss.sigmoidMeanAbsoluteError(
                    logits: try #require(output.attackLogits), targets: attacked, batch: batch, factor: 10,
                    gradient: &attackGradient),
                "adversarial": Loss.sigmoidMeanSquaredError(
                    logits: try #require(output.realLogits), targets: real, batch: batch, gradient: &realGradient),
            ]
        }
        for (name, loss) in try losses() { Self.expectNear(loss, expected.losses[name] ?? .nan, "loss \(name)") }
        for i in classGradient.indices { classGradient[i] *= 10 }
        var gradients = [Float](repeating: 0, count: network.store.count)
        network.backward(
            batch: batch, classGradient: classGradient, attackGradient: attackGradient, realGradient: realGradient,
            gradients: &gradients)
        Self.expectSameGradients(gradients, network.store, expected.tensors)

        network.updateRunningStatistics()
        let mean = try #require(network.store.tensors.first { $0.name == "down3.normalization.running_mean" })
        for (own, theirs) in zip(network.store.array(of: mean), expected.running_mean_down3) {
            Self.expectNear(Double(own), theirs, scale: 1, "running mean")
        }
        var optimizer = Adam(store: network.store)
        optimizer.update(network.store, gradients: gradients)
        network.weightsChanged()
        for tensor in network.store.tensors {
            guard let reference = expected.tensors[tensor.name] else { continue }
            let own = network.store.array(of: tensor)
            for (index, after) in zip(reference.indices, reference.after) {
                // A step moves a weight by at most 2e-4: a hundredth of that tells the steps apart.
                Self.expectNear(Double(own[index]), after, scale: 0.02, "\(tensor.name)[\(index)] after the step")
            }
        }
        for (name, loss) in try losses() {
            // Adam's first step takes the sign of the smallest gradients too, which rounding decides.
            Self.expectNear(loss, expected.losses_after[name] ?? .nan, scale: 1, "loss \(name) after the step")
        }
    }

    @Test func theGeneratorAndItsGradientArePyTorchs() throws {
        let expected = try Self.reference().generator
        let generator = Generator(seed: 1)
        let batch = 4
        Self.fill(generator.store)
        generator.weightsChanged()
        let windows = Self.wave(batch, 0.045, 0.8)
        let noise = Self.wave(batch, 0.013, 0.3)
        let output = generator.forward(
            windows, labels: [0, 1, 2, 3], noise: noise, batch: batch, mode: .batchStatistics)
        for (place, value) in zip(expected.places, expected.output) {
            Self.expectNear(Double(output[place]), value, scale: 1, "output \(place)")
        }
        var slope = [Float](repeating: 0, count: windows.count)
        let loss = Loss.meanSquaredError(values: output, targets: windows, count: windows.count, gradient: &slope)
        Self.expectNear(loss, expected.loss, "loss")
        var gradients = [Float](repeating: 0, count: generator.store.count)
        generator.backward(&slope, batch: batch, gradients: &gradients)
        Self.expectSameGradients(gradients, generator.store, expected.tensors)
    }
}
