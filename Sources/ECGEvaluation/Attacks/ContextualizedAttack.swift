import EC57
public import ECGATKGAN
public import ECGClassification
import ECGMonitor
import NeuralNetwork
import Synchronization
import ToolSupport

/// Protocol W on the contextual classifier's answer: windows of a sample of beats, attacked through everything that
/// depends on them.
public struct ContextualizedAttack: Sendable {
    public let methods: [WindowAttack.Method]
    public let epsilon: Float
    /// Number of beats; each class contributes as many as it has, up to a quarter of this.
    public let sample: Int
    public let seed: UInt64
    public let startSeconds: Double
    public let runtime: EvaluationRuntime
    /// Number of records processed at a time; nil: the number of processor cores.
    public let jobs: Int?

    public init(
        methods: [WindowAttack.Method], epsilon: Float, sample: Int, seed: UInt64, startSeconds: Double,
        runtime: EvaluationRuntime, jobs: Int? = nil
    ) {
        self.methods = methods
        self.epsilon = epsilon
        self.sample = sample
        self.seed = seed
        self.startSeconds = startSeconds
        self.runtime = runtime
        self.jobs = jobs
    }

    /// Results for one answer, clean or under one attack: percentage of beats that keep their annotated class.
    public struct Row: Encodable, Sendable {
        public var attack: String
        public var parameters: String
        /// By class, for those in the sample, and the mean over the classes.
        public var right: [String: Double]
        public var mean: Double
    }

    /// How many beats keep their class under the attacks; its properties are the keys of the JSON.
    public struct Report: Encodable, Sendable {
        public var records: String
        public var epsilon: Float
        public var seed: UInt64
        /// Number of beats by class.
        public var beats: [String: Int]
        public var joined: [Row]
        /// The discriminator's own class for the same windows, attacked alone.
        public var discriminator_alone: [Row]
    }

    /// The state of one thread.
    private struct Worker {
        let network: ContextualizedNetwork
        let alone: any BeatNetwork
        let scratch = AttackScratch()
        let attacked = FloatBuffer(count: Discriminator.windowLength)
    }

    /// Whether a beat kept its class under each attack; the clean window is first and the worst case last.
    private struct Answers: Sendable {
        var joined: [Bool] = []
        var alone: [Bool] = []
    }

