/// Losses of values, or of sigmoid outputs, against targets. Each returns the mean over all numbers and overwrites
/// `gradient` with its gradient multiplied by `factor`.
extension Loss {
    /// Mean squared error (Eq. 9 of the paper); the gradient is with respect to `values`.
    public static func meanSquaredError(
        values: UnsafePointer<Float>, targets: UnsafePointer<Float>, count: Int, factor: Float = 1,
        gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        precondition(count > 0)
        var total = 0.0
        let scale = 2 * factor / Float(count)
        for i in 0..<count {
            let difference = values[i] - targets[i]
            total += Double(difference * difference)
            gradient[i] = scale * difference
        }
        return total / Double(count)
    }

    /// Mean absolute error (Eq. 10 of the paper); the gradient is with respect to `values`, and 0 where a value
    /// equals its target.
    public static func meanAbsoluteError(
        values: UnsafePointer<Float>, targets: UnsafePointer<Float>, count: Int, factor: Float = 1,
        gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        precondition(count > 0)
        var total = 0.0
        let scale = factor / Float(count)
        for i in 0..<count {
            let difference = values[i] - targets[i]
            total += Double(abs(difference))
            gradient[i] = difference > 0 ? scale : (difference < 0 ? -scale : 0)
        }
        return total / Double(count)
    }

    /// Mean squared error of sigmoid(logit) against targets in 0...1; with targets 1 and 0, these are the terms of
    /// the least-squares GAN (Mao et al. 2017; Eq. 7 of the paper). The gradient is with respect to the logits.
    public static func sigmoidMeanSquaredError(
        logits: UnsafePointer<Float>, targets: UnsafePointer<Float>, batch: Int, factor: Float = 1,
        gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        precondition(batch > 0)
        var total = 0.0
        let scale = 2 * factor / Float(batch)
        for b in 0..<batch {
            let value = Activation.sigmoid(logits[b])
            let difference = value - targets[b]
            total += Double(difference * difference)
            gradient[b] = scale * difference * value * (1 - value)
        }
        return total / Double(batch)
    }

    /// Mean absolute error of sigmoid(logit) against targets in 0...1. The gradient is with respect to the logits.
    public static func sigmoidMeanAbsoluteError(
        logits: UnsafePointer<Float>, targets: UnsafePointer<Float>, batch: Int, factor: Float = 1,
        gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        precondition(batch > 0)
        var total = 0.0
        let scale = factor / Float(batch)
        for b in 0..<batch {
            let value = Activation.sigmoid(logits[b])
            let difference = value - targets[b]
            total += Double(abs(difference))
            let sign: Float = difference > 0 ? 1 : (difference < 0 ? -1 : 0)
            gradient[b] = scale * sign * value * (1 - value)
        }
        return total / Double(batch)
    }
}
