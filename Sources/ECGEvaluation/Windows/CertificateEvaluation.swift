import EC57
public import ECGATKGAN
import NeuralNetwork
import Synchronization
import ToolSupport

/// How much of a model's accuracy is certified: randomised smoothing of held-out windows, class by class, against the
/// L2 norm of the perturbation. Finished windows are stored and not repeated.
public struct CertificateEvaluation: Sendable {
    public let model: EvaluatedModel
    public let smoothing: RandomizedSmoothing
    /// L2 norms at which the certified accuracy is given, in units of the window's range.
    public let norms: [Double]
    public let seed: UInt64

    /// The result for one class.
    public struct Row: Encodable, Sendable {
        public var beat_class: String
        public var windows: Int
        /// Windows for which the smoothed classifier abstains, in percent.
        public var abstained: Double
        /// Windows that it gives their class, in percent.
        public var accuracy: Double
        /// In percent, one for each norm.
        public var certified: [Double]
    }

    /// The JSON document; its properties are the keys.
    public struct Report: Encodable, Sendable {
        public var evaluation = "certificate"
        public var model: EvaluatedModel.Identity
        public var data: HeldOutWindows.Report
        public var sigma: Float
        public var draws: Int
        public var selection_draws: Int
        public var alpha: Double
        public var through_scaling: Bool
        public var seed: UInt64
        public var norms: [Double]
        /// N, S, V, F, then all classes, each weighted by its share of the held-out windows.
        public var rows: [Row]
    }

    /// - Parameters:
    ///   - norms: 0 or more each.
    ///   - seed: of the noise.
    public init(model: EvaluatedModel, smoothing: RandomizedSmoothing, norms: [Double], seed: UInt64) {
        self.model = model
        self.smoothing = smoothing
        self.norms = norms
        self.seed = seed
    }

    /// Windows stored at a time.
    private static let batch = 16

    private struct Stored: Codable {
        var certificates: [RandomizedSmoothing.Certificate]
    }

    /// One for each window, in order.
    ///
    /// - Throws: `EvaluationCancelled` if the runtime asks to stop; what is finished has been stored. `ToolError` if it
    ///   cannot be stored.
    public func certificates(
        of windows: EvaluationWindows, store: ResultStore, runtime: EvaluationRuntime, restart: Bool = false
    ) throws -> [RandomizedSmoothing.Certificate] {
        let batches = (windows.count + Self.batch - 1) / Self.batch
        let checksum = windows.checksum
        let (model, smoothing, seed) = (model, smoothing, seed)
        @Sendable func key(_ batch: Int) -> String {
            [
                "certificate of \(model.sha256)", "\(smoothing)", "windows \(checksum)", "seed \(seed)",
                "batch \(batch) of \(Self.batch)",
            ].joined(separator: "\n")
        }
        var found = [[RandomizedSmoothing.Certificate]?](repeating: nil, count: batches)
        if !restart {
            for batch in 0..<batches {
                let count = min(Self.batch, windows.count - batch * Self.batch)
                if let stored: Stored = store.load(key(batch)), stored.certificates.count == count {
                    found[batch] = stored.certificates
                }
            }
        }
        let open = found.indices.filter { found[$0] == nil }
        let progress = runtime.makeProgress(Double(open.count))
        defer { progress.end() }
        progress.begin("smoothing")
        let results = Mutex(found)
        let failure = Mutex<ToolError?>(nil)
        ParallelBatches.run(
            open, on: runtime, makeWorker: { (network: model.network.replica(), scratch: FloatBuffer()) }
        ) { worker, batch in
            guard failure.withLock({ $0 == nil }) else { return }
            let own = (batch * Self.batch)..<min((batch + 1) * Self.batch, windows.count)
            let certificates = own.map { index in
                var generator = SeededGenerator(seed: seed).split(UInt64(index))
                return Array(windows.window(index)).withUnsafeBufferPointer { window in
                    window.baseAddress.map {
                        smoothing.certify($0, against: worker.network, using: &generator, scratch: worker.scratch)
                    } ?? RandomizedSmoothing.Certificate(label: 0, radius: nil)
                }
            }
            do throws(ToolError) {
                try store.save(Stored(certificates: certificates), key(batch))
                results.withLock { $0[batch] = certificates }
            } catch {
                failure.withLock { $0 = error }
            }
            progress.advance(1)
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        let done = results.withLock { $0 }.compactMap { $0 }
        guard done.count == batches else { throw EvaluationCancelled.resumable(from: store.directory) }
        return done.flatMap { $0 }
    }

    /// The rows of a report.
    ///
    /// - Parameters:
    ///   - certificates: one for each window.
    ///   - labels: their classes.
    ///   - shares: the weight of each class in the last row.
    public func rows(
        _ certificates: [RandomizedSmoothing.Certificate], labels: [UInt8], shares: [BeatClass: Double]
    ) -> [Row] {
        var rows: [Row] = []
        var total = [Double](repeating: 0, count: norms.count + 2)
        let weight = shares.values.reduce(0, +)
        for beatClass in BeatClass.allCases {
            let own = labels.indices.filter { labels[$0] == beatClass.rawValue }
            guard !own.isEmpty else { continue }
            func percent(_ condition: (RandomizedSmoothing.Certificate) -> Bool) -> Double {
                100 * Double(own.count { condition(certificates[$0]) }) / Double(own.count)
            }
            let figures =
                [percent { $0.radius == nil }, percent { $0.holds(beatClass.rawValue, at: 0) }]
                + norms.map { norm in percent { $0.holds(beatClass.rawValue, at: norm) } }
            for (place, figure) in figures.enumerated() {
                total[place] += figure * (shares[beatClass] ?? 0) / max(weight, .leastNonzeroMagnitude)
            }
            rows.append(Self.row(String(beatClass.letter), own.count, figures))
        }
        rows.append(Self.row("all", labels.count, total))
        return rows
    }

    private static func row(_ name: String, _ windows: Int, _ figures: [Double]) -> Row {
        let rounded = figures.map { $0.rounded(decimals: 2) }
        return Row(
            beat_class: name, windows: windows, abstained: rounded[0], accuracy: rounded[1],
            certified: Array(rounded[2...]))
    }

    /// - Parameters:
    ///   - rows: as `rows` gives them.
    ///   - heldOut: the windows that they are about.
    public func report(_ rows: [Row], _ heldOut: HeldOutWindows) -> Report {
        Report(
            model: model.identity, data: heldOut.report, sigma: smoothing.deviation, draws: smoothing.draws,
            selection_draws: smoothing.selectionDraws, alpha: smoothing.alpha,
            through_scaling: smoothing.throughScaling, seed: seed, norms: norms, rows: rows)
    }
}
