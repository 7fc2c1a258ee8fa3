internal import NeuralNetwork

/// The paper's training set (section 3.1): clean windows and an adversarial example of each, made once before
/// training.
///
/// Each window is 280 values in [0,1]. The first half is clean; window `index + clean count` is the adversarial
/// example of window `index`.
public struct AdversarialPairs: Sendable {
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

    /// Attacks every window of `clean` once against `network`, cycling through the attacks.
    ///
    /// - Parameters:
    ///   - network: trained separately beforehand; the paper's windows target "the discriminator".
    ///   - progress: called with the number of windows done.
    public init(
        attacking clean: BeatDataset, against network: any BeatNetwork, by attacks: [WindowAttack], seed: UInt64,
        progress: (Int) -> Void = { _ in }
    ) {
        let copies = AdversarialExamples.make(of: clean, against: network, by: attacks, seed: seed, progress: progress)
        self.init(clean: clean, attacked: copies.values)
    }

    public var cleanCount: Int { cleanLabels.count }
    /// Number of clean and adversarial windows together.
    public var count: Int { 2 * cleanCount }

    public func isAttacked(_ index: Int) -> Bool { index >= cleanCount }
    public func label(_ index: Int) -> UInt8 { cleanLabels[index % cleanCount] }

    /// Writes window `index` to `window` (280).
    func copyWindow(_ index: Int, to window: UnsafeMutablePointer<Float>) {
        copyRow(index % cleanCount, of: isAttacked(index) ? attacked : clean, to: window)
    }

    /// Writes the clean original of window `index` to `window` (280).
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

    /// Identifies the windows: a checkpoint made with another set is refused.
    var checksum: String {
        SHA256.hexadecimalDigest(
            of: clean.withUnsafeBytes { Array($0) } + attacked.withUnsafeBytes { Array($0) } + cleanLabels)
    }
}
