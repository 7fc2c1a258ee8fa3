import ArgumentParser
import ECGATKGAN
import FoundationEssentials
import NeuralNetwork

/// The paper's Table 1: classification under attack.
struct EvaluateTable1: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table1",
        abstract:
            "The paper's Table 1: models under no attack, FGSM, BIM, PGD and CW, with the paper's figures beside ours.",
        discussion: """
            The windows are those that every model's training held out. Two blocks: P-transfer, attacked windows made on a \
            surrogate network, which is what the paper's figures can be compared with at best, and P-whitebox, made on the very \
            model under test. Accuracy and AUC are what the paper means by them: the mean of the four one-against-rest accuracies, \
            and (SEN + SPE) / 2. Beside them stand the plain accuracy and the area under the true ROC curve.

            A full run takes hours; it stores what is done, goes on when called again, and --quick gives the same columns in minutes:
              ecgmon evaluate table1 --quick
            """)

    @Option(
        help: ArgumentHelp(
            "Weights files and folders of such, separated by commas (default: the shipped ones).", valueName: "files"))
    var models: String?

    @Option(
        help: ArgumentHelp(
            "Weights of the network that transfer attacks are made on (default: the shipped surrogate.safetensors, if there is one).",
            valueName: "file"))
    var surrogate: String?

    @OptionGroup var options: WindowEvaluationOptions

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        let models = try EvaluatedModel.list(models) { Terminal.note($0) }
        let surrogate = try EvaluatedModel.surrogate(surrogate)
        let heldOut = try HeldOutWindows(
            RecordDatabase(options.database), for: models, sample: options.sampleSize, seed: options.seed)
        let measurement = AttackMeasurement(
            store: try ResultStore(options.work), threads: options.threadCount, seed: options.seed,
            restart: options.restart)
        let table = try Table1(
            models: models, surrogate: surrogate, heldOut: heldOut, epsilon: options.epsilon, measurement: measurement)
        if options.json {
            try EvaluationReport.printJSON(table.report)
        } else {
            print(options.markdown ? table.markdown : table.text)
        }
    }
}

/// The measured table.
struct Table1 {
    enum AttackProtocol: String, CaseIterable {
        case transfer = "P-transfer"
        case whiteBox = "P-whitebox"
    }

    struct Cell {
        var attackProtocol: AttackProtocol
        var condition: PaperFigures.Condition
        var model: EvaluatedModel
        var figures: ClassificationFigures
        var paper: PaperFigures.ClassificationRow {
            PaperFigures.table1(condition, model.paperSystem)
        }
    }

    let models: [EvaluatedModel]
    let surrogate: EvaluatedModel?
    let heldOut: HeldOutWindows
    let epsilon: Float
    let seed: UInt64
    private(set) var cells: [Cell] = []

    /// Measures every cell that is not stored.
    init(
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

extension PaperFigures.Condition {
    /// The attack of this condition; nil: none.
    func attack(epsilon: Float) throws(ToolError) -> WindowAttack? {
        self == .none ? nil : try WindowAttack.named(rawValue, epsilon: epsilon)
    }

    var title: String { self == .none ? "no attack" : rawValue.uppercased() }
}

extension WindowAttack {
    /// The attack of this name with the parameters that the evaluation uses.
    static func named(_ name: String, epsilon: Float) throws(ToolError) -> WindowAttack {
        guard let method = Method(rawValue: name) else {
            throw ToolError(
                "there is no attack called \(name)",
                nextStep: "There are " + Method.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return WindowAttack(method, epsilon: epsilon)
    }
}
