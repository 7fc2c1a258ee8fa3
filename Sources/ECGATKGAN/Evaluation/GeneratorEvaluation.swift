internal import NeuralNetwork

/// How like the generator's windows are to the ones that it was given: a row of Table 2 (section 3.3).
public struct GeneratorEvaluation: Sendable, Equatable {
    /// Means over the windows of G(x', y, z) against x', the window that it was given, attacked or not.
    public private(set) var toInput = SignalSimilarity()
    /// Means of G(x', y, z) against the clean window; the same where no attack was made.
    public private(set) var toClean = SignalSimilarity()
    public private(set) var count = 0

    /// Generates a window for every one of `data` (which is cut to its middle 280 samples and scaled) from fresh noise
    /// and its true class, the normalisations on their running statistics.
    ///
    /// - Parameters:
    ///   - attack: made on each window first, against the given network.
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
