internal import CKernels
public import ECGATKGAN
internal import NeuralNetwork

/// The deployed form of the discriminator: batch normalization is folded into the convolutions. It is immutable and
/// can be shared by all threads.
public final class BeatClassifier: Sendable {
    /// The name on the model card.
    public let name: String
    /// SHA-256 of the weights file, in hexadecimal.
    public let sha256: String
    /// Combines the discriminator's logits with the RR history and the patient's beat templates; nil if the weights
    /// file has no contextual classifier.
    public let contextual: ContextualClassifier?

    /// One convolution with its normalization folded in: `leaky(w * x + shift)`.
    struct Layer {
        let convolution: FixedConvolution
        let shift: FloatBuffer
        /// Whether the input is added to the output.
        let isResidual: Bool
        /// Number of values in its output.
        var outputCount: Int { convolution.outputLength * convolution.outputChannels }
        /// Bytes for the signs of its activations.
        var signBytes: Int { (outputCount + 7) / 8 }
    }

    /// A sequence of convolutions, and the heads on the last feature map.
    struct Stack {
        let layers: [Layer]
        /// (heads, features).
        let heads: [Float]
        let transposedHeads: PackedMatrix
        let headShift: [Float]
        var featureCount: Int { heads.count / headShift.count }
        /// Bytes for the signs of all activations.
        var signBytes: Int { layers.reduce(0) { $0 + $1.signBytes } }
    }

    // Written once in `init` and only read afterwards; the types that hold them are not Sendable because the trainer
    // needs them mutable.
    /// Computes N, S, V, F, and the suspicion if the attack head has no branch of its own.
    nonisolated(unsafe) let trunk: Stack
    /// Computes the suspicion.
    nonisolated(unsafe) private let attackBranch: Stack?
    nonisolated(unsafe) private let ones: FloatBuffer

    /// Loads a weights file and checks its SHA-256 against the model card next to it.
    public convenience init(contentsOf path: String) throws(ModelError) {
        let model = try ModelFile.readContextualDiscriminator(from: path)
        self.init(model.network, contextual: model.contextual, name: model.card?.name ?? path, sha256: model.sha256)
    }

    /// The deployed form of a network in its current state.
    public init(_ network: Discriminator, contextual: ContextualClassifier? = nil, name: String, sha256: String) {
        self.name = name
        self.contextual = contextual
        self.sha256 = sha256
        let store = network.store
        func array(_ name: String) -> [Float] {
            guard let tensor = store.tensors.first(where: { $0.name == name }) else {
                preconditionFailure("a discriminator has \(name)")
            }
            return store.array(of: tensor)
        }
        let hasBranch = !network.architecture.attackBlocks.isEmpty
        trunk = Self.stack(
            network.architecture.blocks, heads: hasBranch ? ["class"] : ["class", "attack"], array: array)
        attackBranch = hasBranch ? Self.stack(network.architecture.attackBlocks, heads: ["attack"], array: array) : nil
        ones = FloatBuffer(count: Self.maximumChannels)
        ones.pointer.update(repeating: 1, count: Self.maximumChannels)
    }

    private static let maximumChannels = 1024

    private static func stack(
        _ blocks: [DiscriminatorArchitecture.Block], heads: [String], array: (String) -> [Float]
    ) -> Stack {
        var layers: [Layer] = []
        var length = Discriminator.windowLength
        var channels = 1
        for block in blocks {
            precondition(block.features <= maximumChannels)
            var weights = array(block.name + ".convolution.weight")
            let gamma = array(block.name + ".normalization.gamma")
            let beta = array(block.name + ".normalization.beta")
            let mean = array(block.name + ".normalization.running_mean")
            let variance = array(block.name + ".normalization.running_variance")
            let shift = FloatBuffer(count: block.features)
            for feature in 0..<block.features {
                let scale = gamma[feature] / (variance[feature] + BatchNormalization.epsilon).squareRoot()
                shift.pointer[feature] = beta[feature] - mean[feature] * scale
                for tap in 0..<(block.kernelSize * channels) { weights[tap * block.features + feature] *= scale }
            }
            let convolution = FixedConvolution(
                weights: weights, kernelSize: block.kernelSize, inputLength: length, inputChannels: channels,
                outputChannels: block.features, stride: block.stride)
            layers.append(Layer(convolution: convolution, shift: shift, isResidual: block.isResidual))
            length = convolution.outputLength
            channels = block.features
        }
        // The weights of a head are (features, outputs of the head).
        let shifts = heads.map { array($0 + ".bias") }
        let joined = zip(heads, shifts).flatMap { name, shift in
            let weights = array(name + ".weight")
            return shift.indices.flatMap { output in
                stride(from: output, to: weights.count, by: shift.count).map { weights[$0] }
            }
        }
        let shift = shifts.flatMap { $0 }
        let transposedHeads = PackedMatrix()
        let featureCount = length * channels
        joined.withUnsafeBufferPointer {
            transposedHeads.pack(
                $0.baseAddress!, rows: shift.count, columns: featureCount, rowStride: featureCount)
        }
        return Stack(layers: layers, heads: joined, transposedHeads: transposedHeads, headShift: shift)
    }

