public import ECGATKGAN

/// The figures of a model card: held-out windows, clean and under white-box attacks at epsilon 0.01 (protocol P).
public struct HeldOutFigures: Sendable {
    /// By name; percentages and areas, rounded to four decimal places.
    public private(set) var figures: [String: Double] = [:]

    /// - Parameters:
    ///   - heldOut: the held-out windows.
    ///   - network: the network to measure.
    ///   - suspects: whether the network's attack head, if it has one, was trained.
    ///   - note: receives a line before each attack.
    public init(_ heldOut: BeatDataset, network: any BeatNetwork, suspects: Bool = true, note: (String) -> Void) {
        let clean = DiscriminatorEvaluation(heldOut, by: network)
        add("clean", clean.confusion)
        guard heldOut.count > 0 else { return }
        // The score exceeded by one in a hundred clean windows, and the share of attacked windows above it.
        let suspects = suspects && !clean.suspicions.isEmpty
        let threshold =
            !suspects ? .nan : clean.suspicions.sorted()[max(Int(0.99 * Double(clean.suspicions.count)) - 1, 0)]
        for (name, attack) in [
            ("fgsm", WindowAttack(.fgsm)), ("bim20", WindowAttack(.bim)), ("pgd20", WindowAttack(.pgd, restarts: 1)),
        ] {
            note("white-box \(name) at epsilon \(attack.epsilon) on \(heldOut.count) windows")
            let evaluation = DiscriminatorEvaluation(heldOut, by: network, attack: attack)
            let condition = "\(name)_epsilon_0.01"
            add(condition, evaluation.confusion)
            guard suspects else { continue }
            set(
                "\(condition)_suspicion_auc",
                DiscriminatorEvaluation.areaUnderCurve(positives: evaluation.suspicions, negatives: clean.suspicions))
            set(
                "\(condition)_suspected_percent_at_1_percent_clean",
                100 * Double(evaluation.suspicions.count { $0 > threshold }) / Double(evaluation.suspicions.count))
        }
    }

    private mutating func set(_ name: String, _ value: Double) {
        // A class without windows has no figure.
        guard value.isFinite else { return }
        figures[name] = (value * 1e4).rounded() / 1e4
    }

    private mutating func add(_ condition: String, _ confusion: ConfusionMatrix) {
        set("\(condition)_plain_accuracy_percent", confusion.plainAccuracy)
        set("\(condition)_one_against_rest_accuracy_percent", confusion.oneAgainstRestAccuracy)
        for beatClass in BeatClass.allCases {
            set("\(condition)_sensitivity_\(beatClass.letter)_percent", confusion.sensitivity(beatClass))
            set("\(condition)_specificity_\(beatClass.letter)_percent", confusion.specificity(beatClass))
        }
    }
}

/// A model's figures on held-out windows; its properties are the keys of the JSON.
public struct ModelReport: Encodable, Sendable {
    public var evaluation = "model"
    public var model: String
    public var sha256: String
    public var database: String
    public var split_seed: UInt64
    public var windows: [String: Int]
    public var figures: [String: Double]

    public init(
        model: String, sha256: String, database: String, splitSeed: UInt64, heldOut: BeatDataset,
        figures: [String: Double]
    ) {
        self.model = model
        self.sha256 = sha256
        self.database = database
        split_seed = splitSeed
        let counts = BeatClass.allCases.map { (String($0.letter), heldOut.count(of: $0)) }
        windows = Dictionary(uniqueKeysWithValues: counts)
        self.figures = figures
    }
}
