import ECGATKGAN
import ECGEvaluation

/// The windows that a network is trained on, and those held out from it.
struct TrainingWindows {
    /// Samples kept on both sides of a window. All recipes keep the same, so that all of them hold out the same
    /// windows.
    static let margin = 3

    let database: String
    let split: DataSplit
    let seed: UInt64
    /// N beats in the paper's training set, and what S, V and F are raised to each: 10,000 in the paper.
    let normalBeats: Int
    let minorityBeats: Int
    /// With the margin.
    let training: BeatDataset
    let heldOut: BeatDataset

    /// - Parameters:
    ///   - seed: of the split, and of what is drawn and made up for a training set.
    ///   - normalBeats: 0: all.
    init(
        _ database: String, split: DataSplit = .beats, seed: UInt64, normalBeats: Int = 10_000,
        minorityBeats: Int = 10_000,
        margin: Int = TrainingWindows.margin
    ) throws {
        self.database = database
        self.split = split
        self.seed = seed
        self.normalBeats = normalBeats
        self.minorityBeats = minorityBeats
        (training, heldOut) = try split.windows(of: RecordDatabase(database), margin: margin, seed: seed)
    }

    /// `normalBeats` N, and S, V and F raised to `minorityBeats` each.
    ///
    /// - Parameter raise: fills a class up to a number of windows; SMOTE in the paper.
    func paperTrainingSet(
        raise: (inout BeatDataset, BeatClass, Int) throws -> Void
    ) rethrows -> BeatDataset {
        var set = limitedTraining.withoutMargin()
        for beatClass in BeatClass.allCases where beatClass != .normal { try raise(&set, beatClass, minorityBeats) }
        return set
    }

    /// By SMOTE.
    func paperTrainingSet() -> BeatDataset {
        paperTrainingSet { set, beatClass, target in
            set.oversample(beatClass, to: target, seed: seed &+ UInt64(beatClass.rawValue))
        }
    }

    /// The training windows, margin and all, of N at most `normalBeats`.
    var limitedTraining: BeatDataset {
        normalBeats == 0 ? training : training.limited(.normal, to: normalBeats, seed: seed)
    }

    /// What a paper training set is made of, for a model card.
    var drawnFrom: String {
        "\(normalBeats == 0 ? "all" : "\(normalBeats)") N, and S, V, F raised to \(minorityBeats) each by"
    }

    var text: String { "training windows: \(Self.counts(training)); held out: \(Self.counts(heldOut))" }

    static func counts(_ dataset: BeatDataset) -> String {
        BeatClass.allCases.map { "\($0.letter) \(dataset.count(of: $0))" }.joined(separator: ", ")
    }
}
