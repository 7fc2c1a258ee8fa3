internal import NeuralNetwork

/// How closely the generator's windows resemble its inputs: a row of Table 2 (section 3.3).
public struct GeneratorEvaluation: Sendable, Equatable {
    /// Means over the windows of G(x', y, z) against its input x', attacked or not.
    public private(set) var toInput = SignalSimilarity()
    /// Means of G(x', y, z) against the clean window; the same as `toInput` if there was no attack.
    public private(set) var toClean = SignalSimilarity()
    public private(set) var count = 0

    /// Generates a window from each one of `data`, cropped to its middle 280 samples and scaled, with fresh noise and
    /// its true class; the normalizations use their running statistics.
    ///
    /// - Parameters:
    ///   - attack: applied to each window first, against the given network.
    ///   - seed: of the noise and the attack.
    ///   - progress: called with the number of windows done.
    public init(
        _ data: BeatDataset, by generator: Generator, attack: (attack: WindowAttack, network: any BeatNetwork)? = nil,
        seed: UInt64 = 1, progress: (Int) -> Void = { _ in }
    ) {
        let length = Discriminator.windowLength
        let batch = 64
        let evaluated = EvaluationWindows(data)
        let attacked = FloatBuffer(count: batch * length)
        let noise = FloatBuffer(count: batch * length)
        let noiseScratch = FloatBuffer()
        let scratch = AttackScratch()
        var random = SeededGenerator(seed: seed)
        for start in stride(from: 0, to: evaluated.count, by: batch) {
            let size = min(batch, evaluated.count - start)
            let labels = Array(evaluated.labels[start..<(start + size)])
            evaluated.values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                let clean = base + start * length
                attacked.pointer.update(from: clean, count: size * length)
                if let attack {
                    attack.attack.perturb(
                        clean, labels: labels, batch: size, against: attack.network, using: &random, scratch: scratch,
                        into: attacked.pointer)
                }
                GeneratorNoise.fill(noise.pointer, batch: size, using: &random, scratch: noiseScratch)
                let generated = generator.forward(
                    attacked.pointer, labels: labels, noise: noise.pointer, batch: size, mode: .runningStatistics)
                for item in 0..<size {
                    let own = generated + item * length
                    count += 1
                    toInput.average(
                        in: SignalSimilarity(of: own, with: attacked.pointer + item * length, count: length),
                        number: count)
                    toClean.average(
                        in: SignalSimilarity(of: own, with: clean + item * length, count: length), number: count)
                }
            }
            progress(start + size)
        }
    }
}
