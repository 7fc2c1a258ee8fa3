public import ECGATKGAN
public import NeuralNetwork

/// The contextual classifier's output as a function of the window alone, each window in the context of its own beat.
/// Attacks on the deployed classifier use it.
///
/// RR history, beat templates, the next beat and the window's range in mV are fixed; the discriminator's logits and
/// all morphology features vary with the window. The gradient is that of the stage whose result is final for the
/// window.
public final class ContextualizedNetwork: BeatNetwork {
    private let discriminator: any BeatNetwork
    private let contextual: ContextualClassifier
    /// Contexts of the windows in the next passes, in the same order.
    public var contexts: [BeatContext] = []

    private let logits = FloatBuffer(), windowLogits = FloatBuffer(), logitGradient = FloatBuffer()
    private let gradient = FloatBuffer()
    private var windows: UnsafePointer<Float>?

    public init(_ discriminator: any BeatNetwork, contextual: ContextualClassifier) {
        self.discriminator = discriminator
        self.contextual = contextual
    }

    public var architectureIdentifier: String { discriminator.architectureIdentifier }
    public var store: ParameterStore { discriminator.store }
    public func weightsChanged() { discriminator.weightsChanged() }
    public func updateRunningStatistics() { discriminator.updateRunningStatistics() }
    public func replica() -> ContextualizedNetwork {
        ContextualizedNetwork(discriminator.replica(), contextual: contextual)
    }
    public var computesAttackHead: Bool {
        get { discriminator.computesAttackHead }
        set { discriminator.computesAttackHead = newValue }
    }

    /// - Parameter batch: at most the number of contexts.
    public func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput {
        precondition(batch <= contexts.count, "each window has its context")
        self.windows = windows
        let classes = Discriminator.classCount
        let output = discriminator.forward(windows, batch: batch, mode: mode)
        let own = windowLogits.reserve(batch * classes)
        own.update(from: output.classLogits, count: batch * classes)
        let joined = logits.reserve(batch * classes)
        for b in 0..<batch {
            let morphology = BeatMorphology(
                window: windows + b * Discriminator.windowLength, range: contexts[b].windowRange)
            let features = Self.features(morphology, Self.row(own, b), contexts[b])
            let answer = features.withUnsafeBufferPointer { contextual.logits(ofFeatures: $0.baseAddress!).logits }
            for c in 0..<classes { joined[b * classes + c] = answer[c] }
        }
        return NetworkOutput(
            classLogits: joined, attackLogits: output.attackLogits, realLogits: output.realLogits)
    }

    /// The contextual classifier's parameters are not trained here: `gradients` receives only the discriminator's.
    @discardableResult
    public func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>?,
        realGradient: UnsafePointer<Float>?, gradients: UnsafeMutablePointer<Float>?, needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        guard let windows else { preconditionFailure("backward before forward") }
        let classes = Discriminator.classCount
        let length = Discriminator.windowLength
        let own = windowLogits.pointer
        let discriminated = logitGradient.reserve(batch * classes)
        let result = gradient.reserve(batch * length)
        result.update(repeating: 0, count: batch * length)
        if let classGradient {
            for b in 0..<batch {
                let context = contexts[b]
                let windowLogits = Self.row(own, b)
                let morphology = BeatMorphology(window: windows + b * length, range: context.windowRange)
                let features = Self.features(morphology, windowLogits, context)
                let featureGradient = features.withUnsafeBufferPointer {
                    contextual.featureGradient(Self.row(classGradient, b), features: $0.baseAddress!)
                }
                var pulled = ContextualFeatures.pullBack(
                    featureGradient, morphology, logits: windowLogits, context: context)
                ContextualFeatures.addNextGradient(
                    featureGradient[ContextualFeatures.count...],
                    PendingContext(morphology: morphology, context: context),
                    next: context.next,
                    into: &pulled.morphology)
                pulled.morphology.addWindowGradient(range: context.windowRange, into: result + b * length)
                for c in 0..<classes { discriminated[b * classes + c] = pulled.logits[c] }
            }
        }
        let through = discriminator.backward(
            batch: batch, classGradient: classGradient == nil ? nil : UnsafePointer(discriminated),
            attackGradient: attackGradient, realGradient: realGradient, gradients: gradients,
            needsInputGradient: needsInputGradient)
        if needsInputGradient {
            for i in 0..<(batch * length) { result[i] += through[i] }
        }
        return result
    }

    /// All features, as the second stage takes them.
    private static func features(_ morphology: BeatMorphology, _ logits: SIMD4<Float>, _ context: BeatContext)
        -> [Float]
    {
        ContextualFeatures.values(morphology, logits: logits, context: context)
            + ContextualFeatures.nextValues(
                PendingContext(morphology: morphology, context: context), next: context.next)
    }

    private static func row(_ rows: UnsafePointer<Float>, _ b: Int) -> SIMD4<Float> {
        let row = rows + b * Discriminator.classCount
        return SIMD4(row[0], row[1], row[2], row[3])
    }
}
