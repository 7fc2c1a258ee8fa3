internal import NeuralNetwork

/// The generator's upsampling block (section 2.2): a transposed convolution (k3 s2) with batch normalization and
/// LeakyReLU, to which the matching skip-dilated branch is added.
///
/// Input (B, L, Cin), branch and output (B, 2 L, Cout).
final class GeneratorUpsamplingBlock {
    private let convolution: TransposedConvolution1D
    private let normalization: BatchNormalization
    private let outputCount: Int
    private let sum = FloatBuffer()

    init(_ name: String, in store: ParameterStore, inputLength: Int, inputChannels: Int, outputChannels: Int) {
        convolution = TransposedConvolution1D(
            name + ".convolution", in: store, inputLength: inputLength, inputChannels: inputChannels,
            outputChannels: outputChannels, kernelSize: 3, stride: 2, hasBias: false)
        normalization = BatchNormalization(
            name + ".normalization", in: store, length: convolution.outputLength, channels: outputChannels,
            slope: Discriminator.leakySlope)
        outputCount = convolution.outputLength * outputChannels
    }

    func initialize(using generator: inout SeededGenerator) {
        convolution.initialize(using: &generator)
        normalization.initialize()
    }

    func weightsChanged() { convolution.weightsChanged() }
    func updateRunningStatistics() { normalization.updateRunningStatistics() }

    /// Valid until the next call.
    func forward(
        _ input: UnsafePointer<Float>, adding branch: UnsafePointer<Float>, batch: Int, mode: NormalizationMode
    ) -> UnsafeMutablePointer<Float> {
        let activated = normalization.forward(convolution.forward(input, batch: batch), batch: batch, mode: mode)
        let sum = self.sum.reserve(batch * outputCount)
        for i in 0..<(batch * outputCount) { sum[i] = activated[i] + branch[i] }
        return sum
    }

    /// Returns the gradient of the input, valid until the next call. `gradient`, that of the output and of the
    /// branch, is overwritten: copy it first if the branch needs it.
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>
    ) -> UnsafeMutablePointer<Float> {
        normalization.backward(gradient, batch: batch, gradients: gradients)
        return convolution.backward(gradient, batch: batch, gradients: gradients)
    }
}
