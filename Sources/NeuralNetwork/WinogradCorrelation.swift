internal import CKernels

/// A correlation with stride 1 and fixed taps over rows of channels, in fewer multiplications by Winograd's minimal
/// filtering (Winograd 1980; Lavin & Gray, CVPR 2016): 4 of 9 for 3 taps, 2 of 5 for 5 taps.
///
///     y[j][o] = sum over t, i of taps[t][i][o] * x[j + t][i]
///
/// It equals the plain sum but for rounding, some 1e-6 of the greatest value.
public final class WinogradCorrelation {
    public let outputRows: Int
    public let inputChannels: Int, outputChannels: Int
    private let points: [PackedMatrix]

    /// Outputs of a tile.
    private let step: Int

    private var tiles: Int { (outputRows + step - 1) / step }
    /// Rows that are read from the input; those beyond the last output's may hold anything finite.
    public var inputRows: Int { (tiles - 1) * step + points.count }
    /// Floats of scratch memory that a call needs.
    public var scratchCount: Int { points.count * tiles * (inputChannels + outputChannels) }

    /// The transform of taps at its finite points: a factor for the point, and the point.
    private static let finitePoints: [(factor: Double, point: Double)] = [
        (1, 0), (-2.0 / 9, 1), (-2.0 / 9, -1), (1.0 / 90, 2), (1.0 / 90, -2), (32.0 / 45, 0.5), (32.0 / 45, -0.5),
    ]

    /// Whether there is one for so many taps and channels, and it has fewer multiplications.
    public static func isWorthwhile(taps: Int, inputChannels: Int, outputChannels: Int) -> Bool {
        (taps == 3 || taps == 5) && inputChannels >= 16 && inputChannels % 8 == 0 && outputChannels % 8 == 0
    }

    /// - Parameter taps: (T, Cin, Cout), T = 3 or 5; both numbers of channels are multiples of 8.
    public init(taps: [Float], tapCount: Int, inputChannels: Int, outputChannels: Int, outputRows: Int) {
        precondition(tapCount == 3 || tapCount == 5)
        precondition(inputChannels % 8 == 0 && outputChannels % 8 == 0 && outputRows > 0)
        let size = inputChannels * outputChannels
        precondition(taps.count == tapCount * size)
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.outputRows = outputRows
        step = Int(CK_WINOGRAD_POINTS) + 1 - tapCount
        var transformed = Self.finitePoints.map { factor, point in
            (0..<size).map { i in
                // Horner's rule, in double precision: this is done once.
                var value = 0.0
                for tap in (0..<tapCount).reversed() { value = value * point + Double(taps[tap * size + i]) }
                return Float(factor * value)
            }
        }
        transformed.append(Array(taps[((tapCount - 1) * size)...]))
        points = transformed.map { values in
            let packed = PackedMatrix()
            packed.pack(values, rows: inputChannels, columns: outputChannels, rowStride: outputChannels)
            return packed
        }
    }

    /// - Parameters:
    ///   - input: (`inputRows`, Cin).
    ///   - output: (`outputRows`, Cout), overwritten.
    ///   - scratch: `scratchCount` floats, overwritten.
    public func apply(
        to input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let tiles = tiles
        let products = scratch + points.count * tiles * inputChannels
        ck_winograd_input(Int32(step), Int32(tiles), Int32(inputChannels), input, scratch)
        for (point, matrix) in points.enumerated() {
            matrix.multiply(
                left: scratch + point * tiles * inputChannels, rowCount: tiles, rowStride: inputChannels,
                result: products + point * tiles * outputChannels, resultStride: outputChannels)
        }
        ck_winograd_output(Int32(step), Int32(outputRows), Int32(outputChannels), products, output)
    }
}
