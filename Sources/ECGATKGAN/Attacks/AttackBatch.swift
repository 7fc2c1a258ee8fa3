internal import NeuralNetwork

/// The windows under attack and the network being attacked.
struct AttackBatch {
    /// (B, 280), in [0,1].
    let windows: UnsafePointer<Float>
    let labels: UnsafePointer<UInt8>
    let count: Int
    let network: any BeatNetwork
    /// What a sample may become: [0,1], or anything if the windows are scaled after the attack.
    var box: ClosedRange<Float> = unitBox
    /// The class to be reached; nil: any but the true one.
    var aim: UInt8?

    static let unitBox: ClosedRange<Float> = 0...1
    static let noBox: ClosedRange<Float> = -Float.infinity...Float.infinity
    static let length = Discriminator.windowLength
    var sampleCount: Int { count * Self.length }

    /// Computes the gradient of every window's objective at `attacked`, (B, 280), valid until the network's next
    /// pass.
    ///
    /// - Parameters:
    ///   - values: (B), overwritten with the objectives.
    ///   - margins: (B), overwritten with the margin of the best wrong class, or of the aim.
    func slope(
        of objective: AttackObjective, at attacked: UnsafePointer<Float>, scratch: AttackScratch,
        values: UnsafeMutablePointer<Float>? = nil, margins: UnsafeMutablePointer<Float>? = nil
    ) -> UnsafeMutablePointer<Float> {
        let classes = Discriminator.classCount
        let gradient = scratch.classGradient.reserve(count * classes)
        let logits = network.forward(attacked, batch: count, mode: .runningStatistics).classLogits
        for b in 0..<count {
            // To reach a class is to make the most of what leads away from it, with the opposite sign.
            let label = Int(aim ?? labels[b])
            let value = objective.evaluate(logits + b * classes, label: label, gradient: gradient + b * classes)
            if aim != nil { for c in 0..<classes { gradient[b * classes + c].negate() } }
            values?[b] = aim == nil ? value : -value
            margins?[b] = margin(logits + b * classes, b)
        }
        return network.inputGradient(batch: count, classGradient: gradient)
    }

    /// Computes the margin at `attacked`, (B), without a gradient.
    func readMargins(at attacked: UnsafePointer<Float>, into margins: UnsafeMutablePointer<Float>) {
        let classes = Discriminator.classCount
        let logits = network.forward(attacked, batch: count, mode: .runningStatistics).classLogits
        for b in 0..<count { margins[b] = margin(logits + b * classes, b) }
    }

    /// Positive if the window has what the attack wants: a wrong class, or the one that is its aim.
    private func margin(_ logits: UnsafePointer<Float>, _ b: Int) -> Float {
        if let aim { return -AttackObjective.margin(logits, label: Int(aim)) }
        return AttackObjective.margin(logits, label: Int(labels[b]))
    }

    /// Sets `attacked` to points drawn uniformly from the ball.
    ///
    /// Without a box, half of the windows also begin with their minimum raised, and half with their maximum lowered, by
    /// cutting off what is beyond: many samples together make an extreme move inwards, which steps along a gradient,
    /// which shows only the outermost sample, hardly find.
    func startAtRandom(
        _ attacked: UnsafeMutablePointer<Float>, within epsilon: Float, using generator: inout SeededGenerator
    ) {
        for i in 0..<sampleCount {
            attacked[i] = clamped(windows[i] + epsilon * (2 * generator.nextUniform() - 1))
        }
        if box == Self.noBox { Self.moveExtremesInwards(attacked, windows, count, by: epsilon, using: &generator) }
    }

    /// Cuts off the lowest and the highest `epsilon` of each window, each with a probability of one half.
    static func moveExtremesInwards(
        _ attacked: UnsafeMutablePointer<Float>, _ windows: UnsafePointer<Float>, _ count: Int, by epsilon: Float,
        using generator: inout SeededGenerator
    ) {
        for b in 0..<count {
            let range = (b * length)..<((b + 1) * length)
            var (least, greatest) = (Float.infinity, -Float.infinity)
            for i in range { (least, greatest) = (min(least, windows[i]), max(greatest, windows[i])) }
            let low = generator.next() & 1 == 0 ? least + epsilon : -.infinity
            let high = generator.next() & 1 == 0 ? greatest - epsilon : .infinity
            guard low < high else { continue }
            for i in range { attacked[i] = min(max(attacked[i], low), high) }
        }
    }

    @inline(__always)
    func clamped(_ value: Float) -> Float { min(max(value, box.lowerBound), box.upperBound) }

    /// One step along the sign of `slope`, projected back into the ball.
    func move(
        _ attacked: UnsafeMutablePointer<Float>, alongSignsOf slope: UnsafePointer<Float>, by step: Float,
        within epsilon: Float
    ) {
        for i in 0..<sampleCount {
            let sign: Float = slope[i] > 0 ? 1 : (slope[i] < 0 ? -1 : 0)
            let low = max(windows[i] - epsilon, box.lowerBound)
            let high = min(windows[i] + epsilon, box.upperBound)
            attacked[i] = min(max(attacked[i] + step * sign, low), high)
        }
    }
}

/// A contiguous copy of some windows of a batch, so that the network processes only those.
final class CompactedWindows {
    /// Index of each window in the batch.
    private(set) var indices: [Int] = []
    let windows = FloatBuffer(), attacked = FloatBuffer()
    private var labels = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 0)

    deinit { labels.deallocate() }

    /// Copies the windows at `indices` of `batch`; valid until the next call.
    func gather(_ indices: [Int], of batch: AttackBatch) -> AttackBatch {
        let length = AttackBatch.length
        self.indices = indices
        let rows = windows.reserve(indices.count * length)
        attacked.reserve(indices.count * length)
        if labels.count < indices.count {
            labels.deallocate()
            labels = .allocate(capacity: indices.count)
            labels.initialize(repeating: 0)
        }
        for (row, index) in indices.enumerated() {
            (rows + row * length).update(from: batch.windows + index * length, count: length)
            labels[row] = batch.labels[index]
        }
        return current(like: batch)
    }

    /// Removes a row by moving the last one into its place.
    func remove(_ row: Int) {
        let length = AttackBatch.length
        let last = indices.count - 1
        if row != last {
            windows.moveRow(last, to: row, length: length)
            attacked.moveRow(last, to: row, length: length)
            labels[row] = labels[last]
            indices[row] = indices[last]
        }
        indices.removeLast()
    }

    /// The windows left after `remove`.
    func current(like batch: AttackBatch) -> AttackBatch {
        guard let labels = labels.baseAddress else { preconditionFailure("nothing was gathered") }
        return AttackBatch(
            windows: windows.pointer, labels: labels, count: indices.count, network: batch.network, box: batch.box,
            aim: batch.aim)
    }
}

extension FloatBuffer {
    func moveRow(_ source: Int, to target: Int, length: Int) {
        (pointer + target * length).update(from: pointer + source * length, count: length)
    }
}
