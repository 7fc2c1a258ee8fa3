internal import NeuralNetwork

/// One layer of a network described as a list.
enum LayerDescription: Sendable, Equatable {
    /// A convolution with bias.
    case convolution(_ name: String, features: Int, kernelSize: Int, stride: Int = 1, padding: Padding = .same)
    /// A transposed convolution ("same" padding), without bias before a normalization, otherwise with bias.
    case transposedConvolution(_ name: String, features: Int, kernelSize: Int, stride: Int, hasBias: Bool)
    /// Batch normalization and LeakyReLU.
    case normalization(_ name: String, slope: Float)
    case leakyReLU(slope: Float)
    /// The maximum of each pooling window; complete windows only.
    case maxPooling(size: Int, stride: Int)
    /// A dense layer on the flattened input.
    case dense(_ name: String, outputs: Int)
    /// Reshapes the flat input to this many channels.
    case reshape(channels: Int)
    case sigmoid
    /// Adds the input to the output of the layers.
    case residual([LayerDescription])
}

/// Input or output shape of a layer: `length` positions of `channels` each.
struct LayerShape: Equatable {
    var length: Int
    var channels: Int
    var count: Int { length * channels }
}

/// A sequence of layers, built from their descriptions.
final class LayerSequence {
    let output: LayerShape
    private let layers: [any Layer]

    init(_ descriptions: [LayerDescription], input: LayerShape, in store: ParameterStore) {
        var shape = input
        var layers: [any Layer] = []
        for description in descriptions {
            let layer = Self.make(description, input: shape, in: store)
            layers.append(layer)
            shape = layer.outputShape
        }
        self.layers = layers
        output = shape
    }

    private static func make(
        _ description: LayerDescription, input: LayerShape, in store: ParameterStore
    ) -> any Layer {
        switch description {
        case .convolution(let name, let features, let kernelSize, let stride, let padding):
            ConvolutionLayer(
                Convolution1D(
                    name, in: store, inputLength: input.length, inputChannels: input.channels, outputChannels: features,
                    kernelSize: kernelSize, stride: stride, padding: padding))
        case .transposedConvolution(let name, let features, let kernelSize, let stride, let hasBias):
            TransposedConvolutionLayer(
                TransposedConvolution1D(
                    name, in: store, inputLength: input.length, inputChannels: input.channels, outputChannels: features,
                    kernelSize: kernelSize, stride: stride, hasBias: hasBias))
        case .normalization(let name, let slope):
            NormalizationLayer(
                BatchNormalization(name, in: store, length: input.length, channels: input.channels, slope: slope),
                shape: input)
        case .leakyReLU(let slope): LeakyReLULayer(LeakyReLU(slope: slope), shape: input)
        case .maxPooling(let size, let stride):
            PoolingLayer(MaxPooling1D(inputLength: input.length, channels: input.channels, size: size, stride: stride))
        case .dense(let name, let outputs): DenseLayer(Dense(name, in: store, inputs: input.count, outputs: outputs))
        case .reshape(let channels):
            ReshapeLayer(LayerShape(length: input.count / channels, channels: channels), from: input)
        case .sigmoid: SigmoidLayer(shape: input)
        case .residual(let descriptions):
            ResidualLayer(LayerSequence(descriptions, input: input, in: store), shape: input)
        }
    }

    func initialize(using generator: inout SeededGenerator) {
        for layer in layers { layer.initialize(using: &generator) }
    }

    func weightsChanged() {
        for layer in layers { layer.weightsChanged() }
    }

    func updateRunningStatistics() {
        for layer in layers { layer.updateRunningStatistics() }
    }

    /// `input` must stay valid and unchanged until `backward`; the result is valid until the next call.
    func forward(
        _ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode
    ) -> UnsafeMutablePointer<Float> {
        var current = UnsafeMutablePointer(mutating: input)
        for layer in layers { current = layer.forward(current, batch: batch, mode: mode) }
        return current
    }

    /// Returns the gradient of the input; overwrites `gradient`, that of the result.
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        var current = gradient
        for (index, layer) in layers.enumerated().reversed() {
            current = layer.backward(
                current, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient || index > 0)
        }
        return current
    }
}

/// A layer of a sequence. `backward` may overwrite the gradient passed to it.
private protocol Layer: AnyObject {
    var outputShape: LayerShape { get }
    func initialize(using generator: inout SeededGenerator)
    func weightsChanged()
    func updateRunningStatistics()
    func forward(
        _ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode
    ) -> UnsafeMutablePointer<Float>
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float>
}

extension Layer {
    func initialize(using generator: inout SeededGenerator) {}
    func weightsChanged() {}
    func updateRunningStatistics() {}
}

