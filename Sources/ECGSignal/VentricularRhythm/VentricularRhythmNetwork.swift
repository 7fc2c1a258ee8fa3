import Foundation

/// The network of `VentricularRhythmDetector`: one hidden layer of 16 units, four classes.
enum VentricularRhythmNetwork {
    static let hiddenCount = 16
    /// Features are clipped at this many standard deviations.
    private static let limit: Float = 4

    /// - Returns: probabilities of VF or flutter, VT, other organised rhythm and noise, which sum to 1.
    static func probabilities(_ features: InlineArray<71, Float>) -> SIMD4<Float> {
        var sums = row(VentricularRhythmWeights.hiddenBias, 0)
        for index in features.indices {
            let mean = VentricularRhythmWeights.mean[index]
            let value = (features[index] - mean) / VentricularRhythmWeights.scale[index]
            sums += max(-limit, min(limit, value)) * row(VentricularRhythmWeights.hiddenWeights, index)
        }
        var logits = output(VentricularRhythmWeights.outputBias, 0)
        for unit in 0..<hiddenCount {
            logits += tanh(sums[unit]) * output(VentricularRhythmWeights.outputWeights, unit)
        }
        logits -= logits.max()
        let powers = SIMD4(exp(logits.x), exp(logits.y), exp(logits.z), exp(logits.w))
        return powers / powers.sum()
    }

    private static func row(_ weights: [Float], _ index: Int) -> SIMD16<Float> {
        weights.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 64 * index, as: SIMD16<Float>.self) }
    }

    private static func output(_ weights: [Float], _ index: Int) -> SIMD4<Float> {
        weights.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16 * index, as: SIMD4<Float>.self) }
    }
}
