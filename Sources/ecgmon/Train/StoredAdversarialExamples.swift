import ECGATKGAN
import ECGEvaluation
import Foundation
import NeuralNetwork
import Synchronization

/// The attacked half of a stored training set, kept in a file: making it takes minutes, and a training that goes on
/// needs the same.
struct StoredAdversarialExamples {
    let path: String
    let restart: Bool
    let threads: Int
    let seed: UInt64
    /// Windows that are attacked together, with random numbers of their own.
    private static let piece = 1_000

    func copies(of set: BeatDataset, against network: any BeatNetwork) throws -> BeatDataset {
        let origin = [
            "windows": SHA256.hexadecimalDigest(of: set.values.withUnsafeBytes { Array($0) } + set.labels),
            "network": SHA256.hexadecimalDigest(
                of: network.store.tensors.flatMap { network.store.array(of: $0) }.withUnsafeBytes { Array($0) }),
            "seed": "\(seed)", "piece": "\(Self.piece)",
        ]
        if !restart, FileManager.default.fileExists(atPath: path) {
            let file = try SafeTensors(contentsOf: path)
            if origin.allSatisfy({ file.metadata[$0.key] == $0.value }), let stored = file.tensors["windows"],
                stored.values.count == set.values.count
            {
                return Self.labelled(stored.values, as: set)
            }
        }
        let values = try attack(set, against: network)
        var file = SafeTensors(metadata: origin)
        file.tensors["windows"] = .init(shape: [set.count, set.length], values: values)
        try file.write(to: path)
        return Self.labelled(values, as: set)
    }

    private func attack(_ set: BeatDataset, against network: any BeatNetwork) throws -> [Float] {
        let pieces = (set.count + Self.piece - 1) / Self.piece
        let shared = SharedNetwork(network)
        let done = AttackedPieces(count: pieces)
        let seed = self.seed
        let runtime = EvaluationRuntime.console(threads: threads)
        let progress = runtime.makeProgress(Double(set.count))
        progress.begin("attacking the training windows")
        ParallelBatches.run(Array(0..<pieces), on: runtime, makeWorker: { shared.replica() }) { network, number in
            let range = (number * Self.piece)..<min((number + 1) * Self.piece, set.count)
            let attacked = AdversarialExamples.make(
                of: set.subset(range), against: network, seed: SeededGenerator(seed: seed).split(UInt64(number)).state)
            done.values.withLock { $0[number] = attacked.values }
            progress.advance(Double(range.count))
        }
        progress.end()
        let values = done.values.withLock { $0 }
        guard !values.contains(where: \.isEmpty) else {
            throw EvaluationCancelled("stopped; the next run makes the attacked windows again")
        }
        return Array(values.joined())
    }

    private static func labelled(_ values: [Float], as set: BeatDataset) -> BeatDataset {
        var copies = BeatDataset()
        for index in 0..<set.count {
            guard let label = BeatClass(rawValue: set.labels[index]) else { continue }
            copies.append(values[(index * set.length)..<((index + 1) * set.length)], label: label)
        }
        return copies
    }
}

private final class AttackedPieces: Sendable {
    let values: Mutex<[[Float]]>

    init(count: Int) { values = Mutex(Array(repeating: [], count: count)) }
}
