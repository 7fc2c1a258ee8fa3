internal import NeuralNetwork

/// The generator's residual block (section 2.2): a convolution (k3 s1) whose output is added to its own normalized,
/// activated version.
///
/// Input (B, L, Cin), output (B, L, Cout): `c = conv(x)`, `y = c + leaky(norm(c))`, as in the authors' published
/// code, so the number of channels can change.
final class GeneratorResidualBlock {
    private let convolution: Convolution1D
    private let normalization: BatchNormalization
    /// Number of floats in one item's output.
    private let outputCount: Int
    private let sum = FloatBuffer(), convolutionGradient = FloatBuffer()

    init(_ name: String, in store: ParameterStore, length: Int, inputChannels: Int, outputChannels: Int) {
        convolution = Convolution1D(
            name + ".convolution", in: store, inputLength: length, inputChannels: inputChannels,
            outputChannels: outputChannels, kernelSize: 3, hasBias: false)
        normalization = BatchNormalization(
            name + ".normalization", in: store, length: length, channels: outputChannels,
            slope: Discriminator.leakySlope)
        outputCount = length * outputChannels
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
        let features = convolution.forward(input, batch: batch)
        let activated = normalization.forward(features, batch: batch, mode: mode)
        let sum = self.sum.reserve(batch * outputCount)
        for i in 0..<(batch * outputCount) { sum[i] = features[i] + activated[i] }
        return sum
    }

    /// Returns the gradient of the input, valid until the next call; overwrites `gradient`, that of the output.
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        let count = batch * outputCount
        let kept = convolutionGradient.reserve(count)
        kept.update(from: gradient, count: count)
        normalization.backward(gradient, batch: batch, gradients: gradients)
        for i in 0..<count { kept[i] += gradient[i] }
        return convolution.backward(
            kept, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient)
    }
}
