/// Transposed one-dimensional convolution with "same" padding. It multiplies the length by the stride, and is the
/// gradient of the same-padded convolution of that stride with respect to its input (TensorFlow's convention).
///
/// Input (B, L, Cin), weight (K, Cout, Cin), output (B, stride * L, Cout), all row-major:
/// `y[b][p][o] = bias[o] + sum over j, t, i with stride * j + t - left = p of w[t][o][i] * x[b][j][i]`,
/// where `left = max(K - stride, 0) / 2`: if the number of cropped positions is odd, the extra one is cropped on the
/// right.
public final class TransposedConvolution1D {
    public let inputLength: Int, inputChannels: Int, outputLength: Int, outputChannels: Int
    public let kernelSize: Int, stride: Int
    public let weight: ParameterTensor
    /// Omitted before a batch normalization, which would cancel it.
    public let bias: ParameterTensor?

    private let store: ParameterStore
    private let leftPadding: Int, paddedLength: Int
    private var input: UnsafePointer<Float>?
    /// One item's output, or its gradient, including the cropped positions.
    private let padded = FloatBuffer()
    private let output = FloatBuffer(), inputGradient = FloatBuffer()
    /// The weights packed as (Cin, K * Cout) and as (K * Cout, Cin).
    private let packedWeight = PackedMatrix(), packedTransposed = PackedMatrix()
    private let packedInput = PackedMatrix()

    public init(
        _ name: String, in store: ParameterStore, inputLength: Int, inputChannels: Int, outputChannels: Int,
        kernelSize: Int, stride: Int, hasBias: Bool = true
    ) {
        precondition(inputLength > 0 && inputChannels > 0 && outputChannels > 0 && kernelSize > 0 && stride > 0)
        self.store = store
        self.inputLength = inputLength
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.kernelSize = kernelSize
        self.stride = stride
        outputLength = stride * inputLength
        let cut = max(kernelSize - stride, 0)
        leftPadding = cut / 2
        paddedLength = outputLength + cut
        weight = store.add(name + ".weight", shape: [kernelSize, outputChannels, inputChannels], decays: true)
        bias = hasBias ? store.add(name + ".bias", shape: [outputChannels]) : nil
    }

    /// He's uniform initialization for LeakyReLU with slope 0.2 (He et al. 2015); an output is a sum over Cin * K /
    /// stride inputs.
    public func initialize(using generator: inout SeededGenerator) {
        let fanIn = Float(kernelSize * inputChannels) / Float(stride)
        store.fillUniform(weight, limit: (6 / (1.04 * fanIn)).squareRoot(), using: &generator)
        if let bias { store.fill(bias, with: 0) }
    }

    /// Packs the weights for the products. Call after they change.
    public func weightsChanged() {
        let values = store.pointer(to: weight)
        let width = kernelSize * outputChannels
        packedWeight.pack(values, rows: inputChannels, columns: width, rowStride: 1, columnStride: inputChannels)
        packedTransposed.pack(values, rows: width, columns: inputChannels, rowStride: inputChannels)
    }

    /// `input` (B, L, Cin) -> (B, stride * L, Cout), valid until the next call. `input` must stay valid and unchanged
    /// until `backward`.
    public func forward(_ input: UnsafePointer<Float>, batch: Int) -> UnsafeMutablePointer<Float> {
        self.input = input
        let inputSize = inputLength * inputChannels
        let outputSize = outputLength * outputChannels
        let output = self.output.reserve(batch * outputSize)
        let padded = self.padded.reserve(paddedLength * outputChannels)
        for b in 0..<batch {
            if let bias {
                let values = store.pointer(to: bias)
                for p in 0..<paddedLength { (padded + p * outputChannels).update(from: values, count: outputChannels) }
            } else {
                padded.update(repeating: 0, count: paddedLength * outputChannels)
            }
            // Each input position adds its K rows; those of neighbouring positions overlap.
            packedWeight.multiply(
                left: input + b * inputSize, rowCount: inputLength, rowStride: inputChannels, result: padded,
                resultStride: stride * outputChannels, accumulating: true)
            (output + b * outputSize).update(from: padded + leftPadding * outputChannels, count: outputSize)
        }
        return output
    }

    /// Converts `outputGradient` (B, stride * L, Cout) into the gradient of the input, (B, L, Cin), valid until the
    /// next call.
    ///
    /// Adds the gradients of weight and bias to `gradients` (with the store's layout) if it is given.
    public func backward(
        _ outputGradient: UnsafePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool = true
    ) -> UnsafeMutablePointer<Float> {
        guard let input else { preconditionFailure("backward before forward") }
        let inputSize = inputLength * inputChannels
        let outputSize = outputLength * outputChannels
        let inputGradient = self.inputGradient.reserve(batch * inputSize)
        let padded = self.padded.reserve(paddedLength * outputChannels)
        padded.update(repeating: 0, count: paddedLength * outputChannels)
        for b in 0..<batch {
            // The cropped positions stay zero.
            let gradient = outputGradient + b * outputSize
            (padded + leftPadding * outputChannels).update(from: gradient, count: outputSize)
            if let gradients {
                packedInput.pack(
                    input + b * inputSize, rows: inputLength, columns: inputChannels, rowStride: inputChannels)
                packedInput.multiply(
                    left: padded, rowCount: kernelSize * outputChannels, rowStride: 1,
                    elementStride: stride * outputChannels, result: gradients + weight.offset,
                    resultStride: inputChannels, accumulating: true)
                if let bias {
                    let biasGradient = gradients + bias.offset
                    for p in 0..<outputLength {
                        for o in 0..<outputChannels { biasGradient[o] += gradient[p * outputChannels + o] }
                    }
                }
            }
            if needsInputGradient {
                packedTransposed.multiply(
                    left: padded, rowCount: inputLength, rowStride: stride * outputChannels,
                    result: inputGradient + b * inputSize, resultStride: inputChannels)
            }
        }
        return inputGradient
    }
}
