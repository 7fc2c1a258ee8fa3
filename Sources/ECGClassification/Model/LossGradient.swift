public import ECGATKGAN
internal import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// The gradient of the classifier's loss with respect to a window: the direction in which a small change of the samples
/// leads away from a class the fastest. Attacks follow it, noise does not.
///
/// It costs about as much as the classification of a window without the attack head.
public struct LossGradient {
    private let classifier: BeatClassifier
    private let workspace: BeatClassifier.Workspace

    /// - Parameter workspace: created by this classifier and not used by any other thread.
    public init(_ classifier: BeatClassifier, workspace: BeatClassifier.Workspace) {
        self.classifier = classifier
        self.workspace = workspace
    }

    /// - Parameters:
    ///   - window: 280 values in [0,1].
    ///   - beatClass: the class that the loss speaks of.
    ///   - gradient: 280 values, overwritten: the gradient of the cross-entropy, divided by the probability of all
    ///     other classes together, so that it does not vanish where the network is sure.
    public func at(
        _ window: UnsafePointer<Float>, of beatClass: BeatClass, into gradient: UnsafeMutablePointer<Float>
    ) {
        let layers = classifier.trunk.layers
        let heads = classifier.trunk.headShift.count
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * heads) { scratch in
            let logits = scratch.baseAddress!
            let slopes = logits + heads
            classifier.answer(classifier.trunk, to: window, buffers: workspace.trunk, logits: logits)
            Self.slopes(logits, of: Int(beatClass.rawValue), count: heads, into: slopes)
            let output = workspace.outputGradient.reserve(layers.map { $0.outputLength * $0.features }.max() ?? 0)
            classifier.trunk.transposedHeads.multiply(
                left: slopes, rowCount: 1, rowStride: heads, result: output,
                resultStride: classifier.trunk.featureCount)
        }
        for index in layers.indices.reversed() { passBack(index) }
        gradient.update(from: workspace.outputGradient.pointer, count: Discriminator.windowLength)
    }

    /// Derivatives of the loss with respect to the class logits; any further head has none.
    private static func slopes(
        _ logits: UnsafePointer<Float>, of own: Int, count: Int, into slopes: UnsafeMutablePointer<Float>
    ) {
        var greatest = -Float.infinity
        for i in 0..<Discriminator.classCount where i != own { greatest = max(greatest, logits[i]) }
        var sum: Float = 0
        for i in 0..<count {
            slopes[i] = i == own || i >= Discriminator.classCount ? 0 : expf(logits[i] - greatest)
            sum += slopes[i]
        }
        for i in 0..<count { slopes[i] /= sum }
        slopes[own] = -1
    }

    /// Turns the gradient with respect to a layer's output into that with respect to its input, in place.
    private func passBack(_ index: Int) {
        let layers = classifier.trunk.layers
        let layer = layers[index]
        let buffers = workspace.trunk
        let padding = layer.leftPadding * layer.channels
        let input = buffers.inputs[index].pointer + padding
        let output =
            index + 1 < layers.count
            ? buffers.inputs[index + 1].pointer + layers[index + 1].leftPadding * layer.features
            : buffers.features.pointer
        let outputCount = layer.outputLength * layer.features
        let inputCount = (index == 0 ? Discriminator.windowLength : layers[index - 1].outputLength) * layer.channels
        let padded = workspace.inputGradient.reserve(layers.map { $0.paddedLength * $0.channels }.max() ?? 0)
        padded.update(repeating: 0, count: layer.paddedLength * layer.channels)
        let incoming = workspace.outputGradient.pointer
        withUnsafeTemporaryAllocation(of: Float.self, capacity: outputCount) { slopes in
            for i in 0..<outputCount {
                let activation = layer.isResidual ? output[i] - input[i] : output[i]
                slopes[i] = incoming[i] * (activation > 0 ? 1 : Discriminator.leakySlope)
            }
            layer.transposed.multiply(
                left: slopes.baseAddress!, rowCount: layer.outputLength, rowStride: layer.features, result: padded,
                resultStride: layer.stride * layer.channels, accumulating: true)
        }
        if layer.isResidual {
            for i in 0..<inputCount { incoming[i] += padded[padding + i] }
        } else {
            let outgoing = workspace.outputGradient.reserve(inputCount)
            outgoing.update(from: padded + padding, count: inputCount)
        }
    }
}
