#if canImport(Glibc)
    import Glibc
#endif

/// Similarity of two signals: the four measures of Table 2 (section 3.3), none of which the paper defines.
///
/// Both signals have the same length and lie in [0,1]. The other signal is compared with `reference`; only the NRMSEs
/// depend on which of the two is the reference.
public struct SignalSimilarity: Sendable, Equatable {
    /// Mean squared error.
    public var meanSquaredError = 0.0
    /// Structural similarity, in -1...1 (Wang et al. 2004, in one dimension): Gaussian window of 11 taps, sigma 1.5,
    /// K1 0.01, K2 0.03, data range 1, averaged over the positions where the window fits completely.
    public var structuralSimilarity = 0.0
    /// Pearson's correlation coefficient at lag 0, in -1...1; 0 if one of the signals is constant.
    public var crossCorrelation = 0.0
    /// Root mean squared error over the range of the reference; windows scaled to [0,1] have range 1.
    public var errorOverRange = 0.0
    /// Root mean squared error over the root mean square of the reference.
    public var errorOverNorm = 0.0

    public init() {}

    static let windowRadius = 5
    private static let kernel: [Double] = {
        let raw = (-windowRadius...windowRadius).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
        let sum = raw.reduce(0, +)
        return raw.map { $0 / sum }
    }()

    /// Compares `count` values; at least 11, because of the structural similarity's window.
    public init(of signal: UnsafePointer<Float>, with reference: UnsafePointer<Float>, count: Int) {
        precondition(count > 2 * Self.windowRadius)
        var squares = 0.0
        var sumX = 0.0
        var sumY = 0.0
        var norm = 0.0
        var low = Double(reference[0])
        var high = low
        for i in 0..<count {
            let x = Double(signal[i])
            let y = Double(reference[i])
            squares += (x - y) * (x - y)
            sumX += x
            sumY += y
            norm += y * y
            low = min(low, y)
            high = max(high, y)
        }
        let n = Double(count)
        let meanX = sumX / n
        let meanY = sumY / n
        var varianceX = 0.0
        var varianceY = 0.0
        var covariance = 0.0
        for i in 0..<count {
            let x = Double(signal[i]) - meanX
            let y = Double(reference[i]) - meanY
            varianceX += x * x
            varianceY += y * y
            covariance += x * y
        }
        meanSquaredError = squares / n
        let product = varianceX * varianceY
        crossCorrelation = product > 0 ? covariance / product.squareRoot() : 0
        let root = meanSquaredError.squareRoot()
        errorOverRange = Self.ratio(root, high - low)
        errorOverNorm = Self.ratio(root, (norm / n).squareRoot())
        structuralSimilarity = Self.structuralSimilarity(signal, reference, count)
    }

    private static func ratio(_ error: Double, _ scale: Double) -> Double {
        error == 0 ? 0 : error / scale
    }

    private static func structuralSimilarity(
        _ signal: UnsafePointer<Float>, _ reference: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        let c1 = 0.01 * 0.01
        let c2 = 0.03 * 0.03
        var total = 0.0
        kernel.withUnsafeBufferPointer { kernel in
            for position in 0..<(count - 2 * windowRadius) {
                var meanX = 0.0
                var meanY = 0.0
                var xx = 0.0
                var yy = 0.0
                var xy = 0.0
                for t in kernel.indices {
                    let w = kernel[t]
                    let x = Double(signal[position + t])
                    let y = Double(reference[position + t])
                    meanX += w * x
                    meanY += w * y
                    xx += w * x * x
                    yy += w * y * y
                    xy += w * x * y
                }
                let varianceX = xx - meanX * meanX
                let varianceY = yy - meanY * meanY
                let covariance = xy - meanX * meanY
                total +=
                    (2 * meanX * meanY + c1) * (2 * covariance + c2)
                    / ((meanX * meanX + meanY * meanY + c1) * (varianceX + varianceY + c2))
            }
        }
        return total / Double(count - 2 * windowRadius)
    }

    private static let figures: [any WritableKeyPath<SignalSimilarity, Double> & Sendable] = [
        \.meanSquaredError, \.structuralSimilarity, \.crossCorrelation, \.errorOverRange, \.errorOverNorm,
    ]

    /// Updates a mean over `number - 1` windows with one more.
    mutating func average(in next: SignalSimilarity, number: Int) {
        for figure in Self.figures {
            self[keyPath: figure] += (next[keyPath: figure] - self[keyPath: figure]) / Double(number)
        }
    }
}
