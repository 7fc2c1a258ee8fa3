internal import NeuralNetwork

/// Labelled windows in the form that networks take: (count, 280) in [0,1], stored consecutively.
public struct EvaluationWindows: Sendable {
    public let values: [Float]
    public let labels: [UInt8]

    public var count: Int { labels.count }

    /// The middle 280 samples of every window of a set, scaled to [0,1].
    public init(_ data: BeatDataset) {
        let length = Discriminator.windowLength
        labels = data.labels
        values = [Float](unsafeUninitializedCapacity: data.count * length) { buffer, initialized in
            for item in 0..<data.count {
                let from = item * data.length + data.margin
                for i in 0..<length { buffer.initializeElement(at: item * length + i, to: data.values[from + i]) }
                BeatDataset.scaleToUnitInterval(
                    UnsafeMutableBufferPointer(rebasing: buffer[(item * length)..<((item + 1) * length)]))
            }
            initialized = data.count * length
        }
    }

    private init(values: [Float], labels: [UInt8]) {
        self.values = values
        self.labels = labels
    }

    public func window(_ index: Int) -> ArraySlice<Float> {
        values[(index * Discriminator.windowLength)..<((index + 1) * Discriminator.windowLength)]
    }

    public func subset(_ indices: [Int]) -> EvaluationWindows {
        EvaluationWindows(values: indices.flatMap { window($0) }, labels: indices.map { labels[$0] })
    }

    /// Ascending indices of about `size` windows, the same fraction of each class, drawn with the seed; all indices
    /// if the set is no larger. Every class keeps at least one window.
    public func stratifiedSample(_ size: Int, seed: UInt64) -> [Int] {
        guard size < count else { return Array(labels.indices) }
        var generator = SeededGenerator(seed: seed)
        var chosen: [Int] = []
        for beatClass in BeatClass.allCases {
            let own = labels.indices.filter { labels[$0] == beatClass.rawValue }.shuffled(using: &generator)
            guard !own.isEmpty else { continue }
            let share = Double(own.count) * Double(size) / Double(count)
            chosen += own.prefix(max(Int(share.rounded()), 1))
        }
        return chosen.sorted()
    }

    public func count(of beatClass: BeatClass) -> Int { labels.count { $0 == beatClass.rawValue } }

    /// SHA-256 of the values (IEEE 754, as in memory) and the labels; identifies the set.
    public var checksum: String {
        SHA256.hexadecimalDigest(of: values.withUnsafeBytes { Array($0) } + labels)
    }
}
