internal import NeuralNetwork

/// Labelled beat windows: (count, length) values, row-major, and the class of each.
///
/// A training set may have a margin on both sides of its windows so that the position of R can be jittered; `length`
/// is then 280 + 2 * margin, and the values are in millivolts, scaled only after cropping.
public struct BeatDataset: Sendable {
    public let margin: Int
    public var length: Int { Discriminator.windowLength + 2 * margin }
    public private(set) var values: [Float] = []
    public private(set) var labels: [UInt8] = []

    public init(margin: Int = 0) {
        precondition(margin >= 0)
        self.margin = margin
    }

    public var count: Int { labels.count }

    public mutating func append(_ window: some Collection<Float>, label: BeatClass) {
        precondition(window.count == length)
        values.append(contentsOf: window)
        labels.append(label.rawValue)
    }

    /// Appends the windows of another set with the same margin.
    public mutating func append(contentsOf other: BeatDataset) {
        precondition(other.margin == margin)
        values += other.values
        labels += other.labels
    }

    public func window(_ index: Int) -> ArraySlice<Float> {
        values[(index * length)..<((index + 1) * length)]
    }

    public func indices(of beatClass: BeatClass) -> [Int] {
        labels.indices.filter { labels[$0] == beatClass.rawValue }
    }

    public func count(of beatClass: BeatClass) -> Int {
        labels.count { $0 == beatClass.rawValue }
    }

    public func subset(_ indices: some Sequence<Int>) -> BeatDataset {
        var subset = BeatDataset(margin: margin)
        for index in indices {
            subset.values.append(contentsOf: window(index))
            subset.labels.append(labels[index])
        }
        return subset
    }

    /// The middle 280 samples of every window, scaled to [0,1].
    public func withoutMargin() -> BeatDataset {
        var cut = BeatDataset()
        cut.labels = labels
        cut.values.reserveCapacity(count * cut.length)
        for index in labels.indices { cut.values += window(index).dropFirst(margin).prefix(cut.length) }
        cut.values.withUnsafeMutableBufferPointer { values in
            for start in stride(from: 0, to: values.count, by: Discriminator.windowLength) {
                Self.scaleToUnitInterval(
                    UnsafeMutableBufferPointer(rebasing: values[start..<(start + Discriminator.windowLength)]))
            }
        }
        return cut
    }

    /// Splits off a fraction of every class with a fixed seed: protocol P holds out 20 %.
    ///
    /// - Parameter share: fraction of each class, in 0...1, that goes into the second set.
    public func stratifiedSplit(heldOut share: Double, seed: UInt64) -> (training: BeatDataset, heldOut: BeatDataset) {
        precondition((0...1).contains(share))
        var training: [Int] = []
        var heldOut: [Int] = []
        var generator = SeededGenerator(seed: seed)
        for beatClass in BeatClass.allCases {
            let shuffled = indices(of: beatClass).shuffled(using: &generator)
            let count = Int((Double(shuffled.count) * share).rounded())
            heldOut += shuffled.prefix(count)
            training += shuffled.dropFirst(count)
        }
        return (subset(training.sorted()), subset(heldOut.sorted()))
    }

    /// Keeps at most `count` windows of a class, drawn with a fixed seed; the other classes are kept whole.
    public func limited(_ beatClass: BeatClass, to count: Int, seed: UInt64) -> BeatDataset {
        var generator = SeededGenerator(seed: seed)
        let kept = Set(indices(of: beatClass).shuffled(using: &generator).prefix(count))
        return subset(labels.indices.filter { labels[$0] != beatClass.rawValue || kept.contains($0) })
    }

    /// Oversamples a class to `count` windows by SMOTE (Chawla et al. 2002): new windows are interpolated between a
    /// window and one of its `neighbours` nearest neighbours in the class (Euclidean distance).
    public mutating func oversample(_ beatClass: BeatClass, to target: Int, neighbours: Int = 5, seed: UInt64) {
        let own = indices(of: beatClass)
        guard own.count >= 2, own.count < target else { return }
        let nearest = nearestNeighbours(own, neighbours: min(neighbours, own.count - 1))
        var generator = SeededGenerator(seed: seed)
        let missing = target - own.count
        values.reserveCapacity(values.count + missing * length)
        // Every window is used as a base equally often.
        for number in 0..<missing {
            let position = number % own.count
            let base = own[position]
            let other = own[nearest[position].randomElement(using: &generator) ?? position]
            let share = generator.nextUniform()
            for i in 0..<length {
                let from = values[base * length + i]
                values.append(from + share * (values[other * length + i] - from))
            }
            labels.append(beatClass.rawValue)
        }
    }

    /// The positions in `own` of the nearest neighbours of each of its windows.
    private func nearestNeighbours(_ own: [Int], neighbours: Int) -> [[Int]] {
        // |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, block by block.
        let packed = own.flatMap { window($0) }
        let count = own.count
        let block = 256
        return packed.withUnsafeBufferPointer { rows in
            let base = rows.baseAddress!
            let norms = (0..<count).map { i in
                (0..<length).reduce(Float(0)) { $0 + base[i * length + $1] * base[i * length + $1] }
            }
            var products = [Float](repeating: 0, count: block * count)
            var result: [[Int]] = []
            result.reserveCapacity(count)
            for start in stride(from: 0, to: count, by: block) {
                let size = min(block, count - start)
                products.withUnsafeMutableBufferPointer { products in
                    BLAS.multiply(
                        rows: size, columns: count, depth: length, left: base + start * length, right: base,
                        transposingRight: true, result: products.baseAddress!)
                    for row in 0..<size {
                        var best: [(distance: Float, position: Int)] = []
                        for column in 0..<count where column != start + row {
                            let distance = norms[column] - 2 * products[row * count + column]
                            if best.count < neighbours || distance < best[best.count - 1].distance {
                                let place = best.firstIndex { distance < $0.distance } ?? best.count
                                best.insert((distance, column), at: place)
                                if best.count > neighbours { best.removeLast() }
                            }
                        }
                        result.append(best.map(\.position))
                    }
                }
            }
            return result
        }
    }
}
