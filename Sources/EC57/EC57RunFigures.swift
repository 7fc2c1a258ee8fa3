/// Run-by-run statistics as they are reported, in percent to two decimals; nil if there are no runs.
public struct EC57RunFigures: Encodable, Sendable {
    /// The statistics of one kind of run.
    public struct Figures: Encodable, Sendable {
        /// Reference runs, and how many of them were found.
        public var runs: Int, found: Int
        public var sensitivity: Double?
        /// Runs under test, and how many of them are also in the reference.
        public var testedRuns: Int, right: Int
        public var positivePredictivity: Double?

        enum CodingKeys: String, CodingKey {
            case runs, found, right
            case sensitivity = "se"
            case testedRuns = "runs_tested"
            case positivePredictivity = "pp"
        }
    }

    /// Runs of 2, of 3 to 5, and of 6 or more beats.
    public var couplets: Figures, shortRuns: Figures, longRuns: Figures

    enum CodingKeys: String, CodingKey {
        case couplets
        case shortRuns = "short_runs"
        case longRuns = "long_runs"
    }

    public init(_ score: EC57RunScore) {
        func figures(_ kind: EC57RunScore.Kind) -> Figures {
            let k = kind.rawValue
            func percent(_ part: Int, _ whole: Int) -> Double? {
                whole > 0 ? (100 * Double(part) / Double(whole)).rounded(decimals: 2) : nil
            }
            return Figures(
                runs: score.referenceRuns[k], found: score.foundRuns[k],
                sensitivity: percent(score.foundRuns[k], score.referenceRuns[k]), testedRuns: score.testedRuns[k],
                right: score.rightRuns[k], positivePredictivity: percent(score.rightRuns[k], score.testedRuns[k]))
        }
        couplets = figures(.couplet)
        shortRuns = figures(.shortRun)
        longRuns = figures(.longRun)
    }
}
