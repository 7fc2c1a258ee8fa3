/// Counts by true class (row) and predicted class (column), with the figures derived from them, in percent.
public struct ConfusionMatrix: Sendable, Equatable {
    /// `counts[4 * truth + answer]`, with the classes in the order N, S, V, F.
    public private(set) var counts = [Int](repeating: 0, count: 16)

    public init() {}

    public mutating func add(truth: BeatClass, answer: BeatClass, count: Int = 1) {
        counts[4 * Int(truth.rawValue) + Int(answer.rawValue)] += count
    }

    public var total: Int { counts.reduce(0, +) }

    private func cells(_ beatClass: BeatClass) -> (
        truePositive: Int, falseNegative: Int, falsePositive: Int, trueNegative: Int
    ) {
        let k = Int(beatClass.rawValue)
        let truePositive = counts[4 * k + k]
        let truth = (0..<4).reduce(0) { $0 + counts[4 * k + $1] }
        let answers = (0..<4).reduce(0) { $0 + counts[4 * $1 + k] }
        return (truePositive, truth - truePositive, answers - truePositive, total - truth - answers + truePositive)
    }

    private func percent(_ part: Int, of whole: Int) -> Double {
        whole == 0 ? .nan : 100 * Double(part) / Double(whole)
    }

    /// Percentage of beats classified correctly.
    public var plainAccuracy: Double { percent((0..<4).reduce(0) { $0 + counts[5 * $1] }, of: total) }

    /// The mean of the four one-vs-rest accuracies, which Table 1 of the paper calls accuracy.
    public var oneAgainstRestAccuracy: Double {
        BeatClass.allCases.reduce(0) { sum, beatClass in
            let c = cells(beatClass)
            return sum + percent(c.truePositive + c.trueNegative, of: total) / 4
        }
    }

    public func sensitivity(_ beatClass: BeatClass) -> Double {
        let c = cells(beatClass)
        return percent(c.truePositive, of: c.truePositive + c.falseNegative)
    }

    public func specificity(_ beatClass: BeatClass) -> Double {
        let c = cells(beatClass)
        return percent(c.trueNegative, of: c.trueNegative + c.falsePositive)
    }

    public func positivePredictivity(_ beatClass: BeatClass) -> Double {
        let c = cells(beatClass)
        return percent(c.truePositive, of: c.truePositive + c.falsePositive)
    }

    /// (sensitivity + specificity) / 2, the area under the ROC curve of a hard decision, which Table 1 calls AUC.
    public func balancedAccuracy(_ beatClass: BeatClass) -> Double {
        (sensitivity(beatClass) + specificity(beatClass)) / 2
    }
}
