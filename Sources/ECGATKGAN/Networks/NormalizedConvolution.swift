internal import NeuralNetwork

/// A "same" convolution with batch normalization and LeakyReLU: the generator's downsampling block (k3 s2) and its
/// skip-dilated branch (SDC: k2, dilation 2) of section 2.2.
///
/// Input (B, L, Cin), output (B, ceil(L / stride), Cout).
final class NormalizedConvolution {
    let outputLength: Int, outputChannels: Int
    private let convolution: Convolution1D
    private let normalization: BatchNormalization

    init(
        _ name: String, in store: ParameterStore, inputLength: Int, inputChannels: Int, outputChannels: Int,
        kernelSize: Int, stride: Int = 1, dilation: Int = 1
    ) {
        convolution = Convolution1D(
            name + ".convolution", in: store, inputLength: inputLength, inputChannels: inputChannels,
            outputChannels: outputChannels, kernelSize: kernelSize, stride: stride, dilation: dilation, hasBias: false)
        outputLength = convolution.outputLength
        self.outputChannels = outputChannels
        normalization = BatchNormalization(
            name + ".normalization", in: store, length: outputLength, channels: outputChannels,
            slope: Discriminator.leakySlope)
    }

    func initialize(using generator: inout SeededGenerator) {
        convolution.initialize(using: &generator)
        normalization.initialize()
    }

    func weightsChanged() { convolution.weightsChanged() }
    func updateRunningStatistics() { normalization.updateRunningStatistics() }

    /// Valid until the next call.
    func forward(
        _ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode
    ) -> UnsafeMutablePointer<Float> {
        normalization.forward(convolution.forward(input, batch: batch), batch: batch, mode: mode)
    }

    /// Returns the gradient of the input, valid until the next call; overwrites `gradient`, that of the output.
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>
    ) -> UnsafeMutablePointer<Float> {
        normalization.backward(gradient, batch: batch, gradients: gradients)
        return convolution.backward(gradient, batch: batch, gradients: gradients)
    }
}
