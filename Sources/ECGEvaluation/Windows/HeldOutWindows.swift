public import ECGATKGAN
import ECGClassification
import NeuralNetwork
import ToolSupport

/// The windows held out from the training of all models under evaluation (`DataSplit`).
public struct HeldOutWindows: Sendable {
    public let windows: EvaluationWindows
    public let database: String
    public let splitSeed: UInt64
    public let margin: Int
    /// Number of windows in the whole held-out set, of which `windows` may be a sample.
    public let heldOutCount: Int

    public init(_ windows: EvaluationWindows, database: String, splitSeed: UInt64, margin: Int, heldOutCount: Int) {
        self.windows = windows
        self.database = database
        self.splitSeed = splitSeed
        self.margin = margin
        self.heldOutCount = heldOutCount
    }

    /// - Throws: `ToolError` if the models' cards describe different splits.
    public init(_ database: RecordDatabase, for models: [EvaluatedModel], sample: Int?, seed: UInt64) throws {
        guard let first = models.first else {
            throw ToolError("no model is under evaluation", nextStep: "Name one")
        }
        for other in models
        where other.card.seed != first.card.seed || other.card.windowMargin != first.card.windowMargin
            || DataSplit(other.card) != DataSplit(first.card)
        {
            throw ToolError(
                "\(first.name) and \(other.name) were trained on different splits (of \(DataSplit(first.card)) and "
                    + "\(DataSplit(other.card)), seeds \(first.card.seed) and \(other.card.seed), margins \(first.card.windowMargin) and \(other.card.windowMargin)): no set of windows was held "
                    + "out from both",
                nextStep: "Train them with the same --split, --seed and --jitter, or evaluate them one by one")
        }
        splitSeed = first.card.seed
        margin = first.card.windowMargin
        self.database = database.directory
        let heldOut = EvaluationWindows(
            try DataSplit(first.card).windows(of: database, margin: margin, seed: splitSeed).heldOut)
        guard heldOut.count > 0 else {
            throw ToolError(
                "\(database.directory) has no annotated beats", nextStep: "Bring the mitdb with `ecgmon data fetch`")
        }
        heldOutCount = heldOut.count
        windows = sample.map { heldOut.subset(heldOut.stratifiedSample($0, seed: seed)) } ?? heldOut
    }

    /// Up to so many windows of each class, drawn with the seed.
    public func sample(ofEachClass size: Int, seed: UInt64) -> HeldOutWindows {
        var generator = SeededGenerator(seed: seed)
        let chosen = BeatClass.allCases.flatMap { beatClass in
            windows.labels.indices.filter { windows.labels[$0] == beatClass.rawValue }
                .shuffled(using: &generator).prefix(size)
        }
        return HeldOutWindows(
            windows.subset(chosen.sorted()), database: database, splitSeed: splitSeed, margin: margin,
            heldOutCount: heldOutCount)
    }

    /// Number of windows by the letter of their class.
    public var countsByClass: [String: Int] {
        Dictionary(uniqueKeysWithValues: BeatClass.allCases.map { (String($0.letter), windows.count(of: $0)) })
    }

    /// The description in the head of a report.
    public var text: String {
        let counts = BeatClass.allCases.map { "\($0.letter) \(windows.count(of: $0))" }.joined(separator: ", ")
        let part = windows.count == heldOutCount ? "all" : "a stratified sample of \(windows.count)"
        return
            "\(part) of the \(heldOutCount) windows held out from \(database) (split seed \(splitSeed), margin \(margin)): \(counts)"
    }

    /// The description in JSON.
    public struct Report: Encodable, Sendable {
        public var database: String
        public var split_seed: UInt64
        public var window_margin: Int
        public var held_out: Int
        public var windows: Int
        public var windows_by_class: [String: Int]
        public var windows_sha256: String
    }

    /// What a report states about the windows.
    public var report: Report {
        Report(
            database: database, split_seed: splitSeed, window_margin: margin, held_out: heldOutCount,
            windows: windows.count, windows_by_class: countsByClass, windows_sha256: windows.checksum)
    }
}
