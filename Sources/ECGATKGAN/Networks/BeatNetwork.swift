public import NeuralNetwork

/// A differentiable network that classifies beat windows, used by training, attacks and evaluation.
///
/// Input: windows (B, 280) in [0,1]. A network must be used by one thread only; `replica()` creates one for another
/// thread, with its own activations and the same weights.
public protocol BeatNetwork: AnyObject {
    /// Identifies the layers and the tensor names in a weights file.
    var architectureIdentifier: String { get }
    var store: ParameterStore { get }

    /// Computes the logits of the heads, valid until the next call.
    func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput

    /// Converts gradients of the loss with respect to the heads' logits into the gradient of the windows, (B, 280),
    /// valid until the next call.
    ///
    /// Heads whose gradient is `nil` are ignored. Parameter gradients are added to `gradients` (with the store's
    /// layout) if it is given.
    @discardableResult
    func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>?,
        realGradient: UnsafePointer<Float>?, gradients: UnsafeMutablePointer<Float>?, needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float>

    /// Call after changing the weights in the store.
    func weightsChanged()

    /// Updates the normalizations' running statistics with those of the last forward pass on batch statistics.
    func updateRunningStatistics()

    /// A network with its own activations and the same weights.
    func replica() -> Self

    /// Whether a pass computes the attack head, if there is one; attacks on the class alone skip it.
    var computesAttackHead: Bool { get set }
}

extension BeatNetwork {
    /// Default for a network without an attack head, which has nothing to skip.
    public var computesAttackHead: Bool {
        get { false }
        set {}
    }
}

/// The logits of one pass, valid until the next.
public struct NetworkOutput {
    /// (B, 4) in the order N, S, V, F.
    public let classLogits: UnsafeMutablePointer<Float>
    /// (B): positive means attacked; `nil` if the network has no such head.
    public let attackLogits: UnsafeMutablePointer<Float>?
    /// (B): positive means real, negative generated; `nil` if the network has no such head.
    public let realLogits: UnsafeMutablePointer<Float>?

    public init(
        classLogits: UnsafeMutablePointer<Float>, attackLogits: UnsafeMutablePointer<Float>? = nil,
        realLogits: UnsafeMutablePointer<Float>? = nil
    ) {
        self.classLogits = classLogits
        self.attackLogits = attackLogits
        self.realLogits = realLogits
    }
}

extension BeatNetwork {
    /// The gradient of the windows alone, through the class head alone, as an attack on the class needs it.
    func inputGradient(batch: Int, classGradient: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
        backward(
            batch: batch, classGradient: classGradient, attackGradient: nil, realGradient: nil, gradients: nil,
            needsInputGradient: true)
    }
}
