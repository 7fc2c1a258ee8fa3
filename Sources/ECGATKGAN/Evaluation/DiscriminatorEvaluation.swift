internal import NeuralNetwork

/// A network's outputs on a labelled set, clean or attacked.
public struct DiscriminatorEvaluation: Sendable {
    public var confusion = ConfusionMatrix()
    /// The attack head's output for each window, in the set's order; empty if the network has no attack head.
    public var suspicions: [Float] = []

    /// Classifies every window of `data`, cropped to its middle 280 samples and scaled. If `attack` is given, each
    /// window is attacked first, white-box against `network` itself.
    ///
    /// - Parameter progress: called with the number of windows done.
    public init(
        _ data: BeatDataset, by network: any BeatNetwork, attack: WindowAttack? = nil, seed: UInt64 = 1,
        progress: (Int) -> Void = { _ in }
    ) {
        let length = Discriminator.windowLength
        let batch = 64
        let windows = FloatBuffer(count: batch * length)
        let attacked = FloatBuffer(count: batch * length)
        let scratch = AttackScratch()
        var generator = SeededGenerator(seed: seed)
        suspicions.reserveCapacity(data.count)
        for start in stride(from: 0, to: data.count, by: batch) {
            let size = min(batch, data.count - start)
            for item in 0..<size {
                let window = UnsafeMutableBufferPointer(start: windows.pointer + item * length, count: length)
                let from = (start + item) * data.length + data.margin
                for i in 0..<length { window[i] = data.values[from + i] }
                BeatDataset.scaleToUnitInterval(window)
            }
            let labels = Array(data.labels[start..<(start + size)])
            var input = windows.pointer
            if let attack {
                attack.perturb(
                    windows.pointer, labels: labels, batch: size, against: network, using: &generator,
                    scratch: scratch, into: attacked.pointer)
                input = attacked.pointer
            }
            let output = network.forward(input, batch: size, mode: .runningStatistics)
            for item in 0..<size {
                let row = output.classLogits + item * Discriminator.classCount
                var best = 0
                for c in 1..<Discriminator.classCount where row[c] > row[best] { best = c }
                guard let truth = BeatClass(rawValue: labels[item]), let answer = BeatClass(rawValue: UInt8(best))
                else { continue }
                confusion.add(truth: truth, answer: answer)
                if let attackLogits = output.attackLogits { suspicions.append(Activation.sigmoid(attackLogits[item])) }
            }
            progress(start + size)
        }
    }

    /// The area under the ROC curve of `positives` against `negatives` (Mann & Whitney 1947), in 0...1.
    public static func areaUnderCurve(positives: [Float], negatives: [Float]) -> Double {
        guard !positives.isEmpty, !negatives.isEmpty else { return .nan }
        let all = (positives.map { ($0, true) } + negatives.map { ($0, false) }).sorted { $0.0 < $1.0 }
        var rankSum = 0.0
        var position = 0
        while position < all.count {
            var end = position
            while end < all.count && all[end].0 == all[position].0 { end += 1 }
            // Tied scores share their mean rank.
            let rank = Double(position + 1 + end) / 2
            rankSum += rank * Double(all[position..<end].count { $0.1 })
            position = end
        }
        let p = Double(positives.count)
        let n = Double(negatives.count)
        return (rankSum - p * (p + 1) / 2) / (p * n)
    }
}
