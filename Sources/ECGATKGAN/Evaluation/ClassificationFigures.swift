/// The figures of one row of the paper's Table 1, in percent, together with the metrics that its column names
/// normally stand for.
public struct ClassificationFigures: Sendable, Equatable {
    public let confusion: ConfusionMatrix
    /// Area under the ROC curve of each class (N, S, V, F) against the rest, by softmax probability; NaN if the class
    /// or the rest has no windows.
    public let areasUnderCurve: [Double]

    public init(_ answers: WindowAnswers, labels: [UInt8]) {
        precondition(answers.count == labels.count)
        var confusion = ConfusionMatrix()
        let probabilities = labels.indices.map { answers.probabilities($0) }
        for (index, label) in labels.enumerated() {
            guard let truth = BeatClass(rawValue: label) else { continue }
            confusion.add(truth: truth, answer: answers.answer(index))
        }
        self.confusion = confusion
        areasUnderCurve = BeatClass.allCases.map { beatClass in
            let column = Int(beatClass.rawValue)
            var own: [Float] = []
            var rest: [Float] = []
            for (index, label) in labels.enumerated() {
                if label == beatClass.rawValue {
                    own.append(probabilities[index][column])
                } else {
                    rest.append(probabilities[index][column])
                }
            }
            return 100 * DiscriminatorEvaluation.areaUnderCurve(positives: own, negatives: rest)
        }
    }

    /// Percentage of windows classified correctly.
    public var plainAccuracy: Double { confusion.plainAccuracy }

    /// The 13 columns of Table 1: the mean one-vs-rest accuracy, then sensitivity, specificity and (SEN + SPE) / 2 of
    /// N, S, V and F.
    public var paperColumns: [Double] {
        [confusion.oneAgainstRestAccuracy]
            + BeatClass.allCases.flatMap { beatClass in
                [
                    confusion.sensitivity(beatClass), confusion.specificity(beatClass),
                    confusion.balancedAccuracy(beatClass),
                ]
            }
    }

    /// The names of `paperColumns`.
    public static let paperColumnNames =
        ["acc"] + BeatClass.allCases.flatMap { ["\($0.letter)_sen", "\($0.letter)_spe", "\($0.letter)_auc"] }
}
