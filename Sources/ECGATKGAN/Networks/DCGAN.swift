public import NeuralNetwork

/// A deep convolutional GAN of beat windows (Radford, Metz & Chintala 2015), one per class, as Shaker et al. 2020 use
/// to oversample minority classes. Their layer table was not available; these layers are our reconstruction.
///
/// Generator: 100 uniform numbers in -1...1 -> dense to (35, 128) -> three transposed convolutions (k5 s2; 64, 32, 1
/// features) with batch normalization and LeakyReLU between them -> sigmoid, (280). Critic: three convolutions (k5
/// s2; 32, 64, 128 features) with LeakyReLU -> dense to one logit, positive for real.
public final class DCGAN {
    public static let noiseCount = 100

    final class Half {
        let store: ParameterStore
        let layers: LayerSequence

        init(_ descriptions: [LayerDescription], input: LayerShape, using generator: inout SeededGenerator) {
            store = ParameterStore()
            layers = LayerSequence(descriptions, input: input, in: store)
            store.seal()
            layers.initialize(using: &generator)
            layers.weightsChanged()
        }
    }

    let generator: Half, critic: Half

    public init(seed: UInt64) {
        let slope: Float = 0.2
        var random = SeededGenerator(seed: seed)
        generator = Half(
            [
                .dense("dense", outputs: 35 * 128), .reshape(channels: 128),
                .normalization("normalization0", slope: slope),
                .transposedConvolution("up1", features: 64, kernelSize: 5, stride: 2, hasBias: false),
                .normalization("normalization1", slope: slope),
                .transposedConvolution("up2", features: 32, kernelSize: 5, stride: 2, hasBias: false),
                .normalization("normalization2", slope: slope),
                .transposedConvolution("up3", features: 1, kernelSize: 5, stride: 2, hasBias: true), .sigmoid,
            ], input: LayerShape(length: 1, channels: Self.noiseCount), using: &random)
        critic = Half(
            [
                .convolution("down1", features: 32, kernelSize: 5, stride: 2), .leakyReLU(slope: slope),
                .convolution("down2", features: 64, kernelSize: 5, stride: 2), .leakyReLU(slope: slope),
                .convolution("down3", features: 128, kernelSize: 5, stride: 2), .leakyReLU(slope: slope),
                .dense("real", outputs: 1),
            ], input: LayerShape(length: Discriminator.windowLength, channels: 1), using: &random)
    }

    static func fillNoise(_ noise: UnsafeMutablePointer<Float>, batch: Int, using random: inout SeededGenerator) {
        for i in 0..<(batch * noiseCount) { noise[i] = 2 * random.nextUniform() - 1 }
    }

    /// New windows, (count, 280), each scaled to [0,1] like real ones.
    public func windows(_ count: Int, using random: inout SeededGenerator) -> [Float] {
        let length = Discriminator.windowLength
        let batch = 64
        let noise = FloatBuffer(count: batch * Self.noiseCount)
        var windows = [Float](repeating: 0, count: count * length)
        windows.withUnsafeMutableBufferPointer { windows in
            for start in stride(from: 0, to: count, by: batch) {
                let size = min(batch, count - start)
                Self.fillNoise(noise.pointer, batch: size, using: &random)
                let made = generator.layers.forward(noise.pointer, batch: size, mode: .runningStatistics)
                for i in 0..<(size * length) { windows[start * length + i] = made[i] }
                for item in start..<(start + size) {
                    BeatDataset.scaleToUnitInterval(
                        UnsafeMutableBufferPointer(rebasing: windows[(item * length)..<((item + 1) * length)]))
                }
            }
        }
        return windows
    }
}
