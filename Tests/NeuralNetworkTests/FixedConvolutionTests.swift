import Testing

@testable import NeuralNetwork

/// The deployed convolution against the one that is trained, which multiplies plainly.
@Suite struct FixedConvolutionTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var length: Int, inputs: Int, outputs: Int, kernel: Int, stride: Int
        var testDescription: String { "\(length)x\(inputs) to \(outputs), kernel \(kernel), stride \(stride)" }
    }

    /// Those of the two discriminators, odd lengths, and ones that are multiplied plainly.
    static let shapes = [
        Shape(length: 70, inputs: 64, outputs: 64, kernel: 5, stride: 1),
        Shape(length: 140, inputs: 32, outputs: 64, kernel: 5, stride: 2),
        Shape(length: 70, inputs: 64, outputs: 128, kernel: 5, stride: 2),
        Shape(length: 35, inputs: 128, outputs: 128, kernel: 3, stride: 1),
        Shape(length: 140, inputs: 16, outputs: 32, kernel: 3, stride: 1),
        Shape(length: 37, inputs: 16, outputs: 24, kernel: 5, stride: 2),
        Shape(length: 1, inputs: 16, outputs: 8, kernel: 3, stride: 1),
        Shape(length: 5, inputs: 16, outputs: 8, kernel: 5, stride: 1),
        Shape(length: 280, inputs: 1, outputs: 32, kernel: 9, stride: 2),
        Shape(length: 140, inputs: 32, outputs: 32, kernel: 3, stride: 2),
        Shape(length: 20, inputs: 12, outputs: 7, kernel: 3, stride: 1),
    ]

    @Test(arguments: shapes)
    func outputAndInputGradientAreThoseOfThePlainProduct(_ shape: Shape) {
        var generator = SeededGenerator(seed: 5)
        let store = ParameterStore()
        let plain = Convolution1D(
            "plain", in: store, inputLength: shape.length, inputChannels: shape.inputs, outputChannels: shape.outputs,
            kernelSize: shape.kernel, stride: shape.stride, hasBias: false)
        store.seal()
        plain.initialize(using: &generator)
        plain.weightsChanged()
        let fixed = FixedConvolution(
            weights: store.array(of: plain.weight), kernelSize: shape.kernel, inputLength: shape.length,
            inputChannels: shape.inputs, outputChannels: shape.outputs, stride: shape.stride)
        #expect(fixed.outputLength == plain.outputLength)

        let input = (0..<(shape.length * shape.inputs)).map { _ in generator.nextNormal() }
        let gradient = (0..<(fixed.outputLength * shape.outputs)).map { _ in generator.nextNormal() }
        var padded = [Float](repeating: 0, count: fixed.paddedCount)
        padded.replaceSubrange(fixed.leftPadding * shape.inputs..<fixed.leftPadding * shape.inputs + input.count, with: input)
        var output = [Float](repeating: .nan, count: gradient.count)
        // What an earlier call left there must not matter.
        var scratch = [Float](repeating: .nan, count: fixed.scratchCount)
        fixed.forward(padded, output: &output, scratch: &scratch)
        let expected = input.withUnsafeBufferPointer {
            Array(UnsafeBufferPointer(start: plain.forward($0.baseAddress!, batch: 1), count: output.count))
        }
        expectEqual(output, expected)

        scratch = Array(repeating: .nan, count: fixed.scratchCount)
        let passedBack = scratch.withUnsafeMutableBufferPointer {
            Array(UnsafeBufferPointer(
                start: fixed.backward(gradient, scratch: $0.baseAddress!), count: input.count))
        }
        let expectedGradient = gradient.withUnsafeBufferPointer {
            Array(UnsafeBufferPointer(
                start: plain.backward($0.baseAddress!, batch: 1, gradients: nil), count: input.count))
        }
        expectEqual(passedBack, expectedGradient)
    }

    /// Within 1e-5 of the greatest value.
    private func expectEqual(_ values: [Float], _ expected: [Float]) {
        let greatest = expected.map(abs).max() ?? 0
        let worst = zip(values, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(worst <= 1e-5 * max(greatest, 1) && values.allSatisfy(\.isFinite))
    }
}
