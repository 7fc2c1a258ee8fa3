internal import NeuralNetwork

/// The adversarial half of a stored training set (section 3.1 of the paper), made once against a network trained
/// beforehand.
public enum AdversarialExamples {
    /// FGSM, BIM, PGD and CW with epsilon 0.01; PGD from one start.
    public static let paperAttacks: [WindowAttack] = [
        WindowAttack(.fgsm), WindowAttack(.bim), WindowAttack(.pgd, restarts: 1), WindowAttack(.cw),
    ]

    /// Creates an adversarial example of each window, in the same order. Each attack gets an equal share of the
    /// windows, drawn with `seed`.
    ///
    /// - Parameters:
    ///   - data: windows without a margin, scaled to [0,1].
    ///   - progress: called with the number of windows done.
    public static func make(
        of data: BeatDataset, against network: any BeatNetwork, by attacks: [WindowAttack] = paperAttacks, seed: UInt64,
        progress: (Int) -> Void = { _ in }
    ) -> BeatDataset {
        precondition(data.margin == 0 && !attacks.isEmpty)
        let length = Discriminator.windowLength
        let batch = 64
        var attacked = data.values
        var random = SeededGenerator(seed: seed)
        let order = Array(0..<data.count).shuffled(using: &random)
        let windows = FloatBuffer(count: batch * length)
        let results = FloatBuffer(count: batch * length)
        let scratch = AttackScratch()
        var done = 0
        for (number, attack) in attacks.enumerated() {
            let own = stride(from: number, to: order.count, by: attacks.count).map { order[$0] }
            for start in stride(from: 0, to: own.count, by: batch) {
                let indices = own[start..<min(start + batch, own.count)]
                for (item, index) in indices.enumerated() {
                    for i in 0..<length { windows.pointer[item * length + i] = data.values[index * length + i] }
                }
                attack.perturb(
                    windows.pointer, labels: indices.map { data.labels[$0] }, batch: indices.count, against: network,
                    using: &random, scratch: scratch, into: results.pointer)
                for (item, index) in indices.enumerated() {
                    for i in 0..<length { attacked[index * length + i] = results.pointer[item * length + i] }
                }
                done += indices.count
                progress(done)
            }
        }
        var copies = BeatDataset()
        for index in 0..<data.count {
            guard let label = BeatClass(rawValue: data.labels[index]) else { continue }
            copies.append(attacked[(index * length)..<((index + 1) * length)], label: label)
        }
        return copies
    }
}
