import ArgumentParser
import ECGATKGAN
import FoundationEssentials
import NeuralNetwork
import Synchronization

/// The paper's Table 2: how like the generator's windows are to those it was given.
struct EvaluateTable2: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table2",
        abstract:
            "The paper's Table 2: MSE, SSIM, cross-correlation and NRMSE of the generator, with the paper's figures beside.",
        discussion: """
            Each held-out window, as it is or attacked white-box on the model, goes through the generator with its true class and \
            fresh noise; what comes out is compared with what went in, and with the window before the attack. The paper defines \
            none of its four figures. Here SSIM is Wang's in one dimension (Gaussian window of 11 samples, sigma 1.5), \
            cross-correlation is Pearson's coefficient at lag 0, and NRMSE is given both over the range and over the root mean \
            square of the window.
            """)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Weights of the generator (default: the shipped ones).", valueName: "file"))
    var generator: String?

    @Option(
        help: ArgumentHelp(
            "Weights of the discriminator that is attacked (default: the shipped ones).", valueName: "file"))
    var model: String?

    @OptionGroup var options: WindowEvaluationOptions

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        guard let path = generator ?? InstalledFiles.find("Config/models/generator.safetensors") else {
            throw ToolError(
                "there is no generator: Config/models/generator.safetensors was not found",
                nextStep: "Name one with --generator, or train one with `ecgmon train`")
        }
        let model = try EvaluatedModel.load(InstalledFiles.model(model))
        let weights: SharedGenerator
        let checksum: String
        do throws(ModelError) {
            let (generator, sha256) = try ModelFile.readGenerator(from: path)
            (weights, checksum) = (SharedGenerator(generator), sha256)
        } catch {
            throw ToolError("the generator cannot be used: \(error)", nextStep: "Name another with --generator")
        }
        let heldOut = try HeldOutWindows(
            RecordDatabase(options.database), for: [model], sample: options.sampleSize, seed: options.seed)
        let table = try Table2(
            generator: weights, generatorPath: path, generatorChecksum: checksum, model: model, heldOut: heldOut,
            options: options, store: try ResultStore(options.work))
        if options.json {
            try EvaluationReport.printJSON(table.report)
        } else {
            print(options.markdown ? table.markdown : table.text)
        }
    }
}

/// Lends a generator to threads that make replicas of it.
struct SharedGenerator: @unchecked Sendable {
    private let generator: Generator

    init(_ generator: Generator) { self.generator = generator }

    func replica() -> Generator { generator.replica() }
}

/// The measured table.
struct Table2 {
    /// Windows whose figures are stored together, with random numbers of their own.
    static let piece = 512

    /// The means over some windows, as they are stored.
    struct Means: Codable, Sendable {
        var count = 0
        /// In the order of `names`; against the window that went in, then against the clean one.
        var toInput = [Double](repeating: 0, count: 5)
        var toClean = [Double](repeating: 0, count: 5)

        mutating func add(_ other: Means) {
            guard other.count > 0 else { return }
            count += other.count
            let share = Double(other.count) / Double(count)
            for figure in 0..<5 {
                toInput[figure] += (other.toInput[figure] - toInput[figure]) * share
                toClean[figure] += (other.toClean[figure] - toClean[figure]) * share
            }
        }
    }

    static let names = ["mse", "ssim_percent", "cross_correlation_percent", "nrmse_over_range", "nrmse_over_rms"]

    let generatorPath: String
    let generatorChecksum: String
    let model: EvaluatedModel
    let heldOut: HeldOutWindows
    let epsilon: Float
    let seed: UInt64
    private(set) var rows: [(condition: PaperFigures.Condition, means: Means)] = []

    private final class Shared: Sendable {
        let means: Mutex<[Means?]>
        let failure = Mutex<ToolError?>(nil)
        init(count: Int) { means = Mutex(Array(repeating: nil, count: count)) }
    }

    init(
        generator: SharedGenerator, generatorPath: String, generatorChecksum: String, model: EvaluatedModel,
        heldOut: HeldOutWindows, options: WindowEvaluationOptions, store: ResultStore
    ) throws {
        self.generatorPath = generatorPath
        self.generatorChecksum = generatorChecksum
        self.model = model
        self.heldOut = heldOut
        epsilon = options.epsilon
        seed = options.seed
        let windows = heldOut.windows
        let checksum = windows.checksum
        let seed = self.seed
        let restart = options.restart
        let pieces = (windows.count + Self.piece - 1) / Self.piece
        var works: [(PaperFigures.Condition, WindowAttack?)] = []
        for condition in PaperFigures.Condition.allCases {
            works.append((condition, try condition.attack(epsilon: options.epsilon)))
        }
        func cost(_ attack: WindowAttack?) -> Double { 3 + Double((attack?.iterations ?? 0) * (attack?.restarts ?? 0)) }
        let progress = EvaluationProgress(total: works.reduce(0) { $0 + cost($1.1) } * Double(pieces))
        for (condition, attack) in works {
            progress.begin(condition.title)
            let shared = Shared(count: pieces)
            let pieceCost = cost(attack)
            let key = [
                "generator \(generatorChecksum)", "on \(checksum)", "attacked by \(attack.map { "\($0)" } ?? "none")",
                "on \(attack == nil ? "nothing" : model.sha256)", "seed \(seed)", "piece \(Self.piece)",
            ].joined(separator: "\n")
            ParallelBatches.run(
                Array(0..<pieces), threads: options.threadCount,
                makeWorker: { (generator.replica(), model.network.replica()) }
            ) { worker, piece in
                guard shared.failure.withLock({ $0 == nil }) else { return }
                let pieceKey = key + "\npiece number \(piece)"
                let means: Means
                if !restart, let stored: Means = store.load(pieceKey) {
                    means = stored
                } else {
                    let range = (piece * Self.piece)..<min((piece + 1) * Self.piece, windows.count)
                    means = Self.measure(
                        windows, range, by: worker.0, attack: attack.map { ($0, worker.1) },
                        seed: SeededGenerator(seed: seed).split(UInt64(piece)).state)
                    do throws(ToolError) {
                        try store.save(means, pieceKey)
                    } catch {
                        shared.failure.withLock { $0 = error }
                    }
                }
                shared.means.withLock { $0[piece] = means }
                progress.advance(pieceCost)
            }
            if let failure = shared.failure.withLock({ $0 }) { throw failure }
            let done = shared.means.withLock { $0 }.compactMap { $0 }
            guard done.count == pieces else {
                progress.end()
                Terminal.note("stopped; the same command goes on from \(store.directory)")
                throw ExitCode(Interruption.exitCode)
            }
            var means = Means()
            for piece in done { means.add(piece) }
            rows.append((condition, means))
        }
        progress.end()
    }

