import Testing

@testable import NeuralNetwork

@Suite struct TransposedConvolutionTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var length = 7, inputs = 3, outputs = 5, kernel = 3, stride = 2, bias = true
        var testDescription: String { "L\(length) \(inputs)->\(outputs) k\(kernel) s\(stride)" }
    }

    static let shapes = [
        Shape(), Shape(inputs: 17, outputs: 2, bias: false), Shape(kernel: 4), Shape(kernel: 5),
        Shape(kernel: 2, stride: 3),
        Shape(stride: 1), Shape(length: 1, inputs: 1, outputs: 18),
    ]

    /// A layer with random weights.
    static func layer(_ shape: Shape, _ generator: inout SeededGenerator) -> (TransposedConvolution1D, ParameterStore) {
        let store = ParameterStore()
        let layer = TransposedConvolution1D(
            "t", in: store, inputLength: shape.length, inputChannels: shape.inputs, outputChannels: shape.outputs,
            kernelSize: shape.kernel, stride: shape.stride, hasBias: shape.bias)
        store.seal()
        for i in 0..<store.count { store.values.pointer[i] = generator.nextNormal() }
        layer.weightsChanged()
        return (layer, store)
    }

    @Test(arguments: shapes)
    func aTransposedConvolutionIsItsDefinition(shape: Shape) {
        var generator = SeededGenerator(seed: 3)
        let (layer, store) = Self.layer(shape, &generator)
        #expect(layer.outputLength == shape.stride * shape.length)
        let batch = 2
        let input = GradientTests.normals(batch * shape.length * shape.inputs, &generator)
        let left = max(shape.kernel - shape.stride, 0) / 2
        var expected = [Float](repeating: 0, count: batch * layer.outputLength * shape.outputs)
        for b in 0..<batch {
            for j in 0..<shape.length {
                for t in 0..<shape.kernel {
                    let position = shape.stride * j + t - left
                    guard (0..<layer.outputLength).contains(position) else { continue }
                    for o in 0..<shape.outputs {
                        for i in 0..<shape.inputs {
                            expected[(b * layer.outputLength + position) * shape.outputs + o] +=
                                store.pointer(to: layer.weight)[(t * shape.outputs + o) * shape.inputs + i]
                                * input.pointer[(b * shape.length + j) * shape.inputs + i]
                        }
                    }
                }
            }
        }
        if let bias = layer.bias {
            for i in expected.indices { expected[i] += store.pointer(to: bias)[i % shape.outputs] }
        }
        let output = layer.forward(input.pointer, batch: batch)
        for i in expected.indices { #expect(abs(output[i] - expected[i]) < 1e-4) }
    }

    @Test(arguments: shapes)
    func transposedConvolutionIsTheGradientOfAConvolution(shape: Shape) {
        var generator = SeededGenerator(seed: 4)
        let (layer, store) = Self.layer(
            Shape(
                length: shape.length, inputs: shape.inputs, outputs: shape.outputs, kernel: shape.kernel,
                stride: shape.stride, bias: false), &generator)
        let other = ParameterStore()
        let convolution = Convolution1D(
            "c", in: other, inputLength: layer.outputLength, inputChannels: shape.outputs,
            outputChannels: shape.inputs, kernelSize: shape.kernel, stride: shape.stride, hasBias: false)
        other.seal()
        other.values.pointer.update(from: store.values.pointer, count: store.count)
        convolution.weightsChanged()
        #expect(convolution.outputLength == shape.length)
        let signal = GradientTests.normals(layer.outputLength * shape.outputs, &generator)
        let values = GradientTests.normals(shape.length * shape.inputs, &generator)
        _ = convolution.forward(signal.pointer, batch: 1)
        let gradient = convolution.backward(values.pointer, batch: 1, gradients: nil)
        let output = layer.forward(values.pointer, batch: 1)
        for i in 0..<signal.count { #expect(abs(output[i] - gradient[i]) < 1e-4) }
    }

    @Test(arguments: shapes)
    func theGradientOfATransposedConvolutionIsItsSlope(shape: Shape) {
        var generator = SeededGenerator(seed: 5)
        let (layer, store) = Self.layer(shape, &generator)
        let batch = 2
        let input = GradientTests.normals(batch * shape.length * shape.inputs, &generator)
        let size = batch * layer.outputLength * shape.outputs
        let direction = (0..<size).map { _ in generator.nextNormal() }
        func value() -> Double {
            layer.weightsChanged()
            let output = layer.forward(input.pointer, batch: batch)
            return (0..<size).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
        }
        _ = value()
        var gradients = [Float](repeating: 0, count: store.count)
        let slope = layer.backward(direction, batch: batch, gradients: &gradients)
        let inputGradient = (0..<input.count).map { slope[$0] }
        GradientTests.differences(of: value, at: input.pointer, count: input.count, every: 2) {
            GradientTests.expectSame(inputGradient[$0], $1, "input \($0)")
        }
        GradientTests.differences(of: value, at: store.values.pointer, count: store.count, every: 2) {
            GradientTests.expectSame(gradients[$0], $1, "parameter \($0)")
        }
    }
}
