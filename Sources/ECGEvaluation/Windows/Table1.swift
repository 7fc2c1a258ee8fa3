public import ECGATKGAN

/// The measured table.
public struct Table1: Sendable {
    /// The models on whose weights the attacks are made.
    public enum AttackProtocol: String, CaseIterable, Sendable {
        case transfer = "P-transfer"
        case whiteBox = "P-whitebox"
    }

    /// One model under one condition.
    public struct Cell: Sendable {
        public var attackProtocol: AttackProtocol
        public var condition: PaperFigures.Condition
        public var model: EvaluatedModel
        public var figures: ClassificationFigures
        public var paper: PaperFigures.ClassificationRow {
            PaperFigures.table1(condition, model.paperSystem)
        }
    }

    public let models: [EvaluatedModel]
    public let surrogate: EvaluatedModel?
    public let heldOut: HeldOutWindows
    public let epsilon: Float
    public let seed: UInt64
    public private(set) var cells: [Cell] = []

    /// Measures every cell that is not stored yet.
    public init(
        models: [EvaluatedModel], surrogate: EvaluatedModel?, heldOut: HeldOutWindows, epsilon: Float,
        measurement: AttackMeasurement
    ) throws {
        self.models = models
        self.surrogate = surrogate
        self.heldOut = heldOut
        self.epsilon = epsilon
        seed = measurement.seed
        let set = AttackMeasurement.MeasuredSet(heldOut.windows)
        var jobs: [AttackMeasurement.Job] = []
        var places: [(AttackProtocol, PaperFigures.Condition)] = []
        for kind in AttackProtocol.allCases {
            for condition in PaperFigures.Condition.allCases {
                let attack = try condition.attack(epsilon: epsilon)
                switch kind {
                case .transfer:
                    guard let surrogate else { continue }
                    jobs.append(
                        .init(
                            label: "\(kind.rawValue) \(condition.rawValue)", crafter: surrogate,
                            sequence: attack.map { AttackSequence($0) } ?? .none, targets: models,
                            set: set))
                    places.append((kind, condition))
                case .whiteBox:
                    for model in models {
                        jobs.append(
                            .init(
                                label: "\(kind.rawValue) \(condition.rawValue) on \(model.name)", crafter: model,
                                sequence: attack.map { AttackSequence($0) } ?? .none,
                                targets: [model], set: set))
                        places.append((kind, condition))
                    }
                }
            }
        }
        let answers = try measurement.answers(jobs)
        for (number, job) in jobs.enumerated() {
            for (target, answers) in zip(job.targets, answers[number]) {
                cells.append(
                    Cell(
                        attackProtocol: places[number].0, condition: places[number].1, model: target,
                        figures: ClassificationFigures(answers, labels: heldOut.windows.labels)))
            }
        }
    }
}
