public import ECGATKGAN
public import ECGClassification
public import ECGMonitor
public import ECGReplay
import ECGSignal
import NeuralNetwork
import Synchronization
import ToolSupport

/// Clean and attacked streams for evaluating the suspicion, recorded on several threads; finished ones are stored.
public struct SuspicionStreams: Sendable {
    /// What is attacked, and how.
    public struct Settings: Sendable {
        public var attacks: [WindowAttack]
        /// Number of attacked episodes per record, and their length.
        public var segments: Int
        public var segmentSeconds: Double
        public var rule: AttackSuspicionRule.Parameters
        public var seed: UInt64
        /// Seconds over which an attack grows from nothing to its full size; 0: it is at full size at once.
        public var rampSeconds: Double
        /// Whether an attack moves only the samples of the QRS complex, which vary from beat to beat anyway.
        public var qrsOnly: Bool

        public init(
            attacks: [WindowAttack], segments: Int, segmentSeconds: Double, rule: AttackSuspicionRule.Parameters,
            seed: UInt64, rampSeconds: Double = 0, qrsOnly: Bool = false
        ) {
            self.attacks = attacks
            self.segments = segments
            self.segmentSeconds = segmentSeconds
            self.rule = rule
            self.seed = seed
            self.rampSeconds = rampSeconds
            self.qrsOnly = qrsOnly
        }
    }

    /// A record to run.
    public struct Source: Sendable {
        public var database: RecordDatabase
        public var record: String
        /// Whether attacked streams are made from it in addition to the clean one.
        public var isAttacked: Bool
        /// Changes without an aim, each of which makes one more stream.
        public var changes: [BenignChange]

        public init(database: RecordDatabase, record: String, isAttacked: Bool, changes: [BenignChange] = []) {
            self.database = database
            self.record = record
            self.isAttacked = isAttacked
            self.changes = changes
        }
    }

    /// The result for one record.
    public struct Outcome: Sendable {
        public var source: Source
        public var clean: SuspicionRecording
        /// In the order of the attacks; empty if nothing is attacked.
        public var attacked: [SuspicionRecording] = []
        /// In the order of the source's changes.
        public var changed: [SuspicionRecording] = []
        /// Number of positions with too few beats to attack.
        public var skippedSegments = 0
    }

    public let model: EvaluatedModel
    public let classifier: BeatClassifier
    public let settings: Settings
    public let store: ResultStore
    public let runtime: EvaluationRuntime
    public let restart: Bool

    /// - Parameters:
    ///   - model: the classifier to attack.
    ///   - classifier: the same classifier, for the monitor.
    ///   - settings: what to attack and how.
    ///   - store: keeps finished streams.
    ///   - runtime: threads, progress and cancellation.
    ///   - restart: whether to recompute stored streams.
    public init(
        model: EvaluatedModel, classifier: BeatClassifier, settings: Settings, store: ResultStore,
        runtime: EvaluationRuntime, restart: Bool = false
    ) {
        self.model = model
        self.classifier = classifier
        self.settings = settings
        self.store = store
        self.runtime = runtime
        self.restart = restart
    }

    private final class Shared: Sendable {
        let outcomes: Mutex<[Outcome?]>
        let failure = Mutex<(any Error)?>(nil)
        init(count: Int) { outcomes = Mutex(Array(repeating: nil, count: count)) }
    }

    /// The state of one thread.
    private struct Worker {
        let network: any BeatNetwork
        let workspace: BeatClassifier.Workspace
    }

    /// - Throws: `EvaluationCancelled` if the runtime asks to stop; the finished streams are stored in that case.
    public func record(_ sources: [Source]) throws -> [Outcome] {
        let shared = Shared(count: sources.count)
        let attackedWork = Double(settings.attacks.reduce(0) { $0 + $1.iterations * $1.restarts }) + 1
        @Sendable func work(_ source: Source) -> Double {
            (source.isAttacked ? attackedWork : 1) + Double(source.changes.count)
        }
        let progress = runtime.makeProgress(sources.reduce(0) { $0 + work($1) })
        let (model, classifier) = (model, classifier)
        ParallelBatches.run(
            Array(sources.indices), on: runtime,
            makeWorker: { Worker(network: model.network.replica(), workspace: classifier.makeWorkspace()) }
        ) { worker, index in
            guard shared.failure.withLock({ $0 == nil }) else { return }
            progress.begin(sources[index].record)
            do {
                let outcome = try outcome(of: sources[index], worker)
                shared.outcomes.withLock { $0[index] = outcome }
            } catch {
                shared.failure.withLock { $0 = $0 ?? error }
            }
            progress.advance(work(sources[index]))
        }
        progress.end()
        let failure = shared.failure.withLock { $0 }
        let outcomes = shared.outcomes.withLock { $0 }.compactMap { $0 }
        if let failure, !(failure is EvaluationCancelled) { throw failure }
        guard outcomes.count == sources.count else {
            throw EvaluationCancelled.resumable(from: store.directory)
        }
        return outcomes
    }

