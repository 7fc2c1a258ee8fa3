/// How the discriminator is trained on its own: cross-entropy on the classes, and the attack head on adversarial
/// examples made against the current weights in every step.
public struct DiscriminatorRecipe: Sendable, Equatable, Codable {
    public var epochs = 20
    /// Clean windows per step; the same number of adversarial examples is added.
    public var batch = 64
    /// Shards of a batch that run in parallel. Each normalizes by its own batch statistics, so the weights depend on
    /// this number.
    public var threads = 1
    /// N beats redrawn for each epoch; 0 means all.
    public var normalBeatsPerEpoch = 0
    /// Peak of the one-cycle schedule (linear rise over a tenth of the steps, then cosine decay; Smith 2018).
    public var learningRate: Float = 3e-3
    public var beta1: Float = 0.9
    public var weightDecay: Float = 1e-2
    public var seed: UInt64 = 1
    /// Maximum radius of a step's attacks (`TrainingAttack`).
    public var epsilon: Float = 0.012
    public var iterations = 5
    /// Weight of the adversarial examples in the cross-entropy; clean windows have weight 1.
    public var attackedClassWeight: Float = 1
    /// Weight of the attack head's loss relative to the cross-entropy.
    public var suspicionWeight: Float = 1
    /// Trains only the attack head's own branch, on a network that is already robust. The windows then reach the
    /// branch as they would in a stream (`asTransmitted`), and the number of attack iterations varies around an
    /// average of `iterations`.
    public var trainsAttackBranchAlone = false
    /// R is shifted randomly by up to this many samples either way, to mimic the difference between detected and
    /// annotated positions.
    public var jitter = 3
    /// Maximum standard deviation of the white noise added to a third of the windows, clean or to be attacked, so
    /// that the attack head learns to recognize attacks rather than noise.
    public var noise: Float = 0.004
    /// Maximum amplitude of the baseline wander added to a quarter of the windows.
    public var wander: Float = 0.04
    /// Whether the attacks move samples before the window is scaled, as an attacker of the monitor would.
    public var throughScaling = false
    /// Standard deviation of the Gaussian noise, in units of the window's range, that is added to `smoothingShare` of
    /// the clean windows before they are scaled: what a network must be used to whose smoothed form is to be certified
    /// (Cohen et al. 2019).
    public var smoothingNoise: Float = 0
    public var smoothingShare: Float = 0
    /// Fraction of windows that the generator regenerates, with their own class, before they are attacked.
    public var generatedShare: Float = 0
    /// Per-step decay of the moving average of the weights; the average is what is saved.
    public var averagingDecay: Float = 0.999

    public init() {}
}

/// Mean losses over training steps or an epoch.
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
