/// How the generator and discriminator are trained against each other (sections 2.3 and 3.2).
public struct GANRecipe: Sendable, Equatable, Codable {
    /// The window that the generator should reproduce (E_x of Eq. 9).
    public enum ReconstructionTarget: String, Sendable, Codable {
        /// Its input, attacked or not, as Table 2 measures.
        case input
        /// The clean window, even if the input is its adversarial example: Eq. 9 taken literally.
        case clean
    }

    public var epochs = 100
    /// Windows per step, clean and adversarial mixed.
    public var batch = 64
    /// Shards of a batch that run in parallel. Each normalizes by its own batch statistics, so the weights depend on
    /// this number.
    public var threads = 1
    public var learningRate: Float = 2e-4
    public var beta1: Float = 0.5
    public var beta2: Float = 0.999
    public var seed: UInt64 = 1
    /// Lambda of the cross-entropy (Eq. 8) in the discriminator's loss.
    public var classWeight: Float = 10
    /// Lambda of the cross-entropy from the frozen discriminator in the generator's loss (Eq. 11 minimizes over
    /// both).
    public var generatorClassWeight: Float = 10
    /// Lambda of the reconstruction's mean squared error (Eq. 9).
    public var reconstructionWeight: Float = 1
    /// Lambda of the attack head's mean absolute error (Eq. 10).
    public var attackWeight: Float = 10
    public var reconstructionTarget = ReconstructionTarget.input
    /// Number of final epochs over which the learning rate decays linearly to zero; not in the paper.
    public var decayEpochs = 0
    /// Number of final epochs in which the generator normalizes by its running statistics, as in use, rather than by
    /// batch statistics, so that its output for a window does not depend on the rest of the batch. Not in the paper.
    public var frozenStatisticsEpochs = 0

    /// The paper's settings.
    public init() {}
}

/// The unweighted loss terms, averaged over the steps of the current epoch so far.
public struct GANLosses: Sendable, Equatable {
    /// Least-squares loss of the discriminator, averaged over its terms for real and generated windows (Eq. 7).
    public var discriminatorAdversarial = 0.0
    /// Cross-entropy of the discriminator, averaged over real and generated windows (Eq. 8).
    public var classification = 0.0
    /// Mean absolute error of the attack head, averaged over real and generated windows (Eq. 10).
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

    /// Adds the losses of part of a batch, multiplied by `share`.
    mutating func accumulate(_ part: GANLosses, share: Double) {
        for term in Self.terms { self[keyPath: term.path] += share * part[keyPath: term.path] }
    }
}
