/// How generator and discriminator are trained against each other (sections 2.3 and 3.2).
public struct GANRecipe: Sendable, Equatable, Codable {
    /// Which window the generator is to reproduce (E_x of Eq. 9).
    public enum ReconstructionTarget: String, Sendable, Codable {
        /// The one it was given, attacked or not: what Table 2 measures.
        case input
        /// The clean one, also where it was given its attacked copy: Eq. 9 by its letters.
        case clean
    }

    public var epochs = 100
    /// Windows in a step, clean and attacked ones mixed.
    public var batch = 64
    /// Shards of a batch that run side by side. Each normalises by its own statistics, so the weights depend on the
    /// number.
    public var threads = 1
    public var learningRate: Float = 2e-4
    public var beta1: Float = 0.5
    public var beta2: Float = 0.999
    public var seed: UInt64 = 1
    /// Lambda of the cross-entropy (Eq. 8), in the discriminator's loss.
    public var classWeight: Float = 10
    /// Lambda of the cross-entropy that the frozen discriminator gives the generator (Eq. 11 takes the minimum over
    /// both).
    public var generatorClassWeight: Float = 10
    /// Lambda of the reconstruction's mean squared error (Eq. 9).
    public var reconstructionWeight: Float = 1
    /// Lambda of the attack head's mean absolute error (Eq. 10).
    public var attackWeight: Float = 10
    public var reconstructionTarget = ReconstructionTarget.input
    /// Epochs at the end in which the learning rate falls to nothing, in a straight line; the paper has none.
    public var decayEpochs = 0
    /// Epochs at the end in which the generator normalises by its running statistics, as it will when it is used,
    /// rather than by the batch's: what it makes of one window then no longer depends on the others. The paper has
    /// none.
    public var frozenStatisticsEpochs = 0

    /// The paper's settings.
    public init() {}
}

/// The terms of the loss, averaged over the steps of an epoch so far; without their weights.
public struct GANLosses: Sendable, Equatable {
    /// Least-squares loss of the discriminator: the mean of its terms for real and generated windows (Eq. 7).
    public var discriminatorAdversarial = 0.0
    /// Cross-entropy of the discriminator, the mean over real and generated windows (Eq. 8).
    public var classification = 0.0
    /// Mean absolute error of the attack head, the mean over real and generated windows (Eq. 10).
    public var attack = 0.0
    /// Least-squares loss of the generator.
    public var generatorAdversarial = 0.0
    /// Cross-entropy of the frozen discriminator on generated windows.
    public var generatorClassification = 0.0
    /// Mean squared error of the reconstruction (Eq. 9).
    public var reconstruction = 0.0
    public var steps = 0

    public init() {}

    static let terms: [(name: String, path: any WritableKeyPath<GANLosses, Double> & Sendable)] = [
        ("adv D", \.discriminatorAdversarial), ("class", \.classification), ("attack", \.attack),
        ("adv G", \.generatorAdversarial), ("class G", \.generatorClassification), ("mse", \.reconstruction),
    ]

    /// - Parameter values: in the order of `terms`.
    init(_ values: [Double], steps: Int) {
        for (term, value) in zip(Self.terms, values) { self[keyPath: term.path] = value }
        self.steps = steps
    }

    /// Adds `share` times the terms of a part of a batch.
    mutating func accumulate(_ part: GANLosses, share: Double) {
        for term in Self.terms { self[keyPath: term.path] += share * part[keyPath: term.path] }
    }
}
