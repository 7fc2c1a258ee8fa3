public import NeuralNetwork

/// A differentiable network that classifies beat windows: what training, attacks and evaluation work with.
///
/// Input (B, 280) windows in [0,1]. One network belongs to one thread; `replica()` gives another thread its own
/// activations on the same weights.
public protocol BeatNetwork: AnyObject {
    /// Identifies the layers and the tensor names in a weights file.
    var architectureIdentifier: String { get }
    var store: ParameterStore { get }

    /// The logits of the heads, valid until the next call.
    func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput

    /// Gradients of the loss with respect to the heads' logits -> gradient of the windows, (B, 280), valid until the
    /// next call.
    ///
    /// Heads left `nil` take no part. Parameter gradients are added to `gradients` (laid out as the store) where it is
    /// given.
    @discardableResult
    func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>?,
        realGradient: UnsafePointer<Float>?, gradients: UnsafeMutablePointer<Float>?, needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float>

    /// To be called after the weights in the store were changed.
    func weightsChanged()

    /// Moves the running statistics of the normalisations by those of the last forward pass on batch statistics.
    func updateRunningStatistics()

    /// A network with activations of its own on the same weights.
    func replica() -> Self

    /// Whether a pass works out the attack head, where the network has one: attacks on the class alone spare it.
    var computesAttackHead: Bool { get set }
}

extension BeatNetwork {
    /// A network without an attack head has nothing to spare.
    public var computesAttackHead: Bool {
        get { false }
        set {}
    }
}

/// The logits that one pass gives, valid until the next.
public struct NetworkOutput {
    /// (B, 4) in the order N, S, V, F.
    public let classLogits: UnsafeMutablePointer<Float>
    /// (B): positive means attacked; `nil` where the network has no such head.
    public let attackLogits: UnsafeMutablePointer<Float>?
    /// (B): positive means real, negative made by the generator; `nil` where the network has no such head.
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
    /// The gradient of the windows alone, from the class head alone: what an attack on the class needs.
    func inputGradient(batch: Int, classGradient: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
        backward(
            batch: batch, classGradient: classGradient, attackGradient: nil, realGradient: nil, gradients: nil,
            needsInputGradient: true)
    }
}