    /// Scratch memory for one thread.
    public final class Workspace {
        /// The zero-padded input of each layer, and the last feature map.
        struct StackBuffers {
            let inputs: [FloatBuffer]
            let features: FloatBuffer

            init(_ stack: Stack) {
                inputs = stack.layers.map { FloatBuffer(count: $0.convolution.paddedCount) }
                features = FloatBuffer(count: stack.featureCount)
            }
        }
        let trunk: StackBuffers
        fileprivate let attackBranch: StackBuffers?
        /// Scratch memory of the convolutions.
        let scratch = FloatBuffer()
        /// Gradients of the backward pass: with respect to a layer's output, and before its activation.
        let outputGradient = FloatBuffer(), slopes = FloatBuffer()
        /// Signs of the activations of a window that was classified without room for them.
        var signs: [UInt8]

        fileprivate init(trunk: Stack, attackBranch: Stack?) {
            self.trunk = StackBuffers(trunk)
            signs = Array(repeating: 0, count: trunk.signBytes)
            self.attackBranch = attackBranch.map { StackBuffers($0) }
            let layers = trunk.layers + (attackBranch?.layers ?? [])
            scratch.reserve(layers.map { $0.convolution.scratchCount }.max() ?? 0)
        }
    }

    public func makeWorkspace() -> Workspace { Workspace(trunk: trunk, attackBranch: attackBranch) }

    /// Classifies `results.count` windows of 280 values in [0,1], stored consecutively in `windows`.
    ///
    /// Each result depends on its own window alone, bit for bit, so beats of several patients can share a call.
    ///
    /// - Parameter signs: `signBytes` for each window: with them `LossGradient` needs no forward pass of its own.
    public func classify(
        _ windows: UnsafeBufferPointer<Float>, into results: UnsafeMutableBufferPointer<BeatClassification>,
        signs: UnsafeMutablePointer<UInt8>? = nil, workspace: Workspace
    ) {
        precondition(windows.count == results.count * Discriminator.windowLength)
        guard let first = windows.baseAddress else { return }
        let signBytes = signBytes
        for index in results.indices {
            results[index] = classify(
                first + index * Discriminator.windowLength, signs.map { $0 + index * signBytes }, workspace)
        }
    }

    /// Bytes that hold the signs of a window's activations.
    public var signBytes: Int { trunk.signBytes }

    private func classify(
        _ window: UnsafePointer<Float>, _ signs: UnsafeMutablePointer<UInt8>?, _ workspace: Workspace
    ) -> BeatClassification {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Discriminator.classCount + 1) { logits in
            let row = logits.baseAddress!
            answer(trunk, to: window, buffers: workspace.trunk, workspace, logits: row, signs: signs)
            if let attackBranch, let buffers = workspace.attackBranch {
                answer(
                    attackBranch, to: window, buffers: buffers, workspace, logits: row + Discriminator.classCount)
            }
            let classLogits = SIMD4(row[0], row[1], row[2], row[3])
            Activation.softmax(row, count: Discriminator.classCount)
            return BeatClassification(
                probabilities: SIMD4(row[0], row[1], row[2], row[3]), attackSuspicion: Activation.sigmoid(row[4]),
                logits: classLogits)
        }
    }

    /// - Parameter signs: `signBytes` of the stack, overwritten; nil: they are not needed.
    func answer(
        _ stack: Stack, to window: UnsafePointer<Float>, buffers: Workspace.StackBuffers,
        _ workspace: Workspace, logits: UnsafeMutablePointer<Float>, signs: UnsafeMutablePointer<UInt8>? = nil
    ) {
        let layers = stack.layers
        var signs = signs
        let entry = buffers.inputs[0].pointer + layers[0].convolution.leftPadding
        entry.update(from: window, count: Discriminator.windowLength)
        for (index, layer) in layers.enumerated() {
            let convolution = layer.convolution
            let features = convolution.outputChannels
            // Each layer writes between the padding zeros of the next layer's input.
            let output: UnsafeMutablePointer<Float>
            if index + 1 < layers.count {
                output = buffers.inputs[index + 1].pointer + layers[index + 1].convolution.leftPadding * features
            } else {
                output = buffers.features.pointer
            }
            convolution.forward(
                buffers.inputs[index].pointer, output: output, scratch: workspace.scratch.pointer)
            ck_affine_leaky(
                Int32(convolution.outputLength), Int32(features), output, ones.pointer, layer.shift.pointer,
                Discriminator.leakySlope, output)
            if let place = signs {
                ck_signs(Int32(layer.outputCount), output, place)
                signs = place + layer.signBytes
            }
            if layer.isResidual {
                let input = buffers.inputs[index].pointer + convolution.leftPadding * convolution.inputChannels
                for i in 0..<layer.outputCount { output[i] += input[i] }
            }
        }
        ck_dots(
            Int32(stack.headShift.count), Int32(stack.featureCount), stack.heads, buffers.features.pointer, logits)
        for (column, shift) in stack.headShift.enumerated() { logits[column] += shift }
    }
}
