internal import CKernels
internal import NeuralNetwork

/// The deployed form of the discriminator: batch normalisation folded into the convolutions, immutable, and so one for
/// all threads.
public final class BeatClassifier: Sendable {
    /// The model card's name.
    public let name: String
    /// SHA-256 of the weights file, in hexadecimal.
    public let sha256: String

    /// One convolution with its normalisation folded in: `leaky(w * x + shift)`.
    fileprivate struct Layer {
        let weights: PackedMatrix
        let shift: FloatBuffer
        let channels: Int, features: Int, stride: Int
        let outputLength: Int
        /// Rows of zeros in front of the input, and rows of the padded input altogether.
        let leftPadding: Int, paddedLength: Int
    }

    // Written once in `init`, only read afterwards; the types that hold them are not Sendable for the trainer's sake.
    nonisolated(unsafe) private let layers: [Layer]
    nonisolated(unsafe) private let heads: PackedMatrix
    private let headShift: [Float]
    nonisolated(unsafe) private let ones: FloatBuffer

    /// Columns of the heads' product: N, S, V, F, attack.
    private static let headCount = 5

    /// Loads a weights file and compares its SHA-256 with the model card's beside it.
    public convenience init(contentsOf path: String) throws(ModelError) {
        let (network, checksum, card) = try ModelFile.readDiscriminator(from: path)
        self.init(network, name: card?.name ?? path, sha256: checksum)
    }

    /// The deployed form of a network as it is now.
    public init(_ network: Discriminator, name: String, sha256: String) {
        self.name = name
        self.sha256 = sha256
        let store = network.store
        func array(_ name: String) -> [Float] {
            guard let tensor = store.tensors.first(where: { $0.name == name }) else {
                preconditionFailure("a discriminator has \(name)")
            }
            return store.array(of: tensor)
        }
        var layers: [Layer] = []
        var length = Discriminator.windowLength, channels = 1
        for block in Discriminator.blocks {
            var weights = array(block.name + ".convolution.weight")
            let gamma = array(block.name + ".normalization.gamma"), beta = array(block.name + ".normalization.beta")
            let mean = array(block.name + ".normalization.running_mean")
            let variance = array(block.name + ".normalization.running_variance")
            let shift = FloatBuffer(count: block.features)
            for feature in 0..<block.features {
                let scale = gamma[feature] / (variance[feature] + BatchNormalization.epsilon).squareRoot()
                shift.pointer[feature] = beta[feature] - mean[feature] * scale
                for tap in 0..<(3 * channels) { weights[tap * block.features + feature] *= scale }
            }
            let packed = PackedMatrix()
            weights.withUnsafeBufferPointer { values in
                packed.pack(values.baseAddress!, rows: 3 * channels, columns: block.features, rowStride: block.features)
            }
            let outputLength = (length + block.stride - 1) / block.stride
            let padding = (outputLength - 1) * block.stride + 3 - length
            layers.append(
                Layer(
                    weights: packed, shift: shift, channels: channels, features: block.features, stride: block.stride,
                    outputLength: outputLength, leftPadding: padding / 2, paddedLength: length + padding))
            length = outputLength
            channels = block.features
        }
        self.layers = layers
        // The heads side by side are one product.
        let classWeights = array("class.weight"), attackWeights = array("attack.weight")
        var headWeights = [Float](repeating: 0, count: Discriminator.flattenedLength * Self.headCount)
        for row in 0..<Discriminator.flattenedLength {
            for column in 0..<4 { headWeights[row * Self.headCount + column] = classWeights[row * 4 + column] }
            headWeights[row * Self.headCount + 4] = attackWeights[row]
        }
        let heads = PackedMatrix()
        headWeights.withUnsafeBufferPointer { values in
            heads.pack(
                values.baseAddress!, rows: Discriminator.flattenedLength, columns: Self.headCount,
                rowStride: Self.headCount)
        }
        self.heads = heads
        headShift = array("class.bias") + array("attack.bias")
        ones = FloatBuffer(count: 128)
        ones.pointer.update(repeating: 1, count: 128)
    }

    /// The scratch memory of one thread.
    public final class Workspace {
        /// The input of each layer with its zeros around it.
        fileprivate let inputs: [FloatBuffer]
        fileprivate let features = FloatBuffer(count: Discriminator.flattenedLength)

        fileprivate init(_ layers: [Layer]) {
            inputs = layers.map { FloatBuffer(count: $0.paddedLength * $0.channels) }
        }
    }

    public func makeWorkspace() -> Workspace { Workspace(layers) }

    /// Classifies `results.count` windows of 280 values in [0,1], one after the other in `windows`.
    ///
    /// Each answer depends on its own window alone, bit for bit: beats of several patients may share a call.
    public func classify(
        _ windows: UnsafeBufferPointer<Float>, into results: UnsafeMutableBufferPointer<BeatClassification>,
        workspace: Workspace
    ) {
        precondition(windows.count == results.count * Discriminator.windowLength)
        guard let first = windows.baseAddress else { return }
        for index in results.indices {
            results[index] = classify(first + index * Discriminator.windowLength, workspace)
        }
    }

    private func classify(_ window: UnsafePointer<Float>, _ workspace: Workspace) -> BeatClassification {
        let entry = workspace.inputs[0].pointer + layers[0].leftPadding
        entry.update(from: window, count: Discriminator.windowLength)
        for (index, layer) in layers.enumerated() {
            // Each layer writes where the next one reads, between that one's zeros.
            let output: UnsafeMutablePointer<Float>
            if index + 1 < layers.count {
                output = workspace.inputs[index + 1].pointer + layers[index + 1].leftPadding * layer.features
            } else {
                output = workspace.features.pointer
            }
            layer.weights.multiply(
                left: workspace.inputs[index].pointer, rowCount: layer.outputLength,
                rowStride: layer.stride * layer.channels, result: output, resultStride: layer.features)
            ck_affine_leaky(
                Int32(layer.outputLength), Int32(layer.features), output, ones.pointer, layer.shift.pointer,
                Discriminator.leakySlope, output)
        }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.headCount) { logits in
            let row = logits.baseAddress!
            heads.multiply(
                left: workspace.features.pointer, rowCount: 1, rowStride: Discriminator.flattenedLength, result: row,
                resultStride: Self.headCount)
            for column in 0..<Self.headCount { row[column] += headShift[column] }
            Activation.softmax(row, count: 4)
            return BeatClassification(
                probabilities: SIMD4(row[0], row[1], row[2], row[3]), attackSuspicion: Activation.sigmoid(row[4]))
        }
    }
}
