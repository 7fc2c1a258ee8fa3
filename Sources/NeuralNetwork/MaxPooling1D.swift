/// The maximum of every pooling window of a signal, per channel; complete windows only ("valid" padding).
///
/// Input (B, L, C), output (B, (L - size) / stride + 1, C), row-major.
public final class MaxPooling1D {
    public let inputLength: Int, outputLength: Int, channels: Int
    public let size: Int, stride: Int

    private let output = FloatBuffer(), inputGradient = FloatBuffer()
    /// For every output, the position of the input it came from, relative to its item.
    private var sources: [Int32] = []

    public init(inputLength: Int, channels: Int, size: Int, stride: Int) {
        precondition(channels > 0 && size > 0 && stride > 0 && inputLength >= size)
        self.inputLength = inputLength
        self.channels = channels
        self.size = size
        self.stride = stride
        outputLength = (inputLength - size) / stride + 1
    }

    /// The output is valid until the next call.
    public func forward(_ input: UnsafePointer<Float>, batch: Int) -> UnsafeMutablePointer<Float> {
        let outputSize = outputLength * channels
        let output = self.output.reserve(batch * outputSize)
        if sources.count < batch * outputSize { sources = Array(repeating: 0, count: batch * outputSize) }
        sources.withUnsafeMutableBufferPointer { sources in
            guard let sources = sources.baseAddress else { return }
            for b in 0..<batch {
                let item = input + b * inputLength * channels
                for j in 0..<outputLength {
                    let row = (b * outputLength + j) * channels
                    for c in 0..<channels {
                        var best = j * stride * channels + c
                        for t in 0..<size {
                            let candidate = (j * stride + t) * channels + c
                            if item[candidate] > item[best] { best = candidate }
                        }
                        output[row + c] = item[best]
                        sources[row + c] = Int32(best)
                    }
                }
            }
        }
        return output
    }

    /// Converts `outputGradient` into the gradient of the input, (B, L, C), valid until the next call. Each value
    /// goes to the input that was the maximum; on ties, to the first.
    public func backward(_ outputGradient: UnsafePointer<Float>, batch: Int) -> UnsafeMutablePointer<Float> {
        let inputSize = inputLength * channels
        let outputSize = outputLength * channels
        let gradient = inputGradient.reserve(batch * inputSize)
        gradient.update(repeating: 0, count: batch * inputSize)
        precondition(sources.count >= batch * outputSize, "backward before forward")
        for b in 0..<batch {
            for i in 0..<outputSize {
                gradient[b * inputSize + Int(sources[b * outputSize + i])] += outputGradient[b * outputSize + i]
            }
        }
        return gradient
    }
}
