import Foundation

/// Logistic regression on the features of `AtrialFibrillationFeatures` and their squares.
enum AtrialFibrillationModel {
    /// Features are clipped at this many standard deviations.
    static let limit: Float = 4

    /// Probability of atrial fibrillation, 0 ... 1, where both answers are equally frequent.
    static func probability(_ features: InlineArray<14, Float>) -> Float {
        var logit = AtrialFibrillationWeights.bias
        for index in features.indices {
            let difference = features[index] - AtrialFibrillationWeights.mean[index]
            let clipped = max(-limit, min(limit, difference / AtrialFibrillationWeights.scale[index]))
            logit += clipped * AtrialFibrillationWeights.linear[index]
            logit += clipped * clipped * AtrialFibrillationWeights.square[index]
        }
        return 1 / (1 + exp(-logit))
    }
}
