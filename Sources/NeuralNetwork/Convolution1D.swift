/// How a convolution handles the ends of the signal.
public enum Padding: Sendable {
    /// Zeros on both sides, so that the output has ceil(length / stride) positions; an odd zero goes on the right.
    case same
    /// No zeros: only positions where the kernel fits completely.
    case valid
}

/// One-dimensional convolution (cross-correlation, as usual in deep learning libraries).
///
/// Input (B, L, Cin), weight (K, Cin, Cout), output (B, Lout, Cout), all row-major:
/// `y[b][j][o] = bias[o] + sum over t, i of w[t][i][o] * x[b][stride * j + dilation * t - left][i]`.
public final class Convolution1D {
    public let inputLength: Int, inputChannels: Int, outputLength: Int, outputChannels: Int
    public let kernelSize: Int, stride: Int, dilation: Int
    public let weight: ParameterTensor
    /// Omitted before a batch normalization, which would cancel it.
    public let bias: ParameterTensor?

    private let store: ParameterStore
    private let leftPadding: Int, paddedLength: Int
    /// The zero-padded input, (B, paddedLength, Cin), kept for the weight gradient.
    private let padded = FloatBuffer()
    private let paddedGradient = FloatBuffer()
    private let inputGradient = FloatBuffer()
    private let packedWeight: [PackedMatrix]
    private let packedTransposed: [PackedMatrix]
    private let packedGradient = PackedMatrix()
    private let output = FloatBuffer()

    public init(
        _ name: String, in store: ParameterStore, inputLength: Int, inputChannels: Int, outputChannels: Int,
        kernelSize: Int, stride: Int = 1, dilation: Int = 1, padding: Padding = .same, hasBias: Bool = true
    ) {
        precondition(inputLength > 0 && inputChannels > 0 && outputChannels > 0 && kernelSize > 0)
        precondition(stride > 0 && dilation > 0)
        self.store = store
        self.inputLength = inputLength
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.kernelSize = kernelSize
        self.stride = stride
        self.dilation = dilation
        let extent = (kernelSize - 1) * dilation + 1
        switch padding {
        case .same:
            outputLength = (inputLength + stride - 1) / stride
            let total = max((outputLength - 1) * stride + extent - inputLength, 0)
            leftPadding = total / 2
            paddedLength = inputLength + total
        case .valid:
            precondition(inputLength >= extent, "the kernel is longer than the signal")
            outputLength = (inputLength - extent) / stride + 1
            leftPadding = 0
            paddedLength = inputLength
        }
        weight = store.add(name + ".weight", shape: [kernelSize, inputChannels, outputChannels], decays: true)
        bias = hasBias ? store.add(name + ".bias", shape: [outputChannels]) : nil
        // Without dilation the taps of one position are contiguous, so a single product covers them all.
        let products = dilation == 1 ? 1 : kernelSize
        packedWeight = (0..<products).map { _ in PackedMatrix() }
        packedTransposed = (0..<products).map { _ in PackedMatrix() }
    }

    /// He's uniform initialization for LeakyReLU with slope 0.2 (He et al. 2015).
    public func initialize(using generator: inout SeededGenerator) {
        let fanIn = Float(kernelSize * inputChannels)
        store.fillUniform(weight, limit: (6 / (1.04 * fanIn)).squareRoot(), using: &generator)
        if let bias { store.fill(bias, with: 0) }
    }

    /// Number of taps covered by one product, and the width of its left-hand side.
    private var tapsPerProduct: Int { dilation == 1 ? kernelSize : 1 }

    /// Packs the weights for the products. Call after they change.
    public func weightsChanged() {
        let values = store.pointer(to: weight)
        let depth = tapsPerProduct * inputChannels
        for product in packedWeight.indices {
            let part = values + product * depth * outputChannels
            packedWeight[product].pack(part, rows: depth, columns: outputChannels, rowStride: outputChannels)
            packedTransposed[product].pack(
                part, rows: outputChannels, columns: depth, rowStride: 1, columnStride: outputChannels)
        }
    }

    /// `input` (B, L, Cin) -> (B, Lout, Cout), valid until the next call.
    public func forward(_ input: UnsafePointer<Float>, batch: Int) -> UnsafeMutablePointer<Float> {
        let inputSize = inputLength * inputChannels
        let paddedSize = paddedLength * inputChannels
        let outputSize = outputLength * outputChannels
        let padded = self.padded.reserve(batch * paddedSize)
        let output = self.output.reserve(batch * outputSize)
        for b in 0..<batch {
            // The padding zeros were written when the buffer was made and are never overwritten.
            let item = padded + b * paddedSize
            (item + leftPadding * inputChannels).update(from: input + b * inputSize, count: inputSize)
            let result = output + b * outputSize
            if let bias {
                let values = store.pointer(to: bias)
                for j in 0..<outputLength {
                    (result + j * outputChannels).update(from: values, count: outputChannels)
                }
            }
            for (product, matrix) in packedWeight.enumerated() {
                matrix.multiply(
                    left: item + product * dilation * inputChannels, rowCount: outputLength,
                    rowStride: stride * inputChannels, result: result, resultStride: outputChannels,
                    accumulating: bias != nil || product > 0)
            }
        }
        return output
    }

    /// Converts `outputGradient` (B, Lout, Cout) into the gradient of the input, (B, L, Cin), valid until the next
    /// call.
    ///
    /// Adds the gradients of weight and bias to `gradients` (with the store's layout) if it is given; an attack on
    /// the input does not need them.
    public func backward(
        _ outputGradient: UnsafePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool = true
    ) -> UnsafeMutablePointer<Float> {
        let paddedSize = paddedLength * inputChannels
        let outputSize = outputLength * outputChannels
        let depth = tapsPerProduct * inputChannels
        if let gradients {
            let weightGradient = gradients + weight.offset
            for b in 0..<batch {
                let gradient = outputGradient + b * outputSize
                packedGradient.pack(
                    gradient, rows: outputLength, columns: outputChannels, rowStride: outputChannels)
                for product in packedWeight.indices {
                    packedGradient.multiply(
                        left: padded.pointer + b * paddedSize + product * dilation * inputChannels, rowCount: depth,
                        rowStride: 1, elementStride: stride * inputChannels,
                        result: weightGradient + product * depth * outputChannels, resultStride: outputChannels,
                        accumulating: true)
                }
                if let bias {
                    let biasGradient = gradients + bias.offset
                    for j in 0..<outputLength {
                        for o in 0..<outputChannels { biasGradient[o] += gradient[j * outputChannels + o] }
                    }
                }
            }
        }
        let inputSize = inputLength * inputChannels
        let inputGradient = self.inputGradient.reserve(batch * inputSize)
        guard needsInputGradient else { return inputGradient }
        let scratch = paddedGradient.reserve(paddedSize)
        for b in 0..<batch {
            scratch.update(repeating: 0, count: paddedSize)
            for (product, matrix) in packedTransposed.enumerated() {
                matrix.multiply(
                    left: outputGradient + b * outputSize, rowCount: outputLength, rowStride: outputChannels,
                    result: scratch + product * dilation * inputChannels, resultStride: stride * inputChannels,
                    accumulating: true)
            }
            (inputGradient + b * inputSize).update(from: scratch + leftPadding * inputChannels, count: inputSize)
        }
        return inputGradient
    }
}
