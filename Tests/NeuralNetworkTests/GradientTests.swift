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

    /// Standard normal numbers that stay where they are, as the layers want it.
    static func normals(_ count: Int, _ generator: inout SeededGenerator) -> FloatBuffer {
        let buffer = FloatBuffer(count: count)
        for i in 0..<count { buffer.pointer[i] = generator.nextNormal() }
        return buffer
    }

    /// The central difference of `value` at every `every`-th of the numbers at `pointer`, given to `compare` with its
    /// index.
    static func differences(
        of value: () -> Double, at pointer: UnsafeMutablePointer<Float>, count: Int, every: Int = 1,
        step: Float = 1e-2, compare: (Int, Double) -> Void
    ) {
        for i in stride(from: 0, to: count, by: every) {
            let kept = pointer[i]
            pointer[i] = kept + step
            let up = value()
            pointer[i] = kept - step
            let down = value()
            pointer[i] = kept
            compare(i, (up - down) / Double(2 * step))
        }
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
        let input = Self.normals(batch * shape.length * shape.inputs, &generator)
        let size = batch * layer.outputLength * shape.outputs
        let direction = (0..<size).map { _ in generator.nextNormal() }
        func value() -> Double {
            layer.weightsChanged()
            let output = layer.forward(input.pointer, batch: batch)
            return (0..<size).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
        }
        // The plain twin: the definition, term by term.
        _ = value()
        let output = layer.forward(input.pointer, batch: batch)
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
                            sum +=
                                store.pointer(to: layer.weight)[(t * shape.inputs + i) * shape.outputs + o]
                                * input.pointer[(b * shape.length + position) * shape.inputs + i]
                        }
                    }
                    #expect(abs(output[(b * layer.outputLength + j) * shape.outputs + o] - sum) < 1e-4)
                }
            }
        }
        var gradients = [Float](repeating: 0, count: store.count)
        let slope = layer.backward(direction, batch: batch, gradients: &gradients)
        let inputGradient = (0..<input.count).map { slope[$0] }
        Self.differences(of: value, at: input.pointer, count: input.count, every: 3) {
            Self.expectSame(inputGradient[$0], $1, "input \($0)")
        }
        Self.differences(of: value, at: store.values.pointer, count: store.count, every: 2) {
            Self.expectSame(gradients[$0], $1, "parameter \($0)")
        }
    }

    @Test(arguments: [NormalizationMode.batchStatistics, .runningStatistics])
    func theGradientOfANormalisationIsItsSlope(mode: NormalizationMode) {
        let store = ParameterStore()
        let length = 7
        let channels = 5
        let batch = 3
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
        let input = Self.normals(size, &generator)
        let direction = (0..<size).map { _ in generator.nextNormal() }
        func value() -> Double {
            let output = layer.forward(input.pointer, batch: batch, mode: mode)
            return (0..<size).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
        }
        var gradients = [Float](repeating: 0, count: store.count)
        var inputGradient = direction
        _ = layer.forward(input.pointer, batch: batch, mode: mode)
        layer.backward(&inputGradient, batch: batch, gradients: &gradients)
        // A kink of the rectifier inside the step would spoil a difference: a small step, and few samples of it.
        let step: Float = 2e-3
        var wrong = 0
        var tried = 0
        func compare(_ analytic: Float, _ numeric: Double) {
            tried += 1
            if abs(Double(analytic) - numeric) / max(abs(numeric), 0.3) > 3e-2 { wrong += 1 }
        }
        Self.differences(of: value, at: input.pointer, count: size, step: step) { compare(inputGradient[$0], $1) }
        for tensor in [layer.gamma, layer.beta] {
            Self.differences(of: value, at: store.pointer(to: tensor), count: channels, step: step) {
                compare(gradients[tensor.offset + $0], $1)
            }
        }
        #expect(wrong * 25 <= tried, "\(wrong) of \(tried) gradients differ")
    }

    @Test func frozenNormalisationGivesTheSameInputGradientEitherWay() {
        let store = ParameterStore()
        let layer = BatchNormalization("n", in: store, length: 4, channels: 3, slope: 0.2)
        store.seal()
        layer.initialize()
        let input: [Float] = (0..<12).map { Float($0) / 5 - 1 }
        var first = [Float](repeating: 1, count: 12)
        var second = first
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
        let input = Self.normals(batch * 6, &generator)
        let direction = (0..<(batch * 4)).map { _ in generator.nextNormal() }
        func value() -> Double {
            let output = layer.forward(input.pointer, batch: batch)
            return (0..<(batch * 4)).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
        }
        var gradients = [Float](repeating: 0, count: store.count)
        var inputGradient = [Float](repeating: 0, count: input.count)
        _ = layer.forward(input.pointer, batch: batch)
        layer.backward(direction, batch: batch, inputGradient: &inputGradient, gradients: &gradients)
        Self.differences(of: value, at: input.pointer, count: input.count) {
            Self.expectSame(inputGradient[$0], $1, "input \($0)")
        }
        Self.differences(of: value, at: store.values.pointer, count: store.count) {
            Self.expectSame(gradients[$0], $1, "parameter \($0)")
        }
    }

    @Test func theGradientsOfTheLossesAreTheirSlopes() {
        var logits: [Float] = [1, -2, 0.5, 3, 0, 0, 2, -1]
        let labels: [UInt8] = [2, 3]
        let weights: [Float] = [1, 0.5]
        var gradient = [Float](repeating: 0, count: 8)
        var ignored = gradient
        func value(_ logits: UnsafePointer<Float>) -> Double {
            Loss.crossEntropy(
                logits: logits, labels: labels, batch: 2, classes: 4, weight: weights, gradient: &ignored)
        }
        _ = Loss.crossEntropy(
            logits: logits, labels: labels, batch: 2, classes: 4, weight: weights, gradient: &gradient)
        logits.withUnsafeMutableBufferPointer { values in
            Self.differences(of: { value(values.baseAddress!) }, at: values.baseAddress!, count: 8) {
                #expect(abs(Double(gradient[$0]) - $1) < 1e-3)
            }
        }
        let targets: [Float] = [0, 1, 1]
        var scores: [Float] = [0.3, -4, 90]
        var slope = [Float](repeating: 0, count: 3)
        var unused = slope
        _ = Loss.binaryCrossEntropy(logits: scores, targets: targets, batch: 3, factor: 2, gradient: &slope)
        scores.withUnsafeMutableBufferPointer { values in
            let base = values.baseAddress!
            Self.differences(
                of: { Loss.binaryCrossEntropy(logits: base, targets: targets, batch: 3, gradient: &unused) }, at: base,
                count: 3
            ) {
                #expect(abs(Double(slope[$0]) - 2 * $1) < 1e-3)
            }
        }
    }
}
