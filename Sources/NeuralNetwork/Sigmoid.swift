/// The logistic function as a layer, element by element: `y = 1 / (1 + exp(-x))`.
public final class Sigmoid {
    private let output = FloatBuffer()

    public init() {}

    /// Maps `count` numbers to as many in 0...1, valid until the next call.
    public func forward(_ input: UnsafePointer<Float>, count: Int) -> UnsafeMutablePointer<Float> {
        let output = self.output.reserve(count)
        for i in 0..<count { output[i] = Activation.sigmoid(input[i]) }
        return output
    }

    /// Converts `gradient` from that of the output to that of the input, in place.
    public func backward(_ gradient: UnsafeMutablePointer<Float>, count: Int) {
        let output = self.output.pointer
        for i in 0..<count { gradient[i] *= output[i] * (1 - output[i]) }
    }
}
