import EC57
import ECGATKGAN

/// Table 1 as JSON.
extension Table1 {
    /// The JSON document; its properties are the keys.
    public struct Report: Encodable, Sendable {
        /// One row of the table.
        public struct Row: Encodable, Sendable {
            public var attack_protocol: String
            public var condition: String
            public var model: String
            public var sha256: String
            /// The 13 columns of the paper by name, in percent.
            public var figures: [String: Double]
            public var plain_accuracy: Double
            public var roc_auc: [String: Double]
            public var paper_system: String
            public var paper_figures: [String: Double]

            enum CodingKeys: String, CodingKey {
                case attack_protocol = "protocol"
                case condition, model, sha256, figures, plain_accuracy, roc_auc, paper_system, paper_figures
            }
        }

        public var evaluation = "table1"
        public var models: [EvaluatedModel.Identity]
        public var surrogate: EvaluatedModel.Identity?
        public var data: HeldOutWindows.Report
        public var epsilon: Float
        public var seed: UInt64
        public var rows: [Row]
    }

    public var report: Report {
        Report(
            models: models.map(\.identity), surrogate: surrogate?.identity, data: heldOut.report, epsilon: epsilon,
            seed: seed,
            rows: cells.map { cell in
                Report.Row(
                    attack_protocol: cell.attackProtocol.rawValue, condition: cell.condition.rawValue,
                    model: cell.model.name, sha256: cell.model.sha256,
                    figures: NamedFigures.rounded(ClassificationFigures.paperColumnNames, cell.figures.paperColumns),
                    plain_accuracy: cell.figures.plainAccuracy.rounded(decimals: 3),
                    roc_auc: NamedFigures.rounded(
                        BeatClass.allCases.map { String($0.letter) }, cell.figures.areasUnderCurve),
                    paper_system: cell.model.paperSystem.rawValue,
                    paper_figures: NamedFigures.rounded(ClassificationFigures.paperColumnNames, cell.paper.columns))
            })
    }
}
