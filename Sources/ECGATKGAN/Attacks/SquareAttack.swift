internal import NeuralNetwork

/// Square (Andriushchenko et al. 2020) in its L-infinity form on one-dimensional signals: random search on the
/// boundary of the ball.
///
/// It uses only logits, so it is not misled by uninformative gradients. The squares of an image become intervals of
/// the window.
struct SquareAttack {
    var epsilon: Float
    /// Maximum number of forward passes per window.
    var queries: Int

    /// Fraction of the window changed by the first intervals.
    static let firstShare = 0.8

    final class Scratch {
        let standing = CompactedWindows()
        let candidate = FloatBuffer(), margins = FloatBuffer(), candidateMargins = FloatBuffer()
    }

    /// Interval length in samples for query `number`: halved at fixed points of a schedule for 10,000 queries,
    /// rescaled to `queries`.
    func intervalLength(inQuery number: Int) -> Int {
        let position = number * 10_000 / max(queries, 1)
        let halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000].count { position > $0 }
        return max(Int((Self.firstShare / Double(1 << halvings) * Double(AttackBatch.length)).rounded()), 1)
    }

    /// Windows that are already misclassified stay unchanged; one that becomes misclassified is not queried further.
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
                    // Initial stripes, one sample wide.
                    for i in 0..<length { to[i] = part.clamped(window[i] + (generator.next() & 1 == 0 ? epsilon : -epsilon)) }
                } else {
                    change(to, window, interval: interval, of: part, using: &generator)
                }
            }
            part.readMargins(at: candidate, into: candidateMargins)
            // In reverse, because a removed row is replaced by the last one.
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
            part = standing.current(like: batch)
        }
        for (row, b) in standing.indices.enumerated() {
            (attacked + b * length).update(from: best + row * length, count: length)
        }
    }

    /// Moves an interval to the opposite boundary; draws again if it is there already.
    private func change(
        _ to: UnsafeMutablePointer<Float>, _ window: UnsafePointer<Float>, interval: Int, of batch: AttackBatch,
        using generator: inout SeededGenerator
    ) {
        for _ in 0..<8 {
            let start = Int.random(in: 0...(AttackBatch.length - interval), using: &generator)
            let change = generator.next() & 1 == 0 ? epsilon : -epsilon
            var hasChanged = false
            for i in start..<(start + interval) {
                let before = to[i]
                to[i] = batch.clamped(window[i] + change)
                if abs(to[i] - before) > 1e-7 { hasChanged = true }
            }
            if hasChanged { return }
        }
    }
}
