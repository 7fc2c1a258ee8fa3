public import NeuralNetwork

/// The paper's discriminator (section 2.2): three Des blocks (convolution k3 s1, batch normalisation, leaky rectifier), each
/// followed by a downsampling block (k3 s2), of 16, 32 and 128 features, and three heads on the flattened last map.
///
/// Input (B, 280) windows in [0,1]. The heads give logits: four classes, "attacked", "real rather than generated".
/// It is the trainable form, with forward and backward; `BeatClassifier` is the one that is deployed.
public final class Discriminator {
    /// Identifies the layers and the tensor names in a weights file.
    public static let architecture = "ecg-atk-gan-discriminator-1"
    public static let windowLength = 280
    public static let classCount = 4
    /// As in the authors' published code; the paper does not say.
    public static let leakySlope: Float = 0.2

    /// Convolutions in order: name, features, stride.
    static let blocks: [(name: String, features: Int, stride: Int)] = [
        ("des1", 16, 1), ("down1", 16, 2), ("des2", 32, 1), ("down2", 32, 2), ("des3", 128, 1), ("down3", 128, 2),
    ]
    public static let flattenedLength = 35 * 128

    public let store: ParameterStore
    private let convolutions: [Convolution1D]
    private let normalizations: [BatchNormalization]
    private let classHead: Dense, attackHead: Dense, realHead: Dense
    private let flattenedGradient = FloatBuffer()

    /// What one pass gives, valid until the next: logits of the heads.
    public struct Output {
        /// (B, 4) in the order N, S, V, F.
        public let classLogits: UnsafeMutablePointer<Float>
        /// (B): positive means attacked.
        public let attackLogits: UnsafeMutablePointer<Float>
        /// (B): positive means real, negative made by the generator.
        public let realLogits: UnsafeMutablePointer<Float>
    }

    /// A new network, initialised from `seed`.
    public convenience init(seed: UInt64) {
        let store = ParameterStore()
        self.init(in: store)
        store.seal()
        var generator = SeededGenerator(seed: seed)
        for convolution in convolutions { convolution.initialize(using: &generator) }
        for normalization in normalizations { normalization.initialize() }
        for head in [classHead, attackHead, realHead] { head.initialize(using: &generator) }
        weightsChanged()
    }

    /// A replica with activations of its own on the same weights, for another thread.
    public convenience init(sharing store: ParameterStore) {
        self.init(in: store)
        weightsChanged()
    }

    private init(in store: ParameterStore) {
        self.store = store
        var convolutions: [Convolution1D] = [], normalizations: [BatchNormalization] = []
        var length = Self.windowLength, channels = 1
        for block in Self.blocks {
            let convolution = Convolution1D(
                block.name + ".convolution", in: store, inputLength: length, inputChannels: channels,
                outputChannels: block.features, kernelSize: 3, stride: block.stride, hasBias: false)
            length = convolution.outputLength
            channels = block.features
            convolutions.append(convolution)
            normalizations.append(
                BatchNormalization(
                    block.name + ".normalization", in: store, length: length, channels: channels,
                    slope: Self.leakySlope))
        }
        self.convolutions = convolutions
        self.normalizations = normalizations
        classHead = Dense("class", in: store, inputs: Self.flattenedLength, outputs: Self.classCount)
        attackHead = Dense("attack", in: store, inputs: Self.flattenedLength, outputs: 1)
        realHead = Dense("real", in: store, inputs: Self.flattenedLength, outputs: 1)
    }

    /// To be called after the weights in the store were changed.
    public func weightsChanged() {
        for convolution in convolutions { convolution.weightsChanged() }
    }

    /// Weight of a batch in the running statistics of the normalisations.
    public var normalizationMomentum: Float = 0.02 {
        didSet { for normalization in normalizations { normalization.momentum = normalizationMomentum } }
    }

    /// `windows` (B, 280).
    public func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> Output {
        var current = UnsafePointer(windows)
        for (convolution, normalization) in zip(convolutions, normalizations) {
            let features = convolution.forward(current, batch: batch)
            current = UnsafePointer(normalization.forward(features, batch: batch, mode: mode))
        }
        return Output(
            classLogits: classHead.forward(current, batch: batch),
            attackLogits: attackHead.forward(current, batch: batch),
            realLogits: realHead.forward(current, batch: batch))
    }

    /// Gradients of the loss with respect to the heads' logits -> gradient of the windows, (B, 280), valid until the next call.
    ///
    /// Heads left `nil` take no part. Parameter gradients are added to `gradients` (laid out as the store) where it is given.
    @discardableResult
    public func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>? = nil,
        realGradient: UnsafePointer<Float>? = nil, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool = true
    ) -> UnsafeMutablePointer<Float> {
        var current = flattenedGradient.reserve(batch * Self.flattenedLength)
        current.update(repeating: 0, count: batch * Self.flattenedLength)
        for (head, gradient) in [(classHead, classGradient), (attackHead, attackGradient), (realHead, realGradient)] {
            guard let gradient else { continue }
            head.backward(gradient, batch: batch, inputGradient: current, gradients: gradients)
        }
        for (index, (convolution, normalization)) in zip(convolutions, normalizations).enumerated().reversed() {
            normalization.backward(current, batch: batch, gradients: gradients)
            current = convolution.backward(
                current, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient || index > 0)
        }
        return current
    }
}
