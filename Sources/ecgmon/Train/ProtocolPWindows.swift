import ECGATKGAN

/// The windows of protocol P (section 3.1 of the paper): a fifth of every class held out, the rest for training.
struct ProtocolPWindows {
    /// Samples kept on both sides of a window. All recipes keep the same, so that all of them hold out the same windows.
    static let margin = 3

    let database: String
    let seed: UInt64
    /// With the margin.
    let training: BeatDataset
    let heldOut: BeatDataset

    /// - Parameter seed: of the split, and of what is drawn and made up for a training set.
    init(_ database: String, seed: UInt64, margin: Int = ProtocolPWindows.margin) throws {
        self.database = database
        self.seed = seed
        (training, heldOut) = try BeatWindowLoader.load(RecordDatabase(database), margin: margin)
            .stratifiedSplit(heldOut: HeldOutFigures.share, seed: seed)
    }

    /// 10,000 N, and S, V and F raised to 10,000 each.
    ///
    /// - Parameter raise: fills a class up to a number of windows; SMOTE in the paper.
    func paperTrainingSet(
        raise: (inout BeatDataset, BeatClass, Int) throws -> Void
    ) rethrows -> BeatDataset {
        var set = training.limited(.normal, to: 10_000, seed: seed).withoutMargin()
        for beatClass in [BeatClass.supraventricular, .ventricular, .fusion] { try raise(&set, beatClass, 10_000) }
        return set
    }

    /// By SMOTE.
    func paperTrainingSet() -> BeatDataset {
        paperTrainingSet { set, beatClass, target in
            set.oversample(beatClass, to: target, seed: seed &+ UInt64(beatClass.rawValue))
        }
    }

    var text: String { "training windows: \(Self.counts(training)); held out: \(Self.counts(heldOut))" }

    static func counts(_ dataset: BeatDataset) -> String {
        BeatClass.allCases.map { "\($0.letter) \(dataset.count(of: $0))" }.joined(separator: ", ")
    }
}
