public import NeuralNetwork

/// The generator's noise vector z (sections 2.2 and 3.2): uniform in [0,1], smoothed with a Gaussian with a standard
/// deviation of three samples.
public enum GeneratorNoise {
    /// Fills `noise` (B, 280). `scratch` is reused between calls.
    public static func fill(
        _ noise: UnsafeMutablePointer<Float>, batch: Int, using generator: inout SeededGenerator, scratch: FloatBuffer
    ) {
        let length = Discriminator.windowLength
        for i in 0..<(batch * length) { noise[i] = generator.nextUniform() }
        for b in 0..<batch { GaussianSmoothing.apply(noise + b * length, count: length, scratch: scratch) }
    }
}
