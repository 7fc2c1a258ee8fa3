internal import NeuralNetwork

/// Square (Andriushchenko et al. 2020), the L-infinity form, on one-dimensional signals: random search at the rim of
/// the ball.
///
/// It asks for logits only, so that a network whose gradient misleads does not withstand it for that. Squares of an
/// image become intervals of the window.
struct SquareAttack {
    var epsilon: Float
    /// The most passes of the network for one window.
    var queries: Int

    /// Share of the window that the first intervals change.
    static let firstShare = 0.8

    final class Scratch {
        let standing = CompactedWindows()
        let candidate = FloatBuffer(), margins = FloatBuffer(), candidateMargins = FloatBuffer()
    }

    /// Samples of the intervals in query `number`: halved at fixed points of a schedule for 10,000 queries, stretched
    /// to ours.
    func intervalLength(inQuery number: Int) -> Int {
        let position = number * 10_000 / max(queries, 1)
        let halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000].count { position > $0 }
        return max(Int((Self.firstShare / Double(1 << halvings) * Double(AttackBatch.length)).rounded()), 1)
    }

    /// Windows that are misclassified as they are stay so; one that falls is asked about no more.
    func perturb(
        _ batch: AttackBatch, using generator: inout SeededGenerator, scratch: AttackScratch,
        into attacked: UnsafeMutablePointer<Float>
    ) {
        let length = AttackBatch.length
        let own = scratch.square
        let standing = own.standing
        let margins = own.margins.reserve(batch.count)
        let candidateMargins = own.candidateMargins.reserve(batch.count)
        let candidate = own.candidate.reserve(batch.sampleCount)
        attacked.update(from: batch.windows, count: batch.sampleCount)
        batch.readMargins(at: batch.windows, into: candidateMargins)
        let right = (0..<batch.count).filter { candidateMargins[$0] <= 0 }
        if right.isEmpty { return }
        var part = standing.gather(right, of: batch)
        let best = standing.attacked.pointer
        for (row, b) in right.enumerated() { margins[row] = candidateMargins[b] }
        best.update(from: part.windows, count: part.sampleCount)
        for query in 0..<queries {
            let interval = intervalLength(inQuery: query)
            for row in 0..<part.count {
                let window = part.windows + row * length
                let to = candidate + row * length
                to.update(from: best + row * length, count: length)
                if query == 0 {
                    // Stripes as wide as a sample.
                    for i in 0..<length { Self.set(to, window, i, generator.next() & 1 == 0 ? epsilon : -epsilon) }
                } else {
                    Self.change(to, window, interval: interval, epsilon: epsilon, using: &generator)
                }
            }
            part.readMargins(at: candidate, into: candidateMargins)
            // Backwards, because a row that falls is replaced by the last one.
            for row in (0..<part.count).reversed() where candidateMargins[row] > margins[row] || query == 0 {
                let from = candidate + row * length
                (best + row * length).update(from: from, count: length)
                margins[row] = candidateMargins[row]
                if margins[row] > 0 {
                    (attacked + standing.indices[row] * length).update(from: from, count: length)
                    margins[row] = margins[standing.indices.count - 1]
                    standing.remove(row)
                }
            }
            if standing.indices.isEmpty { return }
            part = standing.current(batch.network)
        }
        for (row, b) in standing.indices.enumerated() {
            (attacked + b * length).update(from: best + row * length, count: length)
        }
    }

    private static func set(
        _ to: UnsafeMutablePointer<Float>, _ window: UnsafePointer<Float>, _ i: Int, _ change: Float
    ) {
        to[i] = min(max(window[i] + change, 0), 1)
    }

    /// Puts an interval at the other rim; draws anew where everything is there already.
    private static func change(
        _ to: UnsafeMutablePointer<Float>, _ window: UnsafePointer<Float>, interval: Int, epsilon: Float,
        using generator: inout SeededGenerator
    ) {
        for _ in 0..<8 {
            let start = Int.random(in: 0...(AttackBatch.length - interval), using: &generator)
            let change = generator.next() & 1 == 0 ? epsilon : -epsilon
            var hasChanged = false
            for i in start..<(start + interval) {
                let before = to[i]
                set(to, window, i, change)
                if abs(to[i] - before) > 1e-7 { hasChanged = true }
            }
            if hasChanged { return }
        }
    }
}
