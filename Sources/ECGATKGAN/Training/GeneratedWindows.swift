internal import NeuralNetwork

/// Uses the generator in discriminator training: some windows of a batch are regenerated as G(x, y, z).
///
/// A regenerated window resembles the original but differs every time, so no window of the smallest class can be
/// memorized.
final class GeneratedWindows {
    private let generator: Generator
    private let windows = FloatBuffer(), noise = FloatBuffer(), noiseScratch = FloatBuffer()

    init(_ generator: Generator) {
        self.generator = generator
    }

    /// Replaces about `share` of `windows` (B, 280) in [0,1] by regenerated ones, rescaled to [0,1].
    func replace(
        share: Float, of windows: UnsafeMutablePointer<Float>, labels: [UInt8], batch: Int,
        using random: inout SeededGenerator
    ) {
        let length = Discriminator.windowLength
        let chosen = (0..<batch).filter { _ in random.nextUniform() < share }
        guard !chosen.isEmpty else { return }
        let own = self.windows.reserve(chosen.count * length)
        let noise = noise.reserve(chosen.count * length)
        for (place, item) in chosen.enumerated() {
            (own + place * length).update(from: windows + item * length, count: length)
        }
        GeneratorNoise.fill(noise, batch: chosen.count, using: &random, scratch: noiseScratch)
        let made = generator.forward(
            own, labels: chosen.map { labels[$0] }, noise: noise, batch: chosen.count, mode: .runningStatistics)
        for (place, item) in chosen.enumerated() {
            let window = UnsafeMutableBufferPointer(start: windows + item * length, count: length)
            _ = window.update(fromContentsOf: UnsafeBufferPointer(start: made + place * length, count: length))
            BeatDataset.scaleToUnitInterval(window)
        }
    }
}
