#if canImport(Glibc)
    import Glibc
#endif

/// Losses on logits. Each returns the mean loss over the batch and writes the gradient with respect to the logits.
public enum Loss {
    /// Softmax with categorical cross-entropy (Eq. 8).
    ///
    /// - Parameters:
    ///   - logits: (B, classes).
    ///   - labels: class index of each item.
    ///   - weight: factor on loss and gradient, per item; `nil` means 1.
    ///   - gradient: (B, classes), overwritten.
    public static func crossEntropy(
        logits: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, batch: Int, classes: Int,
        weight: UnsafePointer<Float>? = nil, gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        var total = 0.0
        let scale = 1 / Float(batch)
        for b in 0..<batch {
            let row = logits + b * classes
            let out = gradient + b * classes
            let label = Int(labels[b])
            let w = weight?[b] ?? 1
            var largest = row[0]
            for c in 1..<classes { largest = max(largest, row[c]) }
            var sum: Float = 0
            for c in 0..<classes {
                out[c] = expf(row[c] - largest)
                sum += out[c]
            }
            total += Double(w * (logf(sum) + largest - row[label]))
            for c in 0..<classes { out[c] = w * scale * (out[c] / sum - (c == label ? 1 : 0)) }
        }
        return total / Double(batch)
    }

    /// Binary cross-entropy of sigmoid(logit) against targets in 0...1.
    public static func binaryCrossEntropy(
        logits: UnsafePointer<Float>, targets: UnsafePointer<Float>, batch: Int, factor: Float = 1,
        gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        var total = 0.0
        for b in 0..<batch {
            let z = logits[b]
            let t = targets[b]
            // log(1 + e^z) - t z, written to avoid overflow.
            total += Double(max(z, 0) - t * z + log1pf(expf(-abs(z))))
            gradient[b] = factor / Float(batch) * (Activation.sigmoid(z) - t)
        }
        return total / Double(batch)
    }
}

public enum Activation {
    public static func sigmoid(_ z: Float) -> Float {
        z >= 0 ? 1 / (1 + expf(-z)) : expf(z) / (1 + expf(z))
    }

    /// Softmax of one row of logits, in place.
    public static func softmax(_ row: UnsafeMutablePointer<Float>, count: Int) {
        var largest = row[0]
        for c in 1..<count { largest = max(largest, row[c]) }
        var sum: Float = 0
        for c in 0..<count {
            row[c] = expf(row[c] - largest)
            sum += row[c]
        }
        for c in 0..<count { row[c] /= sum }
    }
}