    /// Draws the beats, attacks them, and counts those that keep their annotated class.
    ///
    /// - Parameters:
    ///   - records: folders of records, such as `mitdb/DS2` or `svdb`, separated by commas.
    ///   - modelPath: weights with a contextual classifier.
    /// - Throws: `ToolError` if the model or a record cannot be used; `EvaluationCancelled` if the runtime asks to
    ///   stop.
    public func run(on records: String, modelPath: String) async throws -> Report {
        let model: (network: Discriminator, contextual: ContextualClassifier?, sha256: String, card: ModelCard?)
        do {
            model = try ModelFile.readContextualDiscriminator(from: modelPath)
        } catch {
            throw ToolError("the model cannot be used: \(error)", nextStep: "Name another with --model")
        }
        guard let contextual = model.contextual else {
            throw ToolError(
                "\(modelPath) has no contextual classifier", nextStep: "Train one with `ecgmon contextual`, or use `ecgmon evaluate whitebox`")
        }
        let classifier = BeatClassifier(model.network, contextual: contextual, name: modelPath, sha256: model.sha256)
        let inputs = try RecordSelection.list(records).flatMap { selection in
            selection.names.map { (selection.database, $0) }
        }
        let start = startSeconds
        let quota = max(sample / 4, 1)
        let seed = seed
        // Keep no more beats of a class per record than could be drawn in total: contexts are large.
        let parts = try await RecordBatch.map(Array(inputs.enumerated()), jobs: jobs, showsProgress: false) { number, input in
            var random = SeededGenerator(seed: seed).split(UInt64(number))
            let beats = try ContextualBeats.labelled(input.1, in: input.0, from: start, classifier: classifier).map {
                (key: random.next(), beat: $0)
            }
            return BeatClass.allCases.flatMap { beatClass in
                beats.filter { $0.beat.beatClass == beatClass }.sorted { $0.key < $1.key }.prefix(quota)
            }
        }
        let all = parts.flatMap { $0 }
        let drawn = BeatClass.allCases.flatMap { beatClass in
            all.filter { $0.beat.beatClass == beatClass }.sorted { $0.key < $1.key }.prefix(quota).map(\.beat)
        }
        let attacks = methods.map { WindowAttack($0, epsilon: epsilon) }
        let answers = Mutex([Answers](repeating: Answers(), count: drawn.count))
        let network = SharedNetwork(model.network)
        let progress = runtime.makeProgress(Double(drawn.count))
        progress.begin("attacking")
        ParallelBatches.run(
            Array(drawn.indices), on: runtime,
            makeWorker: { Worker(network: ContextualizedNetwork(network.replica(), contextual: contextual), alone: network.replica()) }
        ) { worker, index in
            let beat = drawn[index]
            worker.network.contexts = [beat.beat.context]
            let own = Answers(
                joined: Self.answers(beat, worker.network, attacks, worker, seed &+ UInt64(index)),
                alone: Self.answers(beat, worker.alone, attacks, worker, seed &+ UInt64(index)))
            answers.withLock { $0[index] = own }
            progress.advance(1)
        }
        progress.end()
        guard !runtime.isCancelled() else { throw EvaluationCancelled() }
        let done = answers.withLock { $0 }
        func rows(_ path: KeyPath<Answers, [Bool]>) -> [Row] {
            let names = ["clean"] + attacks.map(\.method.displayName) + (attacks.count > 1 ? ["worst case"] : [])
            let parameters = ["none"] + attacks.map { "\($0)" } + (attacks.count > 1 ? ["all of them"] : [])
            return names.indices.map { number in
                var right: [String: Double] = [:]
                for beatClass in BeatClass.allCases {
                    let own = drawn.indices.filter { drawn[$0].beatClass == beatClass }
                    guard !own.isEmpty else { continue }
                    let kept = own.count { done[$0][keyPath: path][number] }
                    right[String(beatClass.letter)] = (100 * Double(kept) / Double(own.count)).rounded(decimals: 2)
                }
                return Row(
                    attack: names[number], parameters: parameters[number], right: right,
                    mean: (right.values.sorted().reduce(0, +) / Double(max(right.count, 1))).rounded(decimals: 2))
            }
        }
        var counts: [String: Int] = [:]
        for beat in drawn { counts[String(beat.beatClass.letter), default: 0] += 1 }
        return Report(
            records: records, epsilon: epsilon, seed: seed, beats: counts, joined: rows(\.joined),
            discriminator_alone: rows(\.alone))
    }

    /// Each window is attacked separately, because its context belongs to it.
    private static func answers(
        _ labelled: ContextualBeats.LabelledBeat, _ network: any BeatNetwork, _ attacks: [WindowAttack], _ worker: Worker,
        _ seed: UInt64
    ) -> [Bool] {
        let label = labelled.beatClass
        func isRight(_ window: UnsafePointer<Float>) -> Bool {
            let logits = network.forward(window, batch: 1, mode: .runningStatistics).classLogits
            var best = 0
            for c in 1..<Discriminator.classCount where logits[c] > logits[best] { best = c }
            return best == Int(label.rawValue)
        }
        return labelled.beat.window.withUnsafeBufferPointer { window in
            guard let base = window.baseAddress else { return [] }
            var right = [isRight(base)]
            for attack in attacks {
                var generator = SeededGenerator(seed: seed)
                attack.perturb(
                    base, labels: [label.rawValue], batch: 1, against: network, using: &generator,
                    scratch: worker.scratch, into: worker.attacked.pointer)
                right.append(isRight(worker.attacked.pointer))
            }
            if attacks.count > 1 { right.append(right.allSatisfy { $0 }) }
            return right
        }
    }
}
