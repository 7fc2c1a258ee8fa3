public import NeuralNetwork

/// The paper's class-conditioned generator G(x', y, z) (section 2.2).
///
/// Input: windows (B, 280), attacked or not, classes and noise; output: windows (B, 280) in [0,1]. The window, the
/// class (one-hot over four channels) and the noise form six input channels. Three residual and downsampling blocks
/// (280, 140, 70 -> 35 positions; 32, 64, 128 features) are followed by three upsampling blocks (128, 64, 32) back to
/// 280. A skip-dilated branch leaves after each residual block and is added after the upsampling block of the same
/// length. A last convolution (k3) reduces 32 channels to one, and a sigmoid gives the output.
///
/// A generator must be used by one thread only; `replica()` creates one for another thread, with its own activations
/// and the same weights.
public final class Generator {
    /// Identifies the architecture in weights files.
    public static let architectureIdentifier = "ecg-atk-gan-generator-1"
    /// Features of the residual, downsampling and skip-dilated blocks; the upsampling blocks use them in reverse
    /// order.
    public static let features = [32, 64, 128]
    private static let inputChannels = 1 + Discriminator.classCount + 1

    public let store: ParameterStore
    private let residualBlocks: [GeneratorResidualBlock]
    private let skipBranches: [NormalizedConvolution]
    private let downsamplingBlocks: [NormalizedConvolution]
    /// In order of the lengths 70, 140, 280.
    private let upsamplingBlocks: [GeneratorUpsamplingBlock]
    private let outputConvolution: Convolution1D
    private let sigmoid = Sigmoid()
    private let input = FloatBuffer()
    private let branchGradients: [FloatBuffer]

    /// A new generator, initialized from `seed`.
    public convenience init(seed: UInt64) {
        let store = ParameterStore()
        self.init(in: store)
        store.seal()
        var generator = SeededGenerator(seed: seed)
        for block in residualBlocks { block.initialize(using: &generator) }
        for block in skipBranches + downsamplingBlocks { block.initialize(using: &generator) }
        for block in upsamplingBlocks { block.initialize(using: &generator) }
        outputConvolution.initialize(using: &generator)
        weightsChanged()
    }

    /// A generator with its own activations and the weights of `store`, for another thread.
    public convenience init(sharing store: ParameterStore) {
        self.init(in: store)
        weightsChanged()
    }

    public func replica() -> Generator { Generator(sharing: store) }

    private init(in store: ParameterStore) {
        self.store = store
        var length = Discriminator.windowLength
        var channels = Self.inputChannels
        var residualBlocks: [GeneratorResidualBlock] = []
        var upsamplingBlocks: [GeneratorUpsamplingBlock] = []
        var skipBranches: [NormalizedConvolution] = []
        var downsamplingBlocks: [NormalizedConvolution] = []
        for (index, features) in Self.features.enumerated() {
            let number = index + 1
            residualBlocks.append(
                GeneratorResidualBlock(
                    "residual\(number)", in: store, length: length, inputChannels: channels, outputChannels: features))
            skipBranches.append(
                NormalizedConvolution(
                    "sdc\(number)", in: store, inputLength: length, inputChannels: features, outputChannels: features,
                    kernelSize: 2, dilation: 2))
            let down = NormalizedConvolution(
                "down\(number)", in: store, inputLength: length, inputChannels: features, outputChannels: features,
                kernelSize: 3, stride: 2)
            downsamplingBlocks.append(down)
            length = down.outputLength
            channels = features
        }
        for (index, features) in Self.features.reversed().enumerated() {
            upsamplingBlocks.append(
                GeneratorUpsamplingBlock(
                    "up\(index + 1)", in: store, inputLength: length, inputChannels: channels,
                    outputChannels: features))
            length *= 2
            channels = features
        }
        outputConvolution = Convolution1D(
            "output", in: store, inputLength: length, inputChannels: channels, outputChannels: 1, kernelSize: 3)
        self.residualBlocks = residualBlocks
        self.skipBranches = skipBranches
        self.downsamplingBlocks = downsamplingBlocks
        self.upsamplingBlocks = upsamplingBlocks
        branchGradients = Self.features.map { _ in FloatBuffer() }
    }

