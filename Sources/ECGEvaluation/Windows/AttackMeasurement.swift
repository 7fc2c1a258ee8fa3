public import ECGATKGAN
import FoundationEssentials
import NeuralNetwork
import Synchronization
import ToolSupport

/// Attacks windows and evaluates networks on them, on several threads; finished work is stored and not repeated.
public struct AttackMeasurement: Sendable {
    /// Number of windows per network pass, which share a random generator of their own: results depend on it.
    public static let batch = 64

    /// A set of windows and its checksum.
    public struct MeasuredSet: Sendable {
        public let windows: EvaluationWindows
        public let checksum: String

        public init(_ windows: EvaluationWindows) {
            self.windows = windows
            checksum = windows.checksum
        }
    }

    /// Windows attacked on one network, and the answers of other networks to them.
    public struct Job: Sendable {
        /// The name shown in the progress line.
        public var label: String
        public var crafter: EvaluatedModel
        public var sequence: AttackSequence
        public var targets: [EvaluatedModel]
        public var set: MeasuredSet
    }

    public let store: ResultStore
    public let runtime: EvaluationRuntime
    public let seed: UInt64
    /// Whether stored results are ignored.
    public let restart: Bool

    /// - Parameters:
    ///   - store: keeps finished work.
    ///   - runtime: threads, progress and cancellation.
    ///   - seed: the seed for the attacks' random starts.
    ///   - restart: whether to recompute stored results.
    public init(store: ResultStore, runtime: EvaluationRuntime, seed: UInt64, restart: Bool = false) {
        self.store = store
        self.runtime = runtime
        self.seed = seed
        self.restart = restart
    }

    /// What is stored for one target: the batches done so far and their answers.
    private struct StoredAnswers: Codable {
        var done: [Bool]
        var values: Data

        init(_ answers: WindowAnswers, done: [Bool]) {
            self.done = done
            values = answers.values.withUnsafeBytes { Data($0) }
        }

        func answers(count: Int) -> WindowAnswers? {
            var floats = [Float](repeating: 0, count: values.count / MemoryLayout<Float>.size)
            _ = floats.withUnsafeMutableBytes { values.copyBytes(to: $0) }
            guard let answers = WindowAnswers(values: floats), answers.count == count else { return nil }
            return answers
        }
    }

    /// A target's answers while they are being computed.
    private struct Pending: Sendable {
        var key: String
        var answers: WindowAnswers
        var done: [Bool]
        var isComplete: Bool { done.allSatisfy { $0 } }
    }

    /// Everything that a target's answers depend on.
    public static func key(_ job: Job, target: EvaluatedModel, seed: UInt64) -> String {
        let isClean = job.sequence == .none
        return [
            "answers of \(target.sha256)", "to \(job.set.checksum)", "attacked by \(job.sequence.identifier)",
            "on \(isClean ? "nothing" : job.crafter.sha256)", "seed \(isClean ? 0 : seed)", "batch \(batch)",
        ].joined(separator: "\n")
    }

    /// The answers for each job's targets, in their order.
    ///
    /// - Throws: `EvaluationCancelled` if the runtime asks to stop, after the work done has been stored; `ToolError` if
    ///   it cannot be stored.
    public func answers(_ jobs: [Job]) throws -> [[WindowAnswers]] {
        var pending = jobs.map { job in job.targets.map { stored(job, target: $0) } }
        func workLeft(_ job: Job, _ targets: [Pending]) -> Double {
            Double(openBatches(targets).count * Self.batch) * Self.cost(of: job.sequence, targets: targets.count)
        }
        let progress = runtime.makeProgress(zip(jobs, pending).reduce(0) { $0 + workLeft($1.0, $1.1) })
        defer { progress.end() }
        for (number, job) in jobs.enumerated() where !pending[number].allSatisfy(\.isComplete) {
            progress.begin("\(number + 1)/\(jobs.count) \(job.label)")
            pending[number] = try finish(job, pending[number], progress)
        }
        return pending.map { $0.map(\.answers) }
    }

