import Testing

@testable import NeuralNetwork

/// Compares gradients with central differences of a scalar function of a layer's output: sum(output * direction).
@Suite struct GradientTests {
    /// |analytic - numeric| over their size, for float arithmetic with a step of 1e-2.
    static let tolerance = 2e-2

    static func expectSame(_ analytic: Float, _ numeric: Double, _ what: String) {
        let size = max(abs(numeric), 0.3)
        #expect(abs(Double(analytic) - numeric) / size < tolerance, "\(what): \(analytic) against \(numeric)")
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        var length = 11, inputs = 3, outputs = 5, kernel = 3, stride = 1, dilation = 1
        var padding = Padding.same, bias = true
        var testDescription: String { "L\(length) \(inputs)->\(outputs) k\(kernel) s\(stride) d\(dilation) \(padding)" }
    }

    @Test(arguments: [
        Shape(), Shape(stride: 2), Shape(length: 12, stride: 2), Shape(inputs: 1, outputs: 16, bias: false),
        Shape(kernel: 2, dilation: 2), Shape(kernel: 5, padding: .valid), Shape(kernel: 4, stride: 3, padding: .valid),
        Shape(outputs: 17, kernel: 3, dilation: 3),
    ])
    func theGradientOfAConvolutionIsItsSlope(shape: Shape) {
        let store = ParameterStore()
        let layer = Convolution1D(
            "c", in: store, inputLength: shape.length, inputChannels: shape.inputs, outputChannels: shape.outputs,
            kernelSize: shape.kernel, stride: shape.stride, dilation: shape.dilation, padding: shape.padding,
            hasBias: shape.bias)
        store.seal()
        var generator = SeededGenerator(seed: 11)
        for i in 0..<store.count { store.values.pointer[i] = generator.nextNormal() }
        let batch = 2
        var input = (0..<(batch * shape.length * shape.inputs)).map { _ in generator.nextNormal() }
        let size = batch * layer.outputLength * shape.outputs
        let direction = (0..<size).map { _ in generator.nextNormal() }
        func value() -> Double {
            layer.weightsChanged()
            let output = layer.forward(input, batch: batch)
            return (0..<size).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
        }
        // The plain twin: the definition, term by term.
        _ = value()
        let output = layer.forward(input, batch: batch)
        let left: Int
        switch shape.padding {
        case .same:
            let extent = (shape.kernel - 1) * shape.dilation + 1
            left = max((layer.outputLength - 1) * shape.stride + extent - shape.length, 0) / 2
        case .valid: left = 0
        }
        for b in 0..<batch {
            for j in 0..<layer.outputLength {
                for o in 0..<shape.outputs {
                    var sum: Float = layer.bias.map { store.pointer(to: $0)[o] } ?? 0
                    for t in 0..<shape.kernel {
                        let position = shape.stride * j + shape.dilation * t - left
                        guard (0..<shape.length).contains(position) else { continue }
                        for i in 0..<shape.inputs {
                            sum += store.pointer(to: layer.weight)[(t * shape.inputs + i) * shape.outputs + o]
                                * input[(b * shape.length + position) * shape.inputs + i]
                        }
                    }
                    #expect(abs(output[(b * layer.outputLength + j) * shape.outputs + o] - sum) < 1e-4)
                }
            }
        }
        var gradients = [Float](repeating: 0, count: store.count)
        let slope = layer.backward(direction, batch: batch, gradients: &gradients)
        let inputGradient = input.indices.map { slope[$0] }
        let step: Float = 1e-2
        for i in stride(from: 0, to: input.count, by: 3) {
            let kept = input[i]
            input[i] = kept + step
            let up = value()
            input[i] = kept - step
            let down = value()
            input[i] = kept
            Self.expectSame(inputGradient[i], (up - down) / Double(2 * step), "input \(i)")
        }
        for i in stride(from: 0, to: store.count, by: 2) {
            let kept = store.values.pointer[i]
            store.values.pointer[i] = kept + step
            let up = value()
            store.values.pointer[i] = kept - step
            let down = value()
            store.values.pointer[i] = kept
            Self.expectSame(gradients[i], (up - down) / Double(2 * step), "parameter \(i)")
        }
    }

    @Test(arguments: [NormalizationMode.batchStatistics, .runningStatistics])
    func theGradientOfANormalisationIsItsSlope(mode: NormalizationMode) {
        let store = ParameterStore()
        let length = 7, channels = 5, batch = 3
        let layer = BatchNormalization("n", in: store, length: length, channels: channels, slope: 0.2)
        store.seal()
        layer.initialize()
        // The running statistics must not move between the two sides of a difference.
        layer.momentum = 0
        var generator = SeededGenerator(seed: 5)
        for c in 0..<channels {
            store.pointer(to: layer.gamma)[c] = 1 + 0.3 * generator.nextNormal()
            store.pointer(to: layer.beta)[c] = generator.nextNormal()
            store.pointer(to: layer.runningMean)[c] = 0.5 * generator.nextNormal()
            store.pointer(to: layer.runningVariance)[c] = 0.5 + generator.nextUniform()
        }
        let size = batch * length * channels
        var input = (0..<size).map { _ in 1 + generator.nextNormal() }
        let direction = (0..<size).map { _ in generator.nextNormal() }
        func value() -> Double {
            input.withUnsafeBufferPointer { values in
                let output = layer.forward(values.baseAddress!, batch: batch, mode: mode)
                return (0..<size).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
            }
        }
        var gradients = [Float](repeating: 0, count: store.count)
        var inputGradient = direction
        input.withUnsafeBufferPointer { values in
            _ = layer.forward(values.baseAddress!, batch: batch, mode: mode)
            inputGradient.withUnsafeMutableBufferPointer {
                layer.backward($0.baseAddress!, batch: batch, gradients: &gradients)
            }
        }
        // A kink of the rectifier inside the step would spoil a difference: a small step, and few samples of it.
        let step: Float = 2e-3
        var wrong = 0, tried = 0
        func compare(_ analytic: Float, _ numeric: Double) {
            tried += 1
            if abs(Double(analytic) - numeric) / max(abs(numeric), 0.3) > 3e-2 { wrong += 1 }
        }
        for i in 0..<size {
            let kept = input[i]
            input[i] = kept + step
            let up = value()
            input[i] = kept - step
            let down = value()
            input[i] = kept
            compare(inputGradient[i], (up - down) / Double(2 * step))
        }
        for tensor in [layer.gamma, layer.beta] {
            for c in 0..<channels {
                let kept = store.pointer(to: tensor)[c]
                store.pointer(to: tensor)[c] = kept + step
                let up = value()
                store.pointer(to: tensor)[c] = kept - step
                let down = value()
                store.pointer(to: tensor)[c] = kept
                compare(gradients[tensor.offset + c], (up - down) / Double(2 * step))
            }
        }
        #expect(wrong * 25 <= tried, "\(wrong) of \(tried) gradients differ")
    }

