internal import NeuralNetwork

/// A sequence of convolutions, each with batch normalization and LeakyReLU: (B, 280) -> (B, L, C).
final class ConvolutionStack {
    let blocks: [DiscriminatorArchitecture.Block]
    /// Number of floats in one item's last feature map.
    let outputCount: Int
    private let convolutions: [Convolution1D]
    private let normalizations: [BatchNormalization]
    private let sums: [FloatBuffer]
    private let residualGradient = FloatBuffer()

    init(_ blocks: [DiscriminatorArchitecture.Block], in store: ParameterStore) {
        self.blocks = blocks
        var convolutions: [Convolution1D] = []
        var normalizations: [BatchNormalization] = []
        var length = Discriminator.windowLength
        var channels = 1
        for block in blocks {
            precondition(!block.isResidual || (block.stride == 1 && block.features == channels))
            let convolution = Convolution1D(
                block.name + ".convolution", in: store, inputLength: length, inputChannels: channels,
                outputChannels: block.features, kernelSize: block.kernelSize, stride: block.stride, hasBias: false)
            length = convolution.outputLength
            channels = block.features
            convolutions.append(convolution)
            normalizations.append(
                BatchNormalization(
                    block.name + ".normalization", in: store, length: length, channels: channels,
                    slope: Discriminator.leakySlope))
        }
        self.convolutions = convolutions
        self.normalizations = normalizations
        sums = blocks.map { _ in FloatBuffer() }
        outputCount = length * channels
    }

    func initialize(using generator: inout SeededGenerator) {
        for convolution in convolutions { convolution.initialize(using: &generator) }
        for normalization in normalizations { normalization.initialize() }
    }

    func weightsChanged() {
        for convolution in convolutions { convolution.weightsChanged() }
    }

    func updateRunningStatistics() {
        for normalization in normalizations { normalization.updateRunningStatistics() }
    }

    /// The last feature map, (B, L, C), valid until the next call.
    func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafePointer<Float> {
        var current = windows
        for (index, block) in blocks.enumerated() {
            let features = convolutions[index].forward(current, batch: batch)
            let output = normalizations[index].forward(features, batch: batch, mode: mode)
            if block.isResidual {
                let count = batch * convolutions[index].outputLength * block.features
                let sum = sums[index].reserve(count)
                for i in 0..<count { sum[i] = output[i] + current[i] }
                current = UnsafePointer(sum)
            } else {
                current = UnsafePointer(output)
            }
        }
        return current
    }

    /// Returns the gradient of the windows; overwrites `gradient`, that of the last feature map.
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        var current = gradient
        for (index, block) in blocks.enumerated().reversed() {
            let count = batch * convolutions[index].outputLength * block.features
            var kept: UnsafeMutablePointer<Float>?
            if block.isResidual {
                kept = residualGradient.reserve(count)
                kept?.update(from: current, count: count)
            }
            normalizations[index].backward(current, batch: batch, gradients: gradients)
            current = convolutions[index].backward(
                current, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient || index > 0)
            if let kept {
                for i in 0..<count { current[i] += kept[i] }
            }
        }
        return current
    }
}
