public import NeuralNetwork

/// A beat window classifier with a class head only, built from a list of layers: the systems that the paper compares
/// with.
///
/// Input: windows (B, 280) in [0,1]; output: four logits in the order N, S, V, F.
public final class SequentialNetwork: BeatNetwork {
    /// Name and layers.
    public struct Architecture: Sendable, Equatable {
        public let identifier: String
        let layers: [LayerDescription]

        init(identifier: String, layers: [LayerDescription]) {
            self.identifier = identifier
            self.layers = layers
        }

        /// All architectures known to this build.
        public static let known = [kachuee2018, acharya2017, shaker2020]
    }

    public let architecture: Architecture
    public let store: ParameterStore
    private let layers: LayerSequence
    private let gradient = FloatBuffer()

    public var architectureIdentifier: String { architecture.identifier }

    /// A new network, initialized from `seed`.
    public convenience init(_ architecture: Architecture, seed: UInt64) {
        let store = ParameterStore()
        self.init(architecture, in: store)
        store.seal()
        var generator = SeededGenerator(seed: seed)
        layers.initialize(using: &generator)
        weightsChanged()
    }

    public func replica() -> SequentialNetwork {
        let replica = SequentialNetwork(architecture, in: store)
        replica.weightsChanged()
        return replica
    }

    private init(_ architecture: Architecture, in store: ParameterStore) {
        self.architecture = architecture
        self.store = store
        layers = LayerSequence(
            architecture.layers, input: LayerShape(length: Discriminator.windowLength, channels: 1), in: store)
        precondition(layers.output.count == Discriminator.classCount)
    }

    public func weightsChanged() { layers.weightsChanged() }

    public func updateRunningStatistics() { layers.updateRunningStatistics() }

    /// `windows` (B, 280) must stay valid and unchanged until `backward`.
    public func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput {
        NetworkOutput(classLogits: layers.forward(windows, batch: batch, mode: mode))
    }

    /// The gradients of heads that the network lacks must be nil.
    @discardableResult
    public func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>? = nil,
        realGradient: UnsafePointer<Float>? = nil, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool = true
    ) -> UnsafeMutablePointer<Float> {
        precondition(attackGradient == nil && realGradient == nil, "\(architectureIdentifier) has one head")
        let count = batch * Discriminator.classCount
        let gradient = self.gradient.reserve(count)
        if let classGradient {
            gradient.update(from: classGradient, count: count)
        } else {
            gradient.update(repeating: 0, count: count)
        }
        return layers.backward(gradient, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient)
    }
}
