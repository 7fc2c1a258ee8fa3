internal import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// Convolution with a Gaussian with a standard deviation of three samples, normalized at the ends.
enum GaussianSmoothing {
    static let deviation: Float = 3
    private static let kernel: [Float] = (-9...9).map { expf(-Float($0 * $0) / (2 * deviation * deviation)) }

    static func apply(_ values: UnsafeMutablePointer<Float>, count: Int, scratch: FloatBuffer) {
        let source = scratch.reserve(count)
        source.update(from: values, count: count)
        let half = kernel.count / 2
        kernel.withUnsafeBufferPointer { kernel in
            for i in 0..<count {
                var sum: Float = 0
                var weight: Float = 0
                for j in max(0, i - half)...min(count - 1, i + half) {
                    let w = kernel[j - i + half]
                    sum += w * source[j]
                    weight += w
                }
                values[i] = sum / weight
            }
        }
    }
}