private final class ConvolutionLayer: Layer {
    let layer: Convolution1D
    init(_ layer: Convolution1D) { self.layer = layer }
    var outputShape: LayerShape { LayerShape(length: layer.outputLength, channels: layer.outputChannels) }
    func initialize(using generator: inout SeededGenerator) { layer.initialize(using: &generator) }
    func weightsChanged() { layer.weightsChanged() }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        layer.forward(input, batch: batch)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        layer.backward(gradient, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient)
    }
}

private final class TransposedConvolutionLayer: Layer {
    let layer: TransposedConvolution1D
    init(_ layer: TransposedConvolution1D) { self.layer = layer }
    var outputShape: LayerShape { LayerShape(length: layer.outputLength, channels: layer.outputChannels) }
    func initialize(using generator: inout SeededGenerator) { layer.initialize(using: &generator) }
    func weightsChanged() { layer.weightsChanged() }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        layer.forward(input, batch: batch)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        layer.backward(gradient, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient)
    }
}

private final class NormalizationLayer: Layer {
    let layer: BatchNormalization
    let outputShape: LayerShape
    init(_ layer: BatchNormalization, shape: LayerShape) {
        self.layer = layer
        outputShape = shape
    }
    func initialize(using generator: inout SeededGenerator) { layer.initialize() }
    func updateRunningStatistics() { layer.updateRunningStatistics() }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        layer.forward(input, batch: batch, mode: mode)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        layer.backward(gradient, batch: batch, gradients: gradients)
        return gradient
    }
}

private final class LeakyReLULayer: Layer {
    let layer: LeakyReLU
    let outputShape: LayerShape
    init(_ layer: LeakyReLU, shape: LayerShape) {
        self.layer = layer
        outputShape = shape
    }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        layer.forward(input, count: batch * outputShape.count)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        layer.backward(gradient, count: batch * outputShape.count)
        return gradient
    }
}

private final class SigmoidLayer: Layer {
    let layer = Sigmoid()
    let outputShape: LayerShape
    init(shape: LayerShape) { outputShape = shape }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        layer.forward(input, count: batch * outputShape.count)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        layer.backward(gradient, count: batch * outputShape.count)
        return gradient
    }
}

private final class PoolingLayer: Layer {
    let layer: MaxPooling1D
    init(_ layer: MaxPooling1D) { self.layer = layer }
    var outputShape: LayerShape { LayerShape(length: layer.outputLength, channels: layer.channels) }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        layer.forward(input, batch: batch)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        layer.backward(gradient, batch: batch)
    }
}

private final class DenseLayer: Layer {
    let layer: Dense
    private let inputGradient = FloatBuffer()
    init(_ layer: Dense) { self.layer = layer }
    var outputShape: LayerShape { LayerShape(length: 1, channels: layer.outputs) }
    func initialize(using generator: inout SeededGenerator) { layer.initialize(using: &generator) }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        layer.forward(input, batch: batch)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        let below = inputGradient.reserve(batch * layer.inputs)
        if needsInputGradient { below.update(repeating: 0, count: batch * layer.inputs) }
        layer.backward(
            gradient, batch: batch, inputGradient: needsInputGradient ? below : nil, gradients: gradients)
        return below
    }
}

private final class ReshapeLayer: Layer {
    let outputShape: LayerShape
    init(_ shape: LayerShape, from input: LayerShape) {
        precondition(shape.count == input.count)
        outputShape = shape
    }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        UnsafeMutablePointer(mutating: input)
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> { gradient }
}

private final class ResidualLayer: Layer {
    let layers: LayerSequence
    let outputShape: LayerShape
    private let sum = FloatBuffer(), kept = FloatBuffer()
    init(_ layers: LayerSequence, shape: LayerShape) {
        precondition(layers.output == shape, "a residual block must keep the shape")
        self.layers = layers
        outputShape = shape
    }
    func initialize(using generator: inout SeededGenerator) { layers.initialize(using: &generator) }
    func weightsChanged() { layers.weightsChanged() }
    func updateRunningStatistics() { layers.updateRunningStatistics() }
    func forward(_ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> UnsafeMutablePointer<Float> {
        let count = batch * outputShape.count
        let branch = layers.forward(input, batch: batch, mode: mode)
        let sum = self.sum.reserve(count)
        for i in 0..<count { sum[i] = branch[i] + input[i] }
        return sum
    }
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?,
        needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        let count = batch * outputShape.count
        let kept = self.kept.reserve(count)
        kept.update(from: gradient, count: count)
        let below = layers.backward(
            gradient, batch: batch, gradients: gradients, needsInputGradient: needsInputGradient)
        if needsInputGradient { for i in 0..<count { below[i] += kept[i] } }
        return below
    }
}
