/// How the discriminator alone is trained: cross-entropy on the classes, and the attack head on windows that are
/// attacked afresh against the current weights in every step.
public struct DiscriminatorRecipe: Sendable, Equatable, Codable {
    public var epochs = 20
    /// Clean windows in a step; as many attacked ones are added.
    public var batch = 64
    /// Shards of a batch that run side by side. Each normalises by its own statistics, so the weights depend on the
    /// number.
    public var threads = 1
    /// N beats that an epoch draws anew; 0 means all.
    public var normalBeatsPerEpoch = 0
    /// Peak of the one-cycle schedule (linear rise over a tenth of the steps, cosine fall; Smith 2018).
    public var learningRate: Float = 3e-3
    public var beta1: Float = 0.9
    public var weightDecay: Float = 1e-2
    public var seed: UInt64 = 1
    /// Largest radius of a step's attacks (`TrainingAttack`).
    public var epsilon: Float = 0.012
    public var iterations = 5
    /// Weight of the attacked windows in the cross-entropy; clean ones have 1.
    public var attackedClassWeight: Float = 1
    /// Weight of the attack head's loss beside the cross-entropy.
    public var suspicionWeight: Float = 1
    /// Trains the attack head's own branch alone, on a network that withstands already. The windows then reach it as
    /// the stream would hand them on (`asTransmitted`), and the attacks take fewer or more iterations than
    /// `iterations`, the same on average.
    public var trainsAttackBranchAlone = false
    /// R is moved by up to this many samples either way, as a detector's position differs from the annotation's.
    public var jitter = 3
    /// Standard deviation, at most, of the white noise that a third of the windows get, clean or to be attacked: so
    /// that the attack head learns attacks, not noise.
    public var noise: Float = 0.004
    /// Amplitude, at most, of the baseline wander that a quarter of the windows get.
    public var wander: Float = 0.04
    /// Share of the windows that the generator makes anew, as their class, before they are attacked.
    public var generatedShare: Float = 0
    /// Decay of the running average of the weights, per step, which is what is saved.
    public var averagingDecay: Float = 0.999

    public init() {}
}

/// What one step or epoch of training cost, averaged.
public struct TrainingLosses: Sendable, Equatable {
    public var classification = 0.0
    public var suspicion = 0.0
    public var steps = 0

    public init() {}

    /// - Parameter values: classification, then suspicion.
    init(_ values: [Double], steps: Int) {
        classification = values[0]
        suspicion = values[1]
        self.steps = steps
    }
}