    private func stored(_ job: Job, target: EvaluatedModel) -> Pending {
        let key = Self.key(job, target: target, seed: seed)
        let count = job.set.windows.count
        let batches = (count + Self.batch - 1) / Self.batch
        if !restart, let stored: StoredAnswers = store.load(key), stored.done.count == batches,
            let answers = stored.answers(count: count)
        {
            return Pending(key: key, answers: answers, done: stored.done)
        }
        return Pending(
            key: key, answers: WindowAnswers(count: count), done: [Bool](repeating: false, count: batches))
    }

    /// Batches that at least one target still lacks.
    private func openBatches(_ targets: [Pending]) -> [Int] {
        guard let first = targets.first else { return [] }
        return first.done.indices.filter { batch in targets.contains { !$0.done[batch] } }
    }

    /// The state of one thread.
    private final class Worker {
        let attacker: SequenceAttacker
        let targets: [any BeatNetwork]
        let attacked = FloatBuffer(count: batch * Discriminator.windowLength)

        init(_ job: Job) {
            attacker = SequenceAttacker(job.crafter.network.replica())
            targets = job.targets.map { $0.network.replica() }
        }
    }

    /// State shared by the threads.
    private final class Shared: Sendable {
        struct State {
            var targets: [Pending]
            var lastSaved = ContinuousClock.now
            var failure: ToolError?
        }
        let state: Mutex<State>
        init(_ targets: [Pending]) { state = Mutex(State(targets: targets)) }
    }

    private func finish(_ job: Job, _ targets: [Pending], _ progress: any EvaluationProgress) throws -> [Pending] {
        let shared = Shared(targets)
        let cost = Self.cost(of: job.sequence, targets: targets.count)
        let windows = job.set.windows
        let seed = self.seed
        let store = self.store
        ParallelBatches.run(openBatches(targets), on: runtime, makeWorker: { Worker(job) }) { worker, batch in
            guard shared.state.withLock({ $0.failure == nil }) else { return }
            let start = batch * Self.batch
            let end = min(start + Self.batch, windows.count)
            let labels = Array(windows.labels[start..<end])
            var generator = SeededGenerator(seed: seed).split(UInt64(batch))
            windows.values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                worker.attacker.craft(
                    job.sequence, on: base + start * Discriminator.windowLength, labels: labels, using: &generator,
                    into: worker.attacked.pointer)
            }
            let answers = worker.targets.map {
                WindowAnswers(of: $0, to: worker.attacked.pointer, batch: labels.count)
            }
            progress.advance(Double(Self.batch) * cost)
            shared.state.withLock { state in
                for target in answers.indices where !state.targets[target].done[batch] {
                    state.targets[target].answers.replace(from: start, with: answers[target])
                    state.targets[target].done[batch] = true
                }
                if ContinuousClock.now - state.lastSaved > .seconds(60) {
                    state.lastSaved = .now
                    do throws(ToolError) {
                        try Self.save(state.targets, to: store)
                    } catch {
                        state.failure = error
                    }
                }
            }
        }
        let (done, failure) = shared.state.withLock { ($0.targets, $0.failure) }
        if let failure { throw failure }
        try Self.save(done, to: store)
        guard done.allSatisfy(\.isComplete) else {
            throw EvaluationCancelled.resumable(from: store.directory)
        }
        return done
    }

    private static func save(_ targets: [Pending], to store: ResultStore) throws(ToolError) {
        for target in targets { try store.save(StoredAnswers(target.answers, done: target.done), target.key) }
    }

    /// Approximate number of network passes per window, for estimating the time left.
    private static func cost(of sequence: AttackSequence, targets: Int) -> Double {
        sequence.attacks.reduce(0.4 * Double(targets)) { $0 + Double($1.iterations * $1.restarts) }
    }
}
