/// LeakyReLU as a separate layer, element by element: `y = x` for x > 0, `slope * x` otherwise; slope 0 gives plain
/// ReLU.
public final class LeakyReLU {
    public let slope: Float
    private let output = FloatBuffer()

    public init(slope: Float = 0) {
        precondition(slope >= 0 && slope < 1)
        self.slope = slope
    }

    /// Maps `count` numbers to as many outputs, valid until the next call.
    public func forward(_ input: UnsafePointer<Float>, count: Int) -> UnsafeMutablePointer<Float> {
        let output = self.output.reserve(count)
        for i in 0..<count { output[i] = max(input[i], 0) + slope * min(input[i], 0) }
        return output
    }

    /// Converts `gradient` from that of the output to that of the input, in place.
    public func backward(_ gradient: UnsafeMutablePointer<Float>, count: Int) {
        let output = self.output.pointer
        for i in 0..<count { gradient[i] *= output[i] > 0 ? 1 : slope }
    }
}
