internal import NeuralNetwork

/// APGD (Croce & Hein 2020, "Reliable evaluation of adversarial robustness", Algorithm 1): steps with momentum along
/// the sign of the gradient. For each window whose objective stops improving, the step is halved and the search
/// continues from its best point.
struct APGD {
    var epsilon: Float
    var firstStep: Float
    var iterations: Int
    var objective: AttackObjective

    /// Weight of the new step; the remainder is the weight of the preceding step.
    static let momentum: Float = 0.75
    /// Minimum fraction of steps since the last checkpoint that must have increased the objective (rho).
    static let minimumRise: Float = 0.75

    /// Iterations at which the step may be halved: first at 0.22 of all iterations, then at intervals that shrink by
    /// 0.03 to a minimum of 0.06.
    static func checkpoints(of iterations: Int) -> [Int] {
        func share(_ part: Double) -> Int { max(Int(part * Double(iterations)), 1) }
        var distance = share(0.22)
        var last = 0
        var checkpoints: [Int] = []
        while last + distance <= iterations {
            last += distance
            checkpoints.append(last)
            distance = max(distance - share(0.03), share(0.06))
        }
        return checkpoints
    }

    final class Scratch {
        let current = FloatBuffer(), previous = FloatBuffer(), gradient = FloatBuffer()
        let best = FloatBuffer(), bestGradient = FloatBuffer()
        let margins = FloatBuffer()
        var windows: [WindowState] = []
    }

    /// Progress of one window.
    struct WindowState {
        var step: Float
        var value: Float
        var bestValue: Float
        var bestValueAtCheckpoint: Float
        /// Steps since the last checkpoint that increased the objective.
        var rises = 0
        var wasHalved = true
        /// The largest margin of any misclassified point.
        var bestMargin: Float = 0
    }

    /// For each window, returns the misclassified point with the largest margin, or, if there is none, the point with
    /// the largest objective.
    func perturb(
        _ batch: AttackBatch, using generator: inout SeededGenerator, scratch: AttackScratch,
        into attacked: UnsafeMutablePointer<Float>
    ) {
        let length = AttackBatch.length
        let count = batch.sampleCount
        let own = scratch.adaptive
        let current = own.current.reserve(count)
        let previous = own.previous.reserve(count)
        let gradient = own.gradient.reserve(count)
        let best = own.best.reserve(count)
        let bestGradient = own.bestGradient.reserve(count)
        let values = scratch.values.reserve(batch.count)
        let margins = own.margins.reserve(batch.count)

        batch.startAtRandom(current, within: epsilon, using: &generator)
        previous.update(from: current, count: count)
        best.update(from: current, count: count)
        gradient.update(
            from: batch.slope(of: objective, at: current, scratch: scratch, values: values, margins: margins),
            count: count)
        bestGradient.update(from: gradient, count: count)
        own.windows = (0..<batch.count).map {
            WindowState(step: firstStep, value: values[$0], bestValue: values[$0], bestValueAtCheckpoint: values[$0])
        }
        for b in 0..<batch.count { keepIfMisclassified(b, margins[b], current, own, into: attacked) }

        let checkpoints = Self.checkpoints(of: iterations)
        var passed = 0
        var lastCheckpoint = 0
        for iteration in 1...iterations {
            let share = iteration == 1 ? 1 : Self.momentum
            for b in 0..<batch.count {
                move(
                    batch.windows + b * length, current + b * length, previous + b * length, gradient + b * length,
                    step: own.windows[b].step, share: share, box: batch.box)
            }
            let slope = batch.slope(of: objective, at: current, scratch: scratch, values: values, margins: margins)
            gradient.update(from: slope, count: count)
            for b in 0..<batch.count {
                if values[b] > own.windows[b].value { own.windows[b].rises += 1 }
                own.windows[b].value = values[b]
                if values[b] > own.windows[b].bestValue {
                    own.windows[b].bestValue = values[b]
                    (best + b * length).update(from: current + b * length, count: length)
                    (bestGradient + b * length).update(from: gradient + b * length, count: length)
                }
                keepIfMisclassified(b, margins[b], current, own, into: attacked)
            }
            guard passed < checkpoints.count, iteration == checkpoints[passed] else { continue }
            let steps = Float(iteration - lastCheckpoint)
            for b in 0..<batch.count where isToHalve(&own.windows[b], steps: steps) {
                own.windows[b].step /= 2
                (current + b * length).update(from: best + b * length, count: length)
                (gradient + b * length).update(from: bestGradient + b * length, count: length)
            }
            lastCheckpoint = iteration
            passed += 1
        }
        for b in 0..<batch.count where own.windows[b].bestMargin <= 0 {
            (attacked + b * length).update(from: best + b * length, count: length)
        }
    }

    private func keepIfMisclassified(
        _ b: Int, _ margin: Float, _ current: UnsafePointer<Float>, _ own: Scratch,
        into attacked: UnsafeMutablePointer<Float>
    ) {
        guard margin > own.windows[b].bestMargin else { return }
        own.windows[b].bestMargin = margin
        let length = AttackBatch.length
        (attacked + b * length).update(from: current + b * length, count: length)
    }

    /// One step of one window: a gradient step, then momentum, both projected onto the ball.
    private func move(
        _ window: UnsafePointer<Float>, _ current: UnsafeMutablePointer<Float>, _ previous: UnsafeMutablePointer<Float>,
        _ gradient: UnsafePointer<Float>, step: Float, share: Float, box: ClosedRange<Float>
    ) {
        for i in 0..<AttackBatch.length {
            let low = max(window[i] - epsilon, box.lowerBound)
            let high = min(window[i] + epsilon, box.upperBound)
            let sign: Float = gradient[i] > 0 ? 1 : (gradient[i] < 0 ? -1 : 0)
            let here = current[i]
            let stepped = min(max(here + step * sign, low), high)
            let next = here + share * (stepped - here) + (1 - share) * (here - previous[i])
            previous[i] = here
            current[i] = min(max(next, low), high)
        }
    }

    /// The two conditions at a checkpoint: too few steps improved the objective, or neither the step nor the best
    /// value changed since the last checkpoint.
    private func isToHalve(_ window: inout WindowState, steps: Float) -> Bool {
        let oscillates = Float(window.rises) <= Self.minimumRise * steps
        let stands = !window.wasHalved && window.bestValueAtCheckpoint >= window.bestValue
        window.wasHalved = oscillates || stands
        window.bestValueAtCheckpoint = window.bestValue
        window.rises = 0
        return window.wasHalved
    }
}
