internal import COpenBLAS

/// A fully connected layer: input (B, I), weight (I, O), bias (O), output (B, O).
public final class Dense {
    public let inputs: Int, outputs: Int
    public let weight: ParameterTensor, bias: ParameterTensor

    private let store: ParameterStore
    private var input: UnsafePointer<Float>?
    private let output = FloatBuffer()

    public init(_ name: String, in store: ParameterStore, inputs: Int, outputs: Int) {
        precondition(inputs > 0 && outputs > 0)
        self.store = store
        self.inputs = inputs
        self.outputs = outputs
        weight = store.add(name + ".weight", shape: [inputs, outputs], decays: true)
        bias = store.add(name + ".bias", shape: [outputs])
    }

    /// Glorot's uniform initialization (Glorot & Bengio 2010).
    public func initialize(using generator: inout SeededGenerator) {
        store.fillUniform(weight, limit: (6 / Float(inputs + outputs)).squareRoot(), using: &generator)
        store.fill(bias, with: 0)
    }

    /// `input` must stay valid and unchanged until `backward`. The output is valid until the next call.
    public func forward(_ input: UnsafePointer<Float>, batch: Int) -> UnsafeMutablePointer<Float> {
        self.input = input
        let output = self.output.reserve(batch * outputs)
        let biases = store.pointer(to: bias)
        for b in 0..<batch { (output + b * outputs).update(from: biases, count: outputs) }
        BLAS.multiply(
            rows: batch, columns: outputs, depth: inputs, left: input, right: store.pointer(to: weight),
            result: output, accumulating: true)
        return output
    }

    /// Adds the gradient of the input to `inputGradient` (B, I), and those of weight and bias to `gradients`.
    public func backward(
        _ outputGradient: UnsafePointer<Float>, batch: Int, inputGradient: UnsafeMutablePointer<Float>?,
        gradients: UnsafeMutablePointer<Float>?
    ) {
        guard let input else { preconditionFailure("backward before forward") }
        if let gradients {
            BLAS.multiply(
                rows: inputs, columns: outputs, depth: batch, left: input, transposingLeft: true,
                right: outputGradient, result: gradients + weight.offset, accumulating: true)
            for b in 0..<batch {
                for o in 0..<outputs { gradients[bias.offset + o] += outputGradient[b * outputs + o] }
            }
        }
        if let inputGradient {
            BLAS.multiply(
                rows: batch, columns: inputs, depth: outputs, left: outputGradient, right: store.pointer(to: weight),
                transposingRight: true, result: inputGradient, accumulating: true)
        }
    }
}
