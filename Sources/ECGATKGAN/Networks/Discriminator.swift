public import NeuralNetwork

/// The paper's discriminator (section 2.2), or another of the same family: convolutions with batch normalization and
/// LeakyReLU, and three heads: class, "attacked", and "real rather than generated".
///
/// Input: windows (B, 280) in [0,1]. This is the trainable form, with forward and backward passes; `BeatClassifier`
/// is the deployed form.
public final class Discriminator: BeatNetwork {
    public static let classCount = 4
    /// As in the authors' published code; the paper does not state it.
    public static let leakySlope: Float = 0.2

    public let architecture: DiscriminatorArchitecture
    public let store: ParameterStore
    private let trunk: ConvolutionStack
    /// The attack head's own convolutions, if the architecture has them.
    private let attackBranch: ConvolutionStack?
    private let classHead: Dense, attackHead: Dense, realHead: Dense
    private let trunkGradient = FloatBuffer(), branchGradient = FloatBuffer()

    public var architectureIdentifier: String { architecture.identifier }

    /// A new network, initialized from `seed`.
    public convenience init(_ architecture: DiscriminatorArchitecture = .paper, seed: UInt64) {
        let store = ParameterStore()
        self.init(architecture, in: store)
        store.seal()
        var generator = SeededGenerator(seed: seed)
        trunk.initialize(using: &generator)
        for head in [classHead, attackHead, realHead] { head.initialize(using: &generator) }
        attackBranch?.initialize(using: &generator)
        weightsChanged()
    }

    /// A network with its own activations and the weights of `store`, for another thread.
    public convenience init(_ architecture: DiscriminatorArchitecture = .paper, sharing store: ParameterStore) {
        self.init(architecture, in: store)
        weightsChanged()
    }

    public func replica() -> Discriminator { Discriminator(architecture, sharing: store) }

    private init(_ architecture: DiscriminatorArchitecture, in store: ParameterStore) {
        self.architecture = architecture
        self.store = store
        trunk = ConvolutionStack(architecture.blocks, in: store)
        attackBranch =
            architecture.attackBlocks.isEmpty ? nil : ConvolutionStack(architecture.attackBlocks, in: store)
        classHead = Dense("class", in: store, inputs: trunk.outputCount, outputs: Self.classCount)
        attackHead = Dense("attack", in: store, inputs: (attackBranch ?? trunk).outputCount, outputs: 1)
        realHead = Dense("real", in: store, inputs: trunk.outputCount, outputs: 1)
    }

    public func weightsChanged() {
        trunk.weightsChanged()
        attackBranch?.weightsChanged()
    }

    public func updateRunningStatistics() {
        trunk.updateRunningStatistics()
        attackBranch?.updateRunningStatistics()
    }

    /// Whether a pass computes the attack head; if not, its logits must not be read.
    public var computesAttackHead = true
    /// Trains only the attack head and its branch: everything else uses running statistics and receives no gradient.
    public var trainsAttackBranchAlone = false {
        didSet {
            precondition(!trainsAttackBranchAlone || attackBranch != nil, "the attack head has no branch of its own")
        }
    }

    /// Whether an optimizer updates a tensor under the current settings.
    public func isTrained(_ tensor: ParameterTensor) -> Bool {
        !trainsAttackBranchAlone || tensor.name.hasPrefix("attack")
    }

    /// Adds constants to the class logits through their bias: this moves the decision boundaries and changes nothing
    /// else.
    public func addToLogits(_ additions: [(BeatClass, Float)]) {
        for (beatClass, addition) in additions {
            store.pointer(to: classHead.bias)[Int(beatClass.rawValue)] += addition
        }
    }

    /// `windows` (B, 280) must stay valid and unchanged until `backward`.
    public func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput {
        let features = trunk.forward(
            windows, batch: batch, mode: trainsAttackBranchAlone ? .runningStatistics : mode)
        var attackLogits: UnsafeMutablePointer<Float>?
        if computesAttackHead {
            let attackFeatures = attackBranch?.forward(windows, batch: batch, mode: mode) ?? features
            attackLogits = attackHead.forward(attackFeatures, batch: batch)
        }
        return NetworkOutput(
            classLogits: classHead.forward(features, batch: batch), attackLogits: attackLogits,
            realLogits: realHead.forward(features, batch: batch))
    }

    @discardableResult
    public func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>? = nil,
        realGradient: UnsafePointer<Float>? = nil, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool = true
    ) -> UnsafeMutablePointer<Float> {
        if trainsAttackBranchAlone, gradients != nil {
            guard let attackBranch, let attackGradient else { preconditionFailure("only the attack head is trained") }
            return backward(
                attackGradient, through: attackBranch, batch: batch, gradients: gradients, needsInputGradient)
        }
        let features = trunkGradient.reserve(batch * trunk.outputCount)
        features.update(repeating: 0, count: batch * trunk.outputCount)
        let sharedAttack = attackBranch == nil ? attackGradient : nil
        for (head, gradient) in [(classHead, classGradient), (attackHead, sharedAttack), (realHead, realGradient)] {
            guard let gradient else { continue }
            head.backward(gradient, batch: batch, inputGradient: features, gradients: gradients)
        }
        let windowGradient = trunk.backward(
            features, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient)
        if let attackBranch, let attackGradient {
            let added = backward(
                attackGradient, through: attackBranch, batch: batch, gradients: gradients, needsInputGradient)
            if needsInputGradient {
                for i in 0..<(batch * Self.windowLength) { windowGradient[i] += added[i] }
            }
        }
        return windowGradient
    }

    private func backward(
        _ attackGradient: UnsafePointer<Float>, through attackBranch: ConvolutionStack, batch: Int,
        gradients: UnsafeMutablePointer<Float>?, _ needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        let features = branchGradient.reserve(batch * attackBranch.outputCount)
        features.update(repeating: 0, count: batch * attackBranch.outputCount)
        attackHead.backward(attackGradient, batch: batch, inputGradient: features, gradients: gradients)
        return attackBranch.backward(
            features, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient)
    }
}
