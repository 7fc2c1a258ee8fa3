import ArgumentParser
import ECGATKGAN
import ECGMonitor
import NeuralNetwork
import Synchronization

/// Streams for the suspicion, clean and attacked, recorded on several threads; finished ones are stored.
struct SuspicionStreams {
    struct Settings: Sendable {
        var attacks: [WindowAttack]
        /// Attacked stretches a record, and their length.
        var stretches: Int
        var stretchSeconds: Double
        var rule: AttackSuspicionRule.Parameters
        var seed: UInt64
    }

    /// A record to run.
    struct Source: Sendable {
        var database: RecordDatabase
        var record: String
        /// Attacked streams are made of it besides the clean one.
        var isAttacked: Bool
    }

    /// What came of one record.
    struct Outcome: Sendable {
        var source: Source
        var clean: SuspicionRecording
        /// In the order of the attacks; empty where nothing is attacked.
        var attacked: [SuspicionRecording] = []
        /// Places that hold too few beats to be attacked.
        var skippedStretches = 0
    }

    let model: EvaluatedModel
    let classifier: BeatClassifier
    let settings: Settings
    let store: ResultStore
    let threads: Int
    let restart: Bool

    private final class Shared: Sendable {
        let outcomes: Mutex<[Outcome?]>
        let failure = Mutex<(any Error)?>(nil)
        init(count: Int) { outcomes = Mutex(Array(repeating: nil, count: count)) }
    }

    /// What one thread owns.
    private struct Worker {
        let network: any BeatNetwork
        let workspace: BeatClassifier.Workspace
    }

    /// - Throws: `ExitCode` after Ctrl-C, when the streams done are stored.
    func record(_ sources: [Source]) throws -> [Outcome] {
        let shared = Shared(count: sources.count)
        let attackedWork = Double(settings.attacks.reduce(0) { $0 + $1.iterations * $1.restarts }) + 1
        @Sendable func work(_ source: Source) -> Double { source.isAttacked ? attackedWork : 1 }
        let progress = EvaluationProgress(total: sources.reduce(0) { $0 + work($1) })
        let (model, classifier) = (model, classifier)
        ParallelBatches.run(
            Array(sources.indices), threads: threads,
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
        if let failure, !(failure is ExitCode) { throw failure }
        guard outcomes.count == sources.count else {
            Terminal.note("stopped; the same command goes on from \(store.directory)")
            throw ExitCode(Interruption.exitCode)
        }
        return outcomes
    }

    private func outcome(of source: Source, _ worker: Worker) throws -> Outcome {
        let material = try ReplayMaterial(recordPath: "\(source.database.directory)/\(source.record)")
        let identity =
            "\(model.sha256)\nof \(material.counts.withUnsafeBytes { SHA256.hexadecimalDigest(of: Array($0)) })"
        let clean = try recording("suspicion, clean\n\(identity)") { () throws(ToolError) in
            try SuspicionRecording(
                material, classifier: classifier, workspace: worker.workspace, rule: settings.rule)
        }
        var outcome = Outcome(source: source, clean: clean)
        guard source.isAttacked else { return outcome }
        let beats = clean.locatedBeats
        let places = Self.places(material, count: settings.stretches, seconds: settings.stretchSeconds)
        let ranges = places.filter { range in
            beats.count { range.contains($0.rPeak) } >= SuspicionNotice.beats
        }
        outcome.skippedStretches = places.count - ranges.count
        for attack in settings.attacks {
            // A stop must not wait for a whole record.
            if Interruption.requested { throw ExitCode(Interruption.exitCode) }
            let key =
                "suspicion, attacked by \(attack)\nin \(ranges.map { "\($0)" }.joined(separator: " ")), seed \(settings.seed)\n\(identity)"
            outcome.attacked.append(
                try recording(key) { () throws(ToolError) in
                    var attacked = material
                    for (number, range) in ranges.enumerated() {
                        let seed = SeededGenerator(seed: settings.seed).split(UInt64(number)).state
                        _ = try AttackedEpisode.apply(to: &attacked, range: range, beats: beats) {
                            (windows, classes) throws(ToolError) in
                            attack.perturb(windows, labels: classes, against: worker.network, seed: seed)
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

    private func recording(
        _ key: String, make: () throws(ToolError) -> SuspicionRecording
    ) throws(ToolError) -> SuspicionRecording {
        if !restart, let stored: SuspicionRecording = store.load(key) { return stored }
        let recording = try make()
        try store.save(recording, key)
        return recording
    }

    /// Stretches at fixed places: in the middle of equal parts of the record.
    static func places(_ material: ReplayMaterial, count: Int, seconds: Double) -> [Range<Int>] {
        let length = Int(seconds * material.samplingRate)
        let total = material.counts.count
        return (0..<count).compactMap { number in
            let start = total * (2 * number + 1) / (2 * count) - length / 2
            return start >= 0 && start + length <= total ? start..<(start + length) : nil
        }
    }
}