    private static func measure(
        _ windows: EvaluationWindows, _ range: Range<Int>, by generator: Generator,
        attack: (attack: WindowAttack, network: any BeatNetwork)?, seed: UInt64
    ) -> Means {
        var data = BeatDataset()
        for index in range {
            data.append(windows.window(index), label: BeatClass(rawValue: windows.labels[index]) ?? .normal)
        }
        let evaluation = GeneratorEvaluation(data, by: generator, attack: attack, seed: seed)
        func figures(_ similarity: SignalSimilarity) -> [Double] {
            [
                similarity.meanSquaredError, 100 * similarity.structuralSimilarity, 100 * similarity.crossCorrelation,
                similarity.errorOverRange, similarity.errorOverNorm,
            ]
        }
        return Means(
            count: evaluation.count, toInput: figures(evaluation.toInput), toClean: figures(evaluation.toClean))
    }
}

/// How Table 2 is shown.
extension Table2 {
    private static let header = ["", "MSE", "SSIM %", "cross-corr. %", "NRMSE (range)", "NRMSE (rms)"]

    /// Two digits of a small number: `2.9e-5`.
    static func scientific(_ value: Double) -> String {
        guard value > 0, value.isFinite else { return "\(value)" }
        var mantissa = value
        var exponent = 0
        while mantissa < 1 {
            mantissa *= 10
            exponent -= 1
        }
        while mantissa >= 9.95 {
            mantissa /= 10
            exponent += 1
        }
        return "\(fixed(mantissa, 1))e\(exponent)"
    }

    private func cells(_ name: String, _ figures: [Double]) -> [String] {
        [name, Self.scientific(figures[0])] + figures[1...2].map { fixed($0, 2) } + figures[3...].map { fixed($0, 4) }
    }

    private var tableRows: [[String]] {
        rows.flatMap { row -> [[String]] in
            let paper = PaperFigures.table2(row.condition)
            var rows = [cells(row.condition.title, row.means.toInput)]
            if row.condition != .none { rows.append(cells("  against the clean window", row.means.toClean)) }
            rows.append([
                "  paper", Self.scientific(paper.meanSquareError), fixed(paper.structuralSimilarity, 2),
                fixed(paper.crossCorrelation, 2), fixed(paper.normalizedRootMeanSquareError, 4), "",
            ])
            return rows
        }
    }

    private var head: [String] {
        [
            "generator \(generatorPath), SHA-256 \(generatorChecksum)",
            "attacked model \(model.name), SHA-256 \(model.sha256), epsilon \(epsilon), seed \(seed)", heldOut.text,
            "generated windows against what the generator was given; the paper does not say which NRMSE it means",
        ]
    }

    var text: String {
        var table = TextTable(Self.header)
        table.rows = tableRows
        return (head + ["", table.text]).joined(separator: "\n")
    }

    var markdown: String {
        (head.map { "- \($0)" } + ["", MarkdownTable.row(Self.header), MarkdownTable.rule(Self.header.count)]
            + tableRows.map(MarkdownTable.row)).joined(separator: "\n")
    }

    struct Report: Encodable {
        struct Row: Encodable {
            var condition: String
            var windows: Int
            var to_input: [String: Double]
            var to_clean: [String: Double]
            var paper: [String: Double]
        }
        var evaluation = "table2"
        var generator: String
        var generator_sha256: String
        var model: EvaluatedModel.Identity
        var data: HeldOutWindows.Report
        var epsilon: Float
        var seed: UInt64
        var rows: [Row]
    }

    var report: Report {
        Report(
            generator: generatorPath, generator_sha256: generatorChecksum, model: model.identity, data: heldOut.report,
            epsilon: epsilon, seed: seed,
            rows: rows.map { row in
                let paper = PaperFigures.table2(row.condition)
                return Report.Row(
                    condition: row.condition.rawValue, windows: row.means.count,
                    to_input: Dictionary(uniqueKeysWithValues: zip(Self.names, row.means.toInput)),
                    to_clean: Dictionary(uniqueKeysWithValues: zip(Self.names, row.means.toClean)),
                    paper: [
                        "mse": paper.meanSquareError, "ssim_percent": paper.structuralSimilarity,
                        "cross_correlation_percent": paper.crossCorrelation,
                        "nrmse": paper.normalizedRootMeanSquareError,
                    ])
            })
    }
}
