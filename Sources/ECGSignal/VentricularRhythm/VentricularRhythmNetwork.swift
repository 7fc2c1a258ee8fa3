import Foundation

/// The network of `VentricularRhythmDetector`: one hidden layer, four classes.
///
/// The monitor uses `shipped`. An evaluation may put another in its place with `$inUse.withValue`, for instance one
/// that was trained without the record at hand. The weights are no part of a stream's state.
public struct VentricularRhythmNetwork: Sendable {
    public static let inputCount = 71
    public static let classCount = 4
    /// Hidden units come in multiples of this number.
    public static let hiddenStep = 16
    /// Features are clipped at this many standard deviations.
    private static let limit: Float = 4
    /// No weight, mean or standard deviation may be larger, so that no sum overflows.
    private static let maximumWeight: Float = 1e4

    private let mean: [Float]
    private let scale: [Float]
    private let hiddenWeights: [Float]
    private let hiddenBias: [Float]
    private let outputWeights: [Float]
    private let outputBias: [Float]

    /// - Parameters:
    ///   - mean: of each feature, (71).
    ///   - scale: standard deviation of each feature, (71), above 0.
    ///   - hiddenWeights: (71, units), by rows; the number of units is a multiple of 16.
    ///   - hiddenBias: (units).
    ///   - outputWeights: (units, 4), by rows: VF or flutter, VT, other organised rhythm, noise.
    ///   - outputBias: (4).
    /// - Returns: nil if a shape is wrong, or a value is not finite or beyond ±10,000.
    public init?(
        mean: [Float], scale: [Float], hiddenWeights: [Float], hiddenBias: [Float], outputWeights: [Float],
        outputBias: [Float]
    ) {
        let units = hiddenBias.count
        guard units > 0, units.isMultiple(of: Self.hiddenStep), mean.count == Self.inputCount,
            scale.count == Self.inputCount, hiddenWeights.count == Self.inputCount * units,
            outputWeights.count == units * Self.classCount, outputBias.count == Self.classCount,
            scale.allSatisfy({ $0 > 1e-6 }),
            [mean, scale, hiddenWeights, hiddenBias, outputWeights, outputBias]
                .allSatisfy({ $0.allSatisfy { abs($0) <= Self.maximumWeight } })
        else { return nil }
        self.mean = mean
        self.scale = scale
        self.hiddenWeights = hiddenWeights
        self.hiddenBias = hiddenBias
        self.outputWeights = outputWeights
        self.outputBias = outputBias
    }

    /// The network that the monitor uses.
    public static let shipped: VentricularRhythmNetwork = {
        guard
            let network = VentricularRhythmNetwork(
                mean: VentricularRhythmWeights.mean, scale: VentricularRhythmWeights.scale,
                hiddenWeights: VentricularRhythmWeights.hiddenWeights,
                hiddenBias: VentricularRhythmWeights.hiddenBias,
                outputWeights: VentricularRhythmWeights.outputWeights,
                outputBias: VentricularRhythmWeights.outputBias)
        else { preconditionFailure("the shapes of the shipped weights") }
        return network
    }()

    /// The network that detectors of this task use.
    @TaskLocal public static var inUse = shipped

    /// - Returns: probabilities of VF or flutter, VT, other organised rhythm and noise, which sum to 1.
    func probabilities(_ features: InlineArray<71, Float>) -> SIMD4<Float> {
        let blocks = hiddenBias.count / Self.hiddenStep
        var logits = SIMD4<Float>(outputBias)
        // Read through a span: reading an array in a value element by element copies it each time.
        let features = features.span
        for block in 0..<blocks {
            var sums = Self.sixteen(hiddenBias, block)
            for index in features.indices {
                let value = (features[index] - mean[index]) / scale[index]
                let weights = Self.sixteen(hiddenWeights, index * blocks + block)
                sums += max(-Self.limit, min(Self.limit, value)) * weights
            }
            for unit in 0..<Self.hiddenStep {
                logits += tanh(sums[unit]) * Self.four(outputWeights, block * Self.hiddenStep + unit)
            }
        }
        logits -= logits.max()
        let powers = SIMD4(exp(logits.x), exp(logits.y), exp(logits.z), exp(logits.w))
        return powers / powers.sum()
    }

    private static func sixteen(_ weights: [Float], _ index: Int) -> SIMD16<Float> {
        weights.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 64 * index, as: SIMD16<Float>.self) }
    }

    private static func four(_ weights: [Float], _ index: Int) -> SIMD4<Float> {
        weights.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16 * index, as: SIMD4<Float>.self) }
    }
}
