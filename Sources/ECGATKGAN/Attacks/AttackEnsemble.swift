internal import NeuralNetwork

/// Several attacks tried on each window until one succeeds: the worst case as AutoAttack counts it (Croce & Hein
/// 2020). Windows that have been misclassified are removed, so that later, more expensive attacks run on few.
public struct AttackEnsemble: Sendable, Equatable {
    /// In the order they are tried; cheap ones first.
    public var attacks: [WindowAttack]
    /// Windows per forward pass.
    public var batch: Int

    public init(_ attacks: [WindowAttack], batch: Int = 64) {
        precondition(batch >= 1)
        self.attacks = attacks.map {
            var attack = $0
            attack.sparesFallen = true
            return attack
        }
        self.batch = batch
    }

    /// FGSM, BIM, PGD, CW, both forms of APGD and Square: all class attacks whose only constraint is the ball.
    public static func standard(epsilon: Float = 0.01) -> AttackEnsemble {
        AttackEnsemble(
            [.fgsm, .bim, .cw, .pgd, .apgdCE, .apgdDLR, .square].map { WindowAttack($0, epsilon: epsilon) })
    }

    /// The outcome for one window.
    public enum Fate: Sendable, Equatable {
        /// Classified correctly under every attack.
        case stands
        /// Misclassified without an attack.
        case misclassifiedUnattacked
        case fell(to: WindowAttack.Method)
    }

    public struct Outcome: Sendable, Equatable {
        /// One per window, in order.
        public internal(set) var fates: [Fate]
        /// (count, 280): the successful adversarial example; for a window that withstood all attacks, the closest
        /// attempt; for one misclassified without an attack, the window itself.
        public internal(set) var attacked: [Float]

        /// Percentage of windows that withstood all attacks.
        public var accuracy: Double {
            fates.isEmpty ? .nan : 100 * Double(fates.count { $0 == .stands }) / Double(fates.count)
        }

        public func count(fellTo method: WindowAttack.Method) -> Int { fates.count { $0 == .fell(to: method) } }
    }

    /// Attacks `labels.count` windows of 280 values in [0,1], stored consecutively in `windows`.
    ///
    /// - Parameters:
    ///   - network: attacked and evaluated on the calling thread only.
    ///   - progress: called with the attack, the number of windows done, and the number that withstood all earlier
    ///     attacks.
    public func attack(
        _ windows: [Float], labels: [UInt8], against network: any BeatNetwork, seed: UInt64,
        progress: (_ attack: WindowAttack, _ done: Int, _ standing: Int) -> Void = { _, _, _ in }
    ) -> Outcome {
        let length = Discriminator.windowLength
        precondition(windows.count == labels.count * length)
        var outcome = Outcome(fates: Array(repeating: .stands, count: labels.count), attacked: windows)
        let scratch = AttackScratch()
        let part = CompactedWindows()
        let found = FloatBuffer(count: batch)
        var margins = [Float](repeating: 0, count: labels.count)
        windows.withUnsafeBufferPointer { windows in
            labels.withUnsafeBufferPointer { labels in
                guard let first = windows.baseAddress, let firstLabel = labels.baseAddress else { return }
                let whole = AttackBatch(windows: first, labels: firstLabel, count: labels.count, network: network)
                func eachBatch(_ indices: [Int], _ body: (AttackBatch) -> Void) {
                    for start in stride(from: 0, to: indices.count, by: batch) {
                        body(part.gather(Array(indices[start..<min(start + batch, indices.count)]), of: whole))
                    }
                }
                eachBatch(Array(labels.indices)) { some in
                    some.readMargins(at: some.windows, into: found.pointer)
                    for (row, index) in part.indices.enumerated() {
                        margins[index] = found.pointer[row]
                        if margins[index] > 0 { outcome.fates[index] = .misclassifiedUnattacked }
                    }
                }
                for (number, attack) in attacks.enumerated() {
                    let standing = labels.indices.filter { outcome.fates[$0] == .stands }
                    var generator = SeededGenerator(seed: seed).split(UInt64(number) + 1)
                    var done = 0
                    eachBatch(standing) { some in
                        let attacked = part.attacked.pointer
                        attack.perturb(
                            some.windows, labels: some.labels, batch: some.count, against: network, using: &generator,
                            scratch: scratch, into: attacked)
                        some.readMargins(at: attacked, into: found.pointer)
                        for (row, index) in part.indices.enumerated() where found.pointer[row] > margins[index] {
                            margins[index] = found.pointer[row]
                            if margins[index] > 0 { outcome.fates[index] = .fell(to: attack.method) }
                            for i in 0..<length { outcome.attacked[index * length + i] = attacked[row * length + i] }
                        }
                        done += some.count
                        progress(attack, done, standing.count)
                    }
                }
            }
        }
        return outcome
    }
}
