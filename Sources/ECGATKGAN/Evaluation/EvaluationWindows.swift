internal import NeuralNetwork

/// Labelled windows as the networks take them: (count, 280) in [0,1], one after the other.
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

    /// Places of about `size` windows, of each class the same share, drawn with the seed, ascending; every place where
    /// the set is no larger. A class is never left without a window.
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

    /// SHA-256 over the values (IEEE 754, as in memory) and the labels: tells one set from another.
    public var checksum: String {
        SHA256.hexadecimalDigest(of: values.withUnsafeBytes { Array($0) } + labels)
    }
}