    @Test func frozenNormalisationGivesTheSameInputGradientWithAndWithoutParameterGradients() {
        let store = ParameterStore()
        let layer = BatchNormalization("n", in: store, length: 4, channels: 3, slope: 0.2)
        store.seal()
        layer.initialize()
        let input: [Float] = (0..<12).map { Float($0) / 5 - 1 }
        var first = [Float](repeating: 1, count: 12), second = first
        var gradients = [Float](repeating: 0, count: store.count)
        input.withUnsafeBufferPointer { values in
            _ = layer.forward(values.baseAddress!, batch: 1, mode: .runningStatistics)
            layer.backward(&first, batch: 1, gradients: nil)
            layer.backward(&second, batch: 1, gradients: &gradients)
        }
        for i in 0..<12 { #expect(abs(first[i] - second[i]) < 1e-6) }
    }

    @Test func theGradientOfADenseLayerIsItsSlope() {
        let store = ParameterStore()
        let layer = Dense("d", in: store, inputs: 6, outputs: 4)
        store.seal()
        var generator = SeededGenerator(seed: 2)
        layer.initialize(using: &generator)
        let batch = 3
        var input = (0..<(batch * 6)).map { _ in generator.nextNormal() }
        let direction = (0..<(batch * 4)).map { _ in generator.nextNormal() }
        func value() -> Double {
            input.withUnsafeBufferPointer { values in
                let output = layer.forward(values.baseAddress!, batch: batch)
                return (0..<(batch * 4)).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
            }
        }
        var gradients = [Float](repeating: 0, count: store.count)
        var inputGradient = [Float](repeating: 0, count: input.count)
        input.withUnsafeBufferPointer { values in
            _ = layer.forward(values.baseAddress!, batch: batch)
            layer.backward(direction, batch: batch, inputGradient: &inputGradient, gradients: &gradients)
        }
        let step: Float = 1e-2
        for i in input.indices {
            let kept = input[i]
            input[i] = kept + step
            let up = value()
            input[i] = kept - step
            let down = value()
            input[i] = kept
            Self.expectSame(inputGradient[i], (up - down) / Double(2 * step), "input \(i)")
        }
        for i in 0..<store.count {
            let kept = store.values.pointer[i]
            store.values.pointer[i] = kept + step
            let up = value()
            store.values.pointer[i] = kept - step
            let down = value()
            store.values.pointer[i] = kept
            Self.expectSame(gradients[i], (up - down) / Double(2 * step), "parameter \(i)")
        }
    }

    @Test func theGradientsOfTheLossesAreTheirSlopes() {
        var logits: [Float] = [1, -2, 0.5, 3, 0, 0, 2, -1]
        let labels: [UInt8] = [2, 3]
        let weights: [Float] = [1, 0.5]
        var gradient = [Float](repeating: 0, count: 8), ignored = gradient
        func value() -> Double {
            Loss.crossEntropy(
                logits: logits, labels: labels, batch: 2, classes: 4, weight: weights, gradient: &ignored)
        }
        _ = Loss.crossEntropy(logits: logits, labels: labels, batch: 2, classes: 4, weight: weights, gradient: &gradient)
        for i in logits.indices {
            let kept = logits[i]
            logits[i] = kept + 1e-2
            let up = value()
            logits[i] = kept - 1e-2
            let down = value()
            logits[i] = kept
            #expect(abs(Double(gradient[i]) - (up - down) / 2e-2) < 1e-3)
        }
        let targets: [Float] = [0, 1, 1]
        var scores: [Float] = [0.3, -4, 90]
        var slope = [Float](repeating: 0, count: 3), unused = slope
        _ = Loss.binaryCrossEntropy(logits: scores, targets: targets, batch: 3, factor: 2, gradient: &slope)
        for i in scores.indices {
            let kept = scores[i]
            scores[i] = kept + 1e-2
            let up = Loss.binaryCrossEntropy(logits: scores, targets: targets, batch: 3, gradient: &unused)
            scores[i] = kept - 1e-2
            let down = Loss.binaryCrossEntropy(logits: scores, targets: targets, batch: 3, gradient: &unused)
            scores[i] = kept
            #expect(abs(Double(slope[i]) - 2 * (up - down) / 2e-2) < 1e-3)
        }
    }
}
