internal import CKernels
public import ECGATKGAN
internal import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// The gradient of the classifier's loss with respect to a window: the direction in which a small change of the samples
/// leads away from a class the fastest. Attacks follow it, noise does not.
///
/// It costs about as much as the classification of a window without the attack head; twice as much for a window whose
/// activations are not known.
public struct LossGradient {
    private let classifier: BeatClassifier
    private let workspace: BeatClassifier.Workspace
    /// Of windows that were classified, `signBytes` of each.
    private let signs: UnsafePointer<UInt8>?
    /// What is known of the window that is asked for.
    private var known: (signs: UnsafePointer<UInt8>, logits: SIMD4<Float>)?

    /// - Parameters:
    ///   - workspace: created by this classifier and not used by any other thread.
    ///   - signs: what `classify` wrote there of the windows that follow; it must last as long as this value.
    public init(
        _ classifier: BeatClassifier, workspace: BeatClassifier.Workspace, signs: UnsafePointer<UInt8>? = nil
    ) {
        self.classifier = classifier
        self.workspace = workspace
        self.signs = signs
    }

    /// For a window that was classified: its activations are taken from `signs`, if they were given.
    ///
    /// - Parameters:
    ///   - window: its number among those.
    ///   - classification: the classifier's answer for it.
    public func knowing(window: Int, _ classification: BeatClassification) -> LossGradient {
        var result = self
        result.known = signs.map { ($0 + window * classifier.signBytes, classification.logits) }
        return result
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
            scratch.initialize(repeating: 0)
            let logits = scratch.baseAddress!
            let slopes = logits + heads
            if let known {
                for i in 0..<Discriminator.classCount { logits[i] = known.logits[i] }
            } else {
                workspace.signs.withUnsafeMutableBufferPointer {
                    classifier.answer(
                        classifier.trunk, to: window, buffers: workspace.trunk, workspace, logits: logits,
                        signs: $0.baseAddress)
                }
            }
            Self.slopes(logits, of: Int(beatClass.rawValue), count: heads, into: slopes)
            let output = workspace.outputGradient.reserve(layers.map { $0.outputCount }.max() ?? 0)
            classifier.trunk.transposedHeads.multiply(
                left: slopes, rowCount: 1, rowStride: heads, result: output,
                resultStride: classifier.trunk.featureCount)
        }
        workspace.signs.withUnsafeBufferPointer { own in
            guard let signs = known?.signs ?? own.baseAddress else { return }
            var place = signs + classifier.signBytes
            for index in layers.indices.reversed() {
                place -= layers[index].signBytes
                passBack(index, place)
            }
        }
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
    ///
    /// - Parameter signs: of its activations.
    private func passBack(_ index: Int, _ signs: UnsafePointer<UInt8>) {
        let layers = classifier.trunk.layers
        let layer = layers[index]
        let convolution = layer.convolution
        let inputCount = convolution.inputLength * convolution.inputChannels
        let incoming = workspace.outputGradient.pointer
        let slopes = workspace.slopes.reserve(layers.map { $0.outputCount }.max() ?? 0)
        ck_leaky_backward(Int32(layer.outputCount), signs, Discriminator.leakySlope, incoming, slopes)
        let gradient = convolution.backward(slopes, scratch: workspace.scratch.pointer)
        if layer.isResidual {
            for i in 0..<inputCount { incoming[i] += gradient[i] }
        } else {
            workspace.outputGradient.reserve(inputCount).update(from: gradient, count: inputCount)
        }
    }
}
