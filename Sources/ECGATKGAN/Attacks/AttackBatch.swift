internal import NeuralNetwork

/// The windows under attack and the network being attacked.
struct AttackBatch {
    /// (B, 280), in [0,1].
    let windows: UnsafePointer<Float>
    let labels: UnsafePointer<UInt8>
    let count: Int
    let network: any BeatNetwork

    static let length = Discriminator.windowLength
    var sampleCount: Int { count * Self.length }

    /// Computes the gradient of every window's objective at `attacked`, (B, 280), valid until the network's next
    /// pass.
    ///
    /// - Parameters:
    ///   - values: (B), overwritten with the objectives.
    ///   - margins: (B), overwritten with the margin of the best wrong class.
    func slope(
        of objective: AttackObjective, at attacked: UnsafePointer<Float>, scratch: AttackScratch,
        values: UnsafeMutablePointer<Float>? = nil, margins: UnsafeMutablePointer<Float>? = nil
    ) -> UnsafeMutablePointer<Float> {
        let classes = Discriminator.classCount
        let gradient = scratch.classGradient.reserve(count * classes)
        let logits = network.forward(attacked, batch: count, mode: .runningStatistics).classLogits
        for b in 0..<count {
            let label = Int(labels[b])
            let value = objective.evaluate(logits + b * classes, label: label, gradient: gradient + b * classes)
            values?[b] = value
            margins?[b] = AttackObjective.margin(logits + b * classes, label: label)
        }
        return network.inputGradient(batch: count, classGradient: gradient)
    }

    /// Computes the margin of the best wrong class at `attacked`, (B), without a gradient.
    func readMargins(at attacked: UnsafePointer<Float>, into margins: UnsafeMutablePointer<Float>) {
        let classes = Discriminator.classCount
        let logits = network.forward(attacked, batch: count, mode: .runningStatistics).classLogits
        for b in 0..<count { margins[b] = AttackObjective.margin(logits + b * classes, label: Int(labels[b])) }
    }

    /// Sets `attacked` to points drawn uniformly from the ball.
    func startAtRandom(
        _ attacked: UnsafeMutablePointer<Float>, within epsilon: Float, using generator: inout SeededGenerator
    ) {
        for i in 0..<sampleCount {
            attacked[i] = min(max(windows[i] + epsilon * (2 * generator.nextUniform() - 1), 0), 1)
        }
    }

    /// One step along the sign of `slope`, projected back into the ball.
    func move(
        _ attacked: UnsafeMutablePointer<Float>, alongSignsOf slope: UnsafePointer<Float>, by step: Float,
        within epsilon: Float
    ) {
        for i in 0..<sampleCount {
            let sign: Float = slope[i] > 0 ? 1 : (slope[i] < 0 ? -1 : 0)
            let low = max(windows[i] - epsilon, 0)
            let high = min(windows[i] + epsilon, 1)
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
        return current(batch.network)
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
    func current(_ network: any BeatNetwork) -> AttackBatch {
        guard let labels = labels.baseAddress else { preconditionFailure("nothing was gathered") }
        return AttackBatch(windows: windows.pointer, labels: labels, count: indices.count, network: network)
    }
}

extension FloatBuffer {
    func moveRow(_ source: Int, to target: Int, length: Int) {
        (pointer + target * length).update(from: pointer + source * length, count: length)
    }
}