    private func outcome(of source: Source, _ worker: Worker) throws -> Outcome {
        let material = try ReplayMaterial(recordPath: "\(source.database.directory)/\(source.record)")
        var source = source
        source.changes.removeAll { !$0.isPossible(at: material.samplingRate) }
        let identity =
            "\(model.sha256)\nof \(material.counts.withUnsafeBytes { SHA256.hexadecimalDigest(of: Array($0)) })"
        let clean = try recording("suspicion 3, clean, rule \(settings.rule)\n\(identity)") { () throws(ToolError) in
            try SuspicionRecording(
                material, classifier: classifier, workspace: worker.workspace, rule: settings.rule)
        }
        var outcome = Outcome(source: source, clean: clean)
        for change in source.changes {
            if runtime.isCancelled() { throw EvaluationCancelled() }
            outcome.changed.append(
                try recording("suspicion 3, \(change), rule \(settings.rule)\n\(identity)") { () throws(ToolError) in
                    try SuspicionRecording(
                        change.applied(to: material, seed: settings.seed), classifier: classifier,
                        workspace: worker.workspace, rule: settings.rule)
                })
        }
        guard source.isAttacked else { return outcome }
        let beats = clean.locatedBeats
        let places = Self.places(material, count: settings.segments, seconds: settings.segmentSeconds)
        let ranges = places.filter { range in
            beats.count { range.contains($0.rPeak) } >= SuspicionNotice.beats
        }
        outcome.skippedSegments = places.count - ranges.count
        for attack in settings.attacks {
            // A cancellation must not wait for a whole record.
            if runtime.isCancelled() { throw EvaluationCancelled() }
            let key =
                "suspicion 3, rule \(settings.rule), attacked by \(attack)\nin \(ranges.map { "\($0)" }.joined(separator: " ")), seed \(settings.seed), ramp \(settings.rampSeconds), qrs \(settings.qrsOnly)\n\(identity)"
            outcome.attacked.append(
                try recording(key) { () throws(ToolError) in
                    var attacked = material
                    for (number, range) in ranges.enumerated() {
                        let seed = SeededGenerator(seed: settings.seed).split(UInt64(number)).state
                        _ = try AttackedEpisode.apply(to: &attacked, range: range, beats: beats) {
                            (windows, classes) throws(ToolError) in
                            let full = attack.perturb(windows, labels: classes, against: worker.network, seed: seed)
                            return readapted(full, windows)
                        }
                    }
                    var recording = try SuspicionRecording(
                        attacked, classifier: classifier, workspace: worker.workspace, rule: settings.rule)
                    recording.mark(ranges, clean: clean)
                    return recording
                })
        }
        return outcome
    }

    /// Samples to either side of R that belong to the QRS complex: 83 ms.
    private static let qrsReach = 30

    /// The perturbations of an attacker who knows the rule: as large as they have grown by each beat, the beats taken as
    /// evenly spaced, or of the QRS complex alone.
    private func readapted(_ attacked: [[Float]], _ windows: [[Float]]) -> [[Float]] {
        guard settings.rampSeconds > 0 || settings.qrsOnly else { return attacked }
        return zip(attacked, windows).enumerated().map { number, pair in
            let time = settings.segmentSeconds * Double(number) / Double(attacked.count)
            let share = settings.rampSeconds > 0 ? Float(min(1, time / settings.rampSeconds)) : 1
            return pair.0.indices.map { place in
                let isMoved = !settings.qrsOnly || abs(place - BeatWindow.samplesBeforeRPeak) <= Self.qrsReach
                return pair.1[place] + (isMoved ? share * (pair.0[place] - pair.1[place]) : 0)
            }
        }
    }

    private func recording(
        _ key: String, make: () throws(ToolError) -> SuspicionRecording
    ) throws(ToolError) -> SuspicionRecording {
        if !restart, let stored: SuspicionRecording = store.load(key) { return stored }
        let recording = try make()
        try store.save(recording, key)
        return recording
    }

    /// Episodes at fixed positions: in the middle of equal parts of the record.
    public static func places(_ material: ReplayMaterial, count: Int, seconds: Double) -> [Range<Int>] {
        let length = Int(seconds * material.samplingRate)
        let total = material.counts.count
        return (0..<count).compactMap { number in
            let start = total * (2 * number + 1) / (2 * count) - length / 2
            return start >= 0 && start + length <= total ? start..<(start + length) : nil
        }
    }
}
