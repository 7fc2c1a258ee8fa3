public import ECGATKGAN
import Glibc
import NeuralNetwork

/// A network's answers before and after an attack.
public struct AttackReport: Encodable, Sendable {
    /// A network's answers to all windows.
    public struct Answers: Encodable, Sendable {
        /// In percent.
        public var accuracy: Double
        /// Mean, 0 to 1; nil if the network has no attack head.
        public var suspicion: Double?
        /// Windows with a suspicion above one half, in percent.
        public var suspected: Double?
    }

    enum CodingKeys: String, CodingKey {
        case model, method, epsilon, windows, before, after, seconds
        case largestChange = "largest_change"
        case rootMeanSquareChange = "root_mean_square_change"
    }

    public var model: String
    public var method: String
    public var epsilon: Float
    public var windows: Int
    public var before: Answers
    public var after: Answers
    /// Means over the windows of the maximum change and of the root mean square change.
    public var largestChange: Double
    public var rootMeanSquareChange: Double
    public var seconds: Double

    public init(
        _ attack: WindowAttack, on windows: EvaluationWindows, against network: any BeatNetwork, model: String,
        seed: UInt64
    ) {
        let length = Discriminator.windowLength
        let batch = 64
        let rows = (0..<windows.count).map { Array(windows.window($0)) }
        let labels = windows.labels.compactMap { BeatClass(rawValue: $0) }
        var attacked: [[Float]] = []
        let clock = ContinuousClock()
        let taken = clock.measure {
            for start in stride(from: 0, to: rows.count, by: batch) {
                let part = start..<min(start + batch, rows.count)
                attacked += attack.perturb(
                    Array(rows[part]), labels: Array(labels[part]), against: network, seed: seed &+ UInt64(start))
            }
        }
        var largest = 0.0
        var rootMeanSquare = 0.0
        for (one, other) in zip(attacked, rows) {
            let changes = zip(one, other).map { Double(abs($0 - $1)) }
            largest += (changes.max() ?? 0) / Double(rows.count)
            rootMeanSquare += (changes.reduce(0) { $0 + $1 * $1 } / Double(length)).squareRoot() / Double(rows.count)
        }
        self.model = model
        method = attack.method.rawValue
        epsilon = attack.epsilon
        self.windows = rows.count
        before = Self.answers(rows, labels, by: network)
        after = Self.answers(attacked, labels, by: network)
        largestChange = largest
        rootMeanSquareChange = rootMeanSquare
        seconds = taken / .seconds(1)
    }

    private static func answers(_ rows: [[Float]], _ labels: [BeatClass], by network: any BeatNetwork) -> Answers {
        var right = 0
        var suspicions: [Double] = []
        for start in stride(from: 0, to: rows.count, by: 64) {
            let part = start..<min(start + 64, rows.count)
            let flat = rows[part].flatMap { $0 }
            flat.withUnsafeBufferPointer { flat in
                guard let first = flat.baseAddress else { return }
                let output = network.forward(first, batch: part.count, mode: .runningStatistics)
                for (item, index) in part.enumerated() {
                    let logits = output.classLogits + item * Discriminator.classCount
                    let best = (0..<Discriminator.classCount).max { logits[$0] < logits[$1] }
                    if best == Int(labels[index].rawValue) { right += 1 }
                    if let attackLogits = output.attackLogits {
                        suspicions.append(Suspicion.probability(attackLogits[item]))
                    }
                }
            }
        }
        let share = 100 / Double(max(suspicions.count, 1))
        return Answers(
            accuracy: 100 * Double(right) / Double(max(rows.count, 1)),
            suspicion: suspicions.isEmpty ? nil : suspicions.reduce(0, +) / Double(suspicions.count),
            suspected: suspicions.isEmpty ? nil : Double(suspicions.count { $0 > 0.5 }) * share)
    }
}

/// Suspicions as probabilities and as the attack head's logits.
public enum Suspicion {
    /// The sigmoid: 0 ... 1.
    public static func probability(_ logit: Float) -> Double { 1 / (1 + exp(-Double(logit))) }
    /// The inverse of the sigmoid, of a probability between 0 and 1.
    public static func logit(_ probability: Double) -> Float { Float(log(probability / (1 - probability))) }
}
