/// One named tensor inside a `ParameterStore`.
public struct ParameterTensor: Sendable, Equatable {
    /// The name in the weights file, such as `des1.convolution.weight`.
    public let name: String
    public let shape: [Int]
    /// Offset of the tensor in the store, in floats.
    public let offset: Int
    /// Whether an optimizer updates it; running statistics are saved with the weights but never updated by an
    /// optimizer.
    public let isTrainable: Bool
    /// Whether weight decay applies: yes for matrices and convolutions, no for biases and normalization.
    public let decays: Bool

    public var count: Int { shape.reduce(1, *) }
}

/// All tensors of a network in one allocation, in the order in which its layers requested them.
///
/// A network and its replicas on other threads share one store. Threads may read it concurrently; only the optimizer
/// writes to it, while no thread is reading.
public final class ParameterStore: @unchecked Sendable {
    public private(set) var tensors: [ParameterTensor] = []
    /// The values; the allocation is fixed once `seal()` has been called.
    public let values = FloatBuffer()
    private var isSealed = false

    public init() {}

    /// Total number of floats in all tensors.
    public var count: Int { tensors.last.map { $0.offset + $0.count } ?? 0 }

    /// Adds a tensor. On a sealed store, when a replica of the network is being made, returns the existing tensor of
    /// that name.
    public func add(_ name: String, shape: [Int], trainable: Bool = true, decays: Bool = false) -> ParameterTensor {
        let known = tensors.first { $0.name == name }
        if isSealed {
            guard let known, known.shape == shape else {
                preconditionFailure("a replica asks for \(name) \(shape), which its network does not have")
            }
            return known
        }
        precondition(known == nil, "two tensors are called \(name)")
        let tensor = ParameterTensor(
            name: name, shape: shape, offset: count, isTrainable: trainable, decays: decays)
        tensors.append(tensor)
        return tensor
    }

    /// Allocates the values, all zero. No tensor can be added afterwards.
    public func seal() {
        isSealed = true
        values.reserve(count)
    }

    public func pointer(to tensor: ParameterTensor) -> UnsafeMutablePointer<Float> {
        values.pointer + tensor.offset
    }

    /// Copies the tensors that have the same name and shape in both stores.
    ///
    /// - Parameter isCopied: tensors for which it returns false are skipped.
    public func copyTensors(from other: ParameterStore, where isCopied: (ParameterTensor) -> Bool = { _ in true }) {
        for tensor in tensors where isCopied(tensor) {
            guard let source = other.tensors.first(where: { $0.name == tensor.name }), source.shape == tensor.shape
            else { continue }
            pointer(to: tensor).update(from: other.pointer(to: source), count: tensor.count)
        }
    }

    public func array(of tensor: ParameterTensor) -> [Float] {
        Array(UnsafeBufferPointer(start: pointer(to: tensor), count: tensor.count))
    }

    /// Fills a tensor with uniform random numbers in +-limit.
    public func fillUniform(_ tensor: ParameterTensor, limit: Float, using generator: inout SeededGenerator) {
        let values = pointer(to: tensor)
        for i in 0..<tensor.count { values[i] = (generator.nextUniform() * 2 - 1) * limit }
    }

    public func fill(_ tensor: ParameterTensor, with value: Float) {
        pointer(to: tensor).update(repeating: value, count: tensor.count)
    }

    /// The first tensor with a value that is not finite, if there is one, as a diverged training leaves behind.
    public func firstNonFiniteTensor() -> ParameterTensor? {
        tensors.first { tensor in
            let values = pointer(to: tensor)
            return (0..<tensor.count).contains { !values[$0].isFinite }
        }
    }
}
