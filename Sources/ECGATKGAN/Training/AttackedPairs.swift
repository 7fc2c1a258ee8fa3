internal import NeuralNetwork

/// The paper's training set (section 3.1): clean windows, and an attacked copy of each, made once before the training.
///
/// Each window is 280 values in [0,1]. The first half are the clean ones; window `index + clean count` is the attacked copy of
/// window `index`.
public struct AttackedPairs: Sendable {
    private let clean: [Float], attacked: [Float]
    private let cleanLabels: [UInt8]

    /// - Parameters:
    ///   - clean: windows without a margin, scaled to [0,1].
    ///   - attacked: (count, 280), in the order of `clean`.
    public init(clean: BeatDataset, attacked: [Float]) {
        precondition(clean.margin == 0 && attacked.count == clean.values.count)
        self.clean = clean.values
        self.attacked = attacked
        cleanLabels = clean.labels
    }

    /// Attacks every window of `clean` once against `network`, with the attacks in turn.
    ///
    /// - Parameters:
    ///   - network: trained on its own beforehand; the paper's windows target "the discriminator".
    ///   - progress: called with the number of windows done.
    public init(
        attacking clean: BeatDataset, against network: any BeatNetwork, by attacks: [WindowAttack], seed: UInt64,
        progress: (Int) -> Void = { _ in }
    ) {
        precondition(clean.margin == 0 && !attacks.isEmpty)
        let length = Discriminator.windowLength, batch = 64
        var attacked = [Float](repeating: 0, count: clean.values.count)
        var generator = SeededGenerator(seed: seed)
        let scratch = AttackScratch()
        // Batch by batch one attack: the labels' order must not decide which windows get which.
        let order = Array(clean.labels.indices).shuffled(using: &generator)
        let windows = FloatBuffer(count: batch * length), result = FloatBuffer(count: batch * length)
        for (number, start) in stride(from: 0, to: order.count, by: batch).enumerated() {
            let indices = order[start..<min(start + batch, order.count)]
            for (item, index) in indices.enumerated() {
                for i in 0..<length { windows.pointer[item * length + i] = clean.values[index * length + i] }
            }
            attacks[number % attacks.count].perturb(
                windows.pointer, labels: indices.map { clean.labels[$0] }, batch: indices.count, against: network,
                using: &generator, scratch: scratch, into: result.pointer)
            for (item, index) in indices.enumerated() {
                for i in 0..<length { attacked[index * length + i] = result.pointer[item * length + i] }
            }
            progress(start + indices.count)
        }
        self.init(clean: clean, attacked: attacked)
    }

    public var cleanCount: Int { cleanLabels.count }
    /// Clean and attacked windows together.
    public var count: Int { 2 * cleanCount }

    public func isAttacked(_ index: Int) -> Bool { index >= cleanCount }
    public func label(_ index: Int) -> UInt8 { cleanLabels[index % cleanCount] }

    /// Writes window `index` to `window` (280).
    func copyWindow(_ index: Int, to window: UnsafeMutablePointer<Float>) {
        copyRow(index % cleanCount, of: isAttacked(index) ? attacked : clean, to: window)
    }

    /// Writes what window `index` was before it was attacked to `window` (280).
    func copyOriginal(_ index: Int, to window: UnsafeMutablePointer<Float>) {
        copyRow(index % cleanCount, of: clean, to: window)
    }

    private func copyRow(_ row: Int, of values: [Float], to window: UnsafeMutablePointer<Float>) {
        let length = Discriminator.windowLength
        values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            window.update(from: base + row * length, count: length)
        }
    }

    /// Identifies the windows: of another set, a checkpoint is refused.
    var checksum: String {
        SHA256.hexadecimalDigest(
            of: clean.withUnsafeBytes { Array($0) } + attacked.withUnsafeBytes { Array($0) } + cleanLabels)
    }
}
