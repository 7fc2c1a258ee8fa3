public import ECGATKGAN
import NeuralNetwork
import Synchronization
import ToolSupport

/// Shares a generator between threads, each of which creates its own replica.
public struct SharedGenerator: @unchecked Sendable {
    private let generator: Generator

    public init(_ generator: Generator) { self.generator = generator }

    /// A generator for the caller alone, on the shared weights.
    public func replica() -> Generator { generator.replica() }
}

/// The measured table.
public struct Table2: Sendable {
    /// Number of windows whose figures are stored together, with random numbers of their own.
    public static let piece = 512

    /// Means over some windows, as stored.
    public struct Means: Codable, Sendable {
        public var count = 0
        /// In the order of `names`; relative to the input window, then relative to the clean one.
        public var toInput = [Double](repeating: 0, count: 5)
        public var toClean = [Double](repeating: 0, count: 5)

        /// Adds the means over other windows, weighted by the number of windows.
        public mutating func add(_ other: Means) {
            guard other.count > 0 else { return }
            count += other.count
            let share = Double(other.count) / Double(count)
            for figure in 0..<5 {
                toInput[figure] += (other.toInput[figure] - toInput[figure]) * share
                toClean[figure] += (other.toClean[figure] - toClean[figure]) * share
            }
        }
    }

    /// The figures' names, in the order of `Means`.
    public static let names = [
        "mse", "ssim_percent", "cross_correlation_percent", "nrmse_over_range", "nrmse_over_rms",
    ]

    public let generatorPath: String
    public let generatorChecksum: String
    public let model: EvaluatedModel
    public let heldOut: HeldOutWindows
    public let epsilon: Float
    public let seed: UInt64
    public private(set) var rows: [(condition: PaperFigures.Condition, means: Means)] = []

    private final class Shared: Sendable {
        let means: Mutex<[Means?]>
        let failure = Mutex<ToolError?>(nil)
        init(count: Int) { means = Mutex(Array(repeating: nil, count: count)) }
    }

    public init(
        generator: SharedGenerator, generatorPath: String, generatorChecksum: String, model: EvaluatedModel,
        heldOut: HeldOutWindows, epsilon: Float, measurement: AttackMeasurement
    ) throws {
        self.generatorPath = generatorPath
        self.generatorChecksum = generatorChecksum
        self.model = model
        self.heldOut = heldOut
        self.epsilon = epsilon
        seed = measurement.seed
        let windows = heldOut.windows
        let checksum = windows.checksum
        let seed = self.seed
        let (store, runtime, restart) = (measurement.store, measurement.runtime, measurement.restart)
        let pieces = (windows.count + Self.piece - 1) / Self.piece
        var works: [(PaperFigures.Condition, WindowAttack?)] = []
        for condition in PaperFigures.Condition.allCases {
            works.append((condition, try condition.attack(epsilon: epsilon)))
        }
        func cost(_ attack: WindowAttack?) -> Double { 3 + Double((attack?.iterations ?? 0) * (attack?.restarts ?? 0)) }
        let progress = runtime.makeProgress(works.reduce(0) { $0 + cost($1.1) } * Double(pieces))
        defer { progress.end() }
        for (condition, attack) in works {
            progress.begin(condition.title)
            let shared = Shared(count: pieces)
            let pieceCost = cost(attack)
            let key = [
                "generator \(generatorChecksum)", "on \(checksum)", "attacked by \(attack.map { "\($0)" } ?? "none")",
                "on \(attack == nil ? "nothing" : model.sha256)", "seed \(seed)", "piece \(Self.piece)",
            ].joined(separator: "\n")
            ParallelBatches.run(
                Array(0..<pieces), on: runtime,
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
                throw EvaluationCancelled.resumable(from: store.directory)
            }
            var means = Means()
            for piece in done { means.add(piece) }
            rows.append((condition, means))
        }
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

/// Table 2 as JSON.
extension Table2 {
    /// The JSON document; its properties are the keys.
    public struct Report: Encodable, Sendable {
        /// One row of the table.
        public struct Row: Encodable, Sendable {
            public var condition: String
            public var windows: Int
            public var to_input: [String: Double]
            public var to_clean: [String: Double]
            public var paper: [String: Double]
        }
        public var evaluation = "table2"
        public var generator: String
        public var generator_sha256: String
        public var model: EvaluatedModel.Identity
        public var data: HeldOutWindows.Report
        public var epsilon: Float
        public var seed: UInt64
        public var rows: [Row]
    }

    public var report: Report {
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
