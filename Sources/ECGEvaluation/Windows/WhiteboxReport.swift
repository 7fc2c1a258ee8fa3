import EC57
import ECGATKGAN

/// What the white-box evaluation measures.
public struct WhiteboxSettings: Sendable {
    public var epsilon: Float
    /// Whether every attack goes through the monitor's scaling (`WindowAttack.throughScaling`).
    public var throughScaling = false
    /// Whether only the worst case is measured, without a row for each attack, Square, the curve and the checks.
    public var worstCaseOnly = false
    /// nil: all windows.
    public var squareSample: Int? = 1000
    public var squareQueries = 5000
    public var curveSample = 1000
    public var curveEpsilons: [Float] = [0.002, 0.005, 0.01, 0.02, 0.03, 0.05]
    /// Iterations of PGD from one random start, to check that more iterations never help the model.
    public var iterationCounts = [1, 5, 20, 50]
    /// Number of windows for the unbounded attack.
    public var unboundedSample = 200
    /// Random starts draw different points each time; an accuracy increase up to this, in percent, is attributed to
    /// that.
    public var tolerance = 0.3

    public init(epsilon: Float) { self.epsilon = epsilon }

    /// An attack under these settings; nil stands for the method's own parameters.
    func attack(
        _ method: WindowAttack.Method, _ epsilon: Float, step: Float? = nil, iterations: Int? = nil,
        restarts: Int? = nil
    ) -> WindowAttack {
        var attack = WindowAttack(method, epsilon: epsilon, step: step, iterations: iterations, restarts: restarts)
        attack.throughScaling = throughScaling
        return attack
    }
}

/// The white-box evaluation as JSON.
extension Whitebox {
    /// The JSON document; its properties are the keys.
    public struct Report: Encodable, Sendable {
        /// One attack.
        public struct Row: Encodable, Sendable {
            public var attack: String
            public var parameters: String
            public var windows: Int
            public var plain_accuracy: Double
            public var one_against_rest_accuracy: Double
            public var sensitivity: [String: Double]
            public var specificity: [String: Double]
            public var suspected: Double?
            public var wrong_unsuspected: Double?
        }
        /// Accuracies at one radius.
        public struct Point: Encodable, Sendable {
            public var epsilon: Float
            public var plain_accuracy: Double
            public var one_against_rest_accuracy: Double
        }
        /// One sanity check of the attacks.
        public struct Check: Encodable, Sendable {
            public var name: String
            public var outcome: String
            public var detail: String
        }
        public var evaluation = "whitebox"
        public var model: EvaluatedModel.Identity
        public var surrogate: EvaluatedModel.Identity?
        public var data: HeldOutWindows.Report
        public var epsilon: Float
        public var through_scaling: Bool
        public var seed: UInt64
        public var suspicion_threshold: Float?
        public var square_queries: Int
        public var rows: [Row]
        public var curve: [Point]
        public var checks: [Check]
    }

    /// The results as a JSON document.
    public func report(_ heldOut: HeldOutWindows) -> Report {
        let letters = BeatClass.allCases.map { String($0.letter) }
        return Report(
            model: model.identity, surrogate: surrogate?.identity, data: heldOut.report, epsilon: settings.epsilon,
            through_scaling: settings.throughScaling, seed: seed, suspicion_threshold: threshold, square_queries: settings.squareQueries,
            rows: rows.map { row in
                let confusion = row.figures.confusion
                return Report.Row(
                    attack: row.name, parameters: row.parameters, windows: row.windows,
                    plain_accuracy: confusion.plainAccuracy.rounded(decimals: 3),
                    one_against_rest_accuracy: confusion.oneAgainstRestAccuracy.rounded(decimals: 3),
                    sensitivity: NamedFigures.rounded(letters, BeatClass.allCases.map(confusion.sensitivity)),
                    specificity: NamedFigures.rounded(letters, BeatClass.allCases.map(confusion.specificity)),
                    suspected: row.suspected?.rounded(decimals: 3),
                    wrong_unsuspected: row.wrongUnsuspected?.rounded(decimals: 3))
            },
            curve: curve.map {
                Report.Point(
                    epsilon: $0.epsilon, plain_accuracy: $0.plainAccuracy.rounded(decimals: 3),
                    one_against_rest_accuracy: $0.oneAgainstRestAccuracy.rounded(decimals: 3))
            },
            checks: checks.map { Report.Check(name: $0.name, outcome: $0.outcome.rawValue, detail: $0.detail) })
    }
}
