/// A "same" convolution whose weights do not change any more, for one item at a time: forwards, and backwards to the
/// gradient of its input.
///
/// Where it saves time both go through `WinogradCorrelation`. With stride 2, two rows count as one row of twice as many
/// channels, and two taps as one:
///
///     rows x[2 j], x[2 j + 1] beside each other; taps 5 -> 3, the last of them half empty
///
/// so that the stride is 1. It is immutable, and can be shared by threads that each have their own memory.
public final class FixedConvolution {
    public let inputLength: Int, inputChannels: Int, outputLength: Int, outputChannels: Int
    public let stride: Int
    /// Rows of zeros before the input.
    public let leftPadding: Int
    /// Floats of the padded input, with all that is read behind it.
    public let paddedCount: Int
    /// Floats of scratch memory for `forward`, and for `backward`.
    public let scratchCount: Int

    private let paddedLength: Int
    private let weights: PackedMatrix, transposed: PackedMatrix
    private let forwards: WinogradCorrelation?, backwards: WinogradCorrelation?
    /// The first row of `backwards`' output, in rows of `stride` times the channels.
    private let firstRow: Int
    /// Rows of zeros before the gradient of the output.
    private let gradientPadding: Int

    /// - Parameter weights: (K, Cin, Cout).
    public init(weights: [Float], kernelSize: Int, inputLength: Int, inputChannels: Int, outputChannels: Int, stride: Int) {
        precondition(weights.count == kernelSize * inputChannels * outputChannels)
        self.inputLength = inputLength
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.stride = stride
        outputLength = (inputLength + stride - 1) / stride
        let padding = max((outputLength - 1) * stride + kernelSize - inputLength, 0)
        leftPadding = padding / 2
        paddedLength = inputLength + padding

        self.weights = PackedMatrix()
        transposed = PackedMatrix()
        let depth = kernelSize * inputChannels
        self.weights.pack(weights, rows: depth, columns: outputChannels, rowStride: outputChannels)
        transposed.pack(
            weights, rows: outputChannels, columns: depth, rowStride: 1, columnStride: outputChannels)

        let taps = (kernelSize + stride - 1) / stride
        let channels = stride * inputChannels
        firstRow = leftPadding / stride
        gradientPadding = taps - 1
        // Multiplications of the joined rows, of which the last tap may be half empty, are saved only with enough taps.
        guard stride <= 2, kernelSize > 2 * stride - 1,
            WinogradCorrelation.isWorthwhile(taps: taps, inputChannels: channels, outputChannels: outputChannels)
        else {
            forwards = nil
            backwards = nil
            paddedCount = paddedLength * inputChannels
            scratchCount = paddedCount
            return
        }
        let joined = weights + Array(repeating: 0, count: (taps * stride - kernelSize) * inputChannels * outputChannels)
        let forwards = WinogradCorrelation(
            taps: joined, tapCount: taps, inputChannels: channels, outputChannels: outputChannels,
            outputRows: outputLength)
        // The gradient of the input is the correlation of the output's gradient with the taps in reverse.
        var reversed = [Float](repeating: 0, count: joined.count)
        for tap in 0..<taps {
            for input in 0..<channels {
                for output in 0..<outputChannels {
                    reversed[((taps - 1 - tap) * outputChannels + output) * channels + input] =
                        joined[(tap * channels + input) * outputChannels + output]
                }
            }
        }
        let backwards = WinogradCorrelation(
            taps: reversed, tapCount: taps, inputChannels: outputChannels, outputChannels: channels,
            outputRows: (leftPadding + inputLength - 1) / stride - firstRow + 1)
        self.forwards = forwards
        self.backwards = backwards
        paddedCount = max(paddedLength * inputChannels, forwards.inputRows * channels)
        let gradientRows = max(firstRow + backwards.inputRows, gradientPadding + outputLength)
        scratchCount = max(
            forwards.scratchCount,
            gradientRows * outputChannels + backwards.outputRows * channels + backwards.scratchCount)
    }

    /// - Parameters:
    ///   - padded: `paddedCount` floats: `leftPadding` rows of zeros, the input (L, Cin), and zeros.
    ///   - output: (Lout, Cout), overwritten.
    ///   - scratch: `scratchCount` floats, overwritten.
    public func forward(
        _ padded: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        if let forwards { return forwards.apply(to: padded, output: output, scratch: scratch) }
        weights.multiply(
            left: padded, rowCount: outputLength, rowStride: stride * inputChannels, result: output,
            resultStride: outputChannels)
    }

    /// - Parameters:
    ///   - gradient: of the output, (Lout, Cout).
    ///   - scratch: `scratchCount` floats, overwritten.
    /// - Returns: the gradient of the input, (L, Cin), in `scratch`.
    public func backward(
        _ gradient: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        guard let backwards else {
            scratch.update(repeating: 0, count: paddedLength * inputChannels)
            transposed.multiply(
                left: gradient, rowCount: outputLength, rowStride: outputChannels, result: scratch,
                resultStride: stride * inputChannels, accumulating: true)
            return UnsafePointer(scratch + leftPadding * inputChannels)
        }
        let rows = max(firstRow + backwards.inputRows, gradientPadding + outputLength)
        let before = gradientPadding * outputChannels
        let count = outputLength * outputChannels
        scratch.update(repeating: 0, count: before)
        (scratch + before).update(from: gradient, count: count)
        (scratch + before + count).update(repeating: 0, count: rows * outputChannels - before - count)
        let result = scratch + rows * outputChannels
        backwards.apply(
            to: scratch + firstRow * outputChannels, output: result,
            scratch: result + backwards.outputRows * backwards.outputChannels)
        return UnsafePointer(result + (leftPadding - firstRow * stride) * inputChannels)
    }
}
