internal import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// SAP, the smooth adversarial perturbation (Han et al. 2020, "Deep learning models for electrocardiograms are
/// susceptible to adversarial attack", Nature Medicine). The perturbation is the mean of an optimized field's
/// convolutions with Gaussians of several widths, which avoids unphysiological jumps between samples.
struct SmoothAttack {
    var epsilon: Float
    var step: Float
    var iterations: Int

    /// Taps and standard deviations, in samples, of the authors' Gaussians.
    static let gaussians: [(taps: Int, deviation: Float)] = [(5, 1), (7, 3), (11, 5), (15, 7), (19, 10)]

    /// Their mean: a single kernel, because convolution is linear. It sums to 1, so a field within epsilon gives a
    /// perturbation within epsilon.
    static let kernel: [Float] = {
        let half = (gaussians.map(\.taps).max() ?? 1) / 2
        var kernel = [Float](repeating: 0, count: 2 * half + 1)
        for (taps, deviation) in gaussians {
            let values = (-(taps / 2)...(taps / 2)).map { expf(-Float($0 * $0) / (2 * deviation * deviation)) }
            let sum = values.reduce(0, +) * Float(gaussians.count)
            for (tap, value) in values.enumerated() { kernel[half - taps / 2 + tap] += value / sum }
        }
        return kernel
    }()

    final class Scratch {
        let field = FloatBuffer(), smooth = FloatBuffer(), candidate = FloatBuffer()
        let bestMargins = FloatBuffer(), margins = FloatBuffer()
    }

    /// `start` (B, 280) holds the result of another attack, whose perturbation initializes the field; it may be
    /// `attacked`.
    func perturb(
        _ batch: AttackBatch, startingAt start: UnsafePointer<Float>, scratch: AttackScratch,
        into attacked: UnsafeMutablePointer<Float>
    ) {
        let length = AttackBatch.length
        let count = batch.sampleCount
        let own = scratch.smooth
        let field = own.field.reserve(count)
        let smooth = own.smooth.reserve(count)
        let candidate = own.candidate.reserve(count)
        let bestMargins = own.bestMargins.reserve(batch.count)
        let margins = own.margins.reserve(batch.count)
        for i in 0..<count { field[i] = start[i] - batch.windows[i] }
        for b in 0..<batch.count { bestMargins[b] = -.infinity }
        for iteration in 0...iterations {
            for b in 0..<batch.count { Self.convolve(field + b * length, into: smooth + b * length) }
            for i in 0..<count {
                let change = min(max(smooth[i], -epsilon), epsilon)
                candidate[i] = batch.clamped(batch.windows[i] + change)
            }
            if iteration == iterations {
                batch.readMargins(at: candidate, into: margins)
            } else {
                let slope = batch.slope(of: .crossEntropy, at: candidate, scratch: scratch, margins: margins)
                // With zero padding, the convolution is its own transpose.
                for b in 0..<batch.count { Self.convolve(slope + b * length, into: smooth + b * length) }
                for i in 0..<count {
                    let sign: Float = smooth[i] > 0 ? 1 : (smooth[i] < 0 ? -1 : 0)
                    field[i] = min(max(field[i] + step * sign, -epsilon), epsilon)
                }
            }
            for b in 0..<batch.count where margins[b] > bestMargins[b] {
                bestMargins[b] = margins[b]
                (attacked + b * length).update(from: candidate + b * length, count: length)
            }
        }
    }

    /// Convolves one window's 280 values with the kernel, with zero padding.
    static func convolve(_ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
        let length = AttackBatch.length
        let half = kernel.count / 2
        for i in 0..<length { target[i] = 0 }
        kernel.withUnsafeBufferPointer { kernel in
            for tap in -half...half {
                let weight = kernel[tap + half]
                for i in max(0, -tap)..<min(length, length - tap) { target[i] += weight * source[i + tap] }
            }
        }
    }
}