    public func weightsChanged() {
        for block in residualBlocks { block.weightsChanged() }
        for block in skipBranches + downsamplingBlocks { block.weightsChanged() }
        for block in upsamplingBlocks { block.weightsChanged() }
        outputConvolution.weightsChanged()
    }

    public func updateRunningStatistics() {
        for block in residualBlocks { block.updateRunningStatistics() }
        for block in skipBranches + downsamplingBlocks { block.updateRunningStatistics() }
        for block in upsamplingBlocks { block.updateRunningStatistics() }
    }

    /// - Parameters:
    ///   - windows: (B, 280) in [0,1].
    ///   - labels: (B), classes in the order N, S, V, F.
    ///   - noise: (B, 280), see `GeneratorNoise`.
    /// - Returns: (B, 280) in [0,1], valid until the next call.
    public func forward(
        _ windows: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, noise: UnsafePointer<Float>, batch: Int,
        mode: NormalizationMode
    ) -> UnsafeMutablePointer<Float> {
        let length = Discriminator.windowLength
        let channels = Self.inputChannels
        let input = self.input.reserve(batch * length * channels)
        for b in 0..<batch {
            precondition(labels[b] < UInt8(Discriminator.classCount))
            for i in 0..<length {
                let position = input + (b * length + i) * channels
                position[0] = windows[b * length + i]
                for c in 0..<Discriminator.classCount { position[1 + c] = 0 }
                position[1 + Int(labels[b])] = 1
                position[channels - 1] = noise[b * length + i]
            }
        }
        var current = UnsafePointer(input)
        var branches: [UnsafePointer<Float>] = []
        for index in residualBlocks.indices {
            let residual = residualBlocks[index].forward(current, batch: batch, mode: mode)
            branches.append(UnsafePointer(skipBranches[index].forward(residual, batch: batch, mode: mode)))
            current = UnsafePointer(downsamplingBlocks[index].forward(residual, batch: batch, mode: mode))
        }
        for (block, branch) in zip(upsamplingBlocks, branches.reversed()) {
            current = UnsafePointer(block.forward(current, adding: branch, batch: batch, mode: mode))
        }
        return sigmoid.forward(outputConvolution.forward(current, batch: batch), count: batch * length)
    }

    /// Adds the gradients of a loss to `gradients` (with the store's layout), given its gradient with respect to the
    /// output, `outputGradient` (B, 280), which is overwritten. The input's gradient is not needed and not computed.
    public func backward(
        _ outputGradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>
    ) {
        sigmoid.backward(outputGradient, count: batch * Discriminator.windowLength)
        var current = outputConvolution.backward(outputGradient, batch: batch, gradients: gradients)
        for index in upsamplingBlocks.indices.reversed() {
            let skip = skipBranches[upsamplingBlocks.count - 1 - index]
            let count = batch * skip.outputLength * skip.outputChannels
            branchGradients[index].reserve(count).update(from: current, count: count)
            current = upsamplingBlocks[index].backward(current, batch: batch, gradients: gradients)
        }
        for index in residualBlocks.indices.reversed() {
            let down = downsamplingBlocks[index].backward(current, batch: batch, gradients: gradients)
            let skip = skipBranches[index].backward(
                branchGradients[residualBlocks.count - 1 - index].pointer, batch: batch, gradients: gradients)
            let count = batch * skipBranches[index].outputLength * Self.features[index]
            for i in 0..<count { down[i] += skip[i] }
            current = residualBlocks[index].backward(
                down, batch: batch, gradients: gradients, needsInputGradient: index > 0)
        }
    }
}
