internal import ECGATKGAN
internal import NeuralNetwork

/// An ensemble of small networks whose logits are averaged: it maps features to the logits of N, S, V and F.
///
/// Each has two hidden layers with LeakyReLU and was trained from different initial weights.
public struct ContextualStage: Sendable, Equatable {
    struct Layer: Sendable, Equatable {
        let inputs: Int, outputs: Int
        /// (inputs, outputs).
        let weight: [Float]
        let bias: [Float]
        // Written once in `init` and only read afterwards; the type is not Sendable because training packs it anew.
        nonisolated(unsafe) private let packed = PackedMatrix()

        init(inputs: Int, outputs: Int, weight: [Float], bias: [Float]) {
            precondition(weight.count == inputs * outputs && bias.count == outputs)
            (self.inputs, self.outputs, self.weight, self.bias) = (inputs, outputs, weight, bias)
            packed.pack(weight, rows: inputs, columns: outputs, rowStride: outputs)
        }

        /// Writes weight x input + bias.
        func multiply(_ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>) {
            bias.withUnsafeBufferPointer { output.update(from: $0.baseAddress!, count: outputs) }
            packed.multiply(
                left: input, rowCount: 1, rowStride: inputs, result: output, resultStride: outputs, accumulating: true)
        }

        static func == (one: Layer, other: Layer) -> Bool {
            one.inputs == other.inputs && one.outputs == other.outputs && one.weight == other.weight
                && one.bias == other.bias
        }
    }

    static let leakySlope: Float = 0.1
    /// Normalized features are clamped to this magnitude, so that a single outlier cannot decide alone.
    static let largestFeature: Float = 6
    /// More than any sensible weights file needs.
    static let maximumMembers = 16, widestLayer = 1024

    /// `mean` is subtracted from the features, which are then multiplied by `factor`. A factor of 0 removes a
    /// feature.
    let mean: [Float], factor: [Float]
    /// The layers of each member in order; the last gives four logits.
    let members: [[Layer]]

    /// Normalized features, as the members take them.
    private func normalize(_ features: UnsafePointer<Float>, into input: UnsafeMutablePointer<Float>) {
        for i in mean.indices {
            input[i] = min(max((features[i] - mean[i]) * factor[i], -Self.largestFeature), Self.largestFeature)
        }
    }

    func logits(ofFeatures features: UnsafePointer<Float>) -> SIMD4<Float> {
        let widest = members.reduce(0) { max($0, $1.reduce(0) { max($0, $1.outputs) }) }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: mean.count + 2 * widest) { scratch in
            let input = scratch.baseAddress!
            normalize(features, into: input)
            var sum = SIMD4<Float>.zero
            for layers in members {
                var (current, output) = (UnsafePointer(input), input + mean.count)
                for (number, layer) in layers.enumerated() {
                    layer.multiply(current, into: output)
                    if number < layers.count - 1 {
                        for o in 0..<layer.outputs { output[o] = Self.leaky(output[o]) }
                    }
                    // The two halves of the rest of the scratch memory take turns.
                    current = UnsafePointer(output)
                    output = input + mean.count + (number % 2 == 0 ? widest : 0)
                }
                sum += SIMD4(current[0], current[1], current[2], current[3])
            }
            return sum / Float(members.count)
        }
    }

    private static func leaky(_ value: Float) -> Float { max(value, 0) + leakySlope * min(value, 0) }

    /// The output of each layer, before LeakyReLU.
    private static func pass(_ layers: [Layer], _ input: [Float]) -> [[Float]] {
        var outputs: [[Float]] = []
        var current = input
        for layer in layers {
            let output = [Float](unsafeUninitializedCapacity: layer.outputs) { buffer, count in
                layer.multiply(current, into: buffer.baseAddress!)
                count = layer.outputs
            }
            outputs.append(output)
            current = output.map(leaky)
        }
        return outputs
    }

    /// Converts a gradient of the logits into one of the features.
    func featureGradient(_ logitGradient: SIMD4<Float>, features: UnsafePointer<Float>) -> [Float] {
        let input = [Float](unsafeUninitializedCapacity: mean.count) { buffer, count in
            normalize(features, into: buffer.baseAddress!)
            count = mean.count
        }
        var result = [Float](repeating: 0, count: mean.count)
        for layers in members {
            let outputs = Self.pass(layers, input)
            var gradient = (0..<4).map { logitGradient[$0] / Float(members.count) }
            for (index, layer) in layers.enumerated().reversed() {
                var below = [Float](repeating: 0, count: layer.inputs)
                for i in 0..<layer.inputs {
                    for o in 0..<layer.outputs { below[i] += layer.weight[i * layer.outputs + o] * gradient[o] }
                }
                if index > 0 {
                    for i in 0..<layer.inputs where outputs[index - 1][i] <= 0 { below[i] *= Self.leakySlope }
                }
                gradient = below
            }
            for i in result.indices { result[i] += gradient[i] }
        }
        for i in result.indices { result[i] *= abs(input[i]) < Self.largestFeature ? factor[i] : 0 }
        return result
    }
}

// MARK: The weights file

extension ContextualStage {
    /// Adds the tensors to a weights file, with `prefix` before their names.
    func add(to file: inout SafeTensors, prefix: String) {
        file.tensors[prefix + "mean"] = .init(shape: [mean.count], values: mean)
        file.tensors[prefix + "factor"] = .init(shape: [factor.count], values: factor)
        for (member, layers) in members.enumerated() {
            for (number, layer) in layers.enumerated() {
                let name = Self.name(prefix, member, number)
                file.tensors[name + ".weight"] = .init(shape: [layer.inputs, layer.outputs], values: layer.weight)
                file.tensors[name + ".bias"] = .init(shape: [layer.outputs], values: layer.bias)
            }
        }
    }

    private static func name(_ prefix: String, _ member: Int, _ layer: Int) -> String {
        "\(prefix)\(member).layer\(layer)"
    }

    /// Reads the stage that takes this many features from a weights file.
    ///
    /// - Throws: `ModelError` if there is none that this build can use.
    init(_ file: SafeTensors, prefix: String, features: Int, path: String) throws(ModelError) {
        func values(_ name: String, _ shape: [Int]) throws(ModelError) -> [Float] {
            try file.values(name, shape, path: path)
        }
        mean = try values(prefix + "mean", [features])
        factor = try values(prefix + "factor", [features])
        var members: [[Layer]] = []
        while members.count < Self.maximumMembers, file.tensors[Self.name(prefix, members.count, 0) + ".weight"] != nil
        {
            var layers: [Layer] = []
            var inputs = features
            // Two hidden layers and the output layer.
            for number in 0..<3 {
                let name = Self.name(prefix, members.count, number)
                guard let bias = file.tensors[name + ".bias"] else {
                    throw .tensorMissing(path: path, tensor: name + ".bias")
                }
                let outputs = number == 2 ? Discriminator.classCount : bias.values.count
                guard (1...Self.widestLayer).contains(outputs) else {
                    throw .tensorOfOtherShape(
                        path: path, tensor: name + ".bias", found: bias.shape, expected: [Self.widestLayer])
                }
                layers.append(
                    Layer(
                        inputs: inputs, outputs: outputs, weight: try values(name + ".weight", [inputs, outputs]),
                        bias: try values(name + ".bias", [outputs])))
                inputs = outputs
            }
            members.append(layers)
        }
        guard !members.isEmpty else { throw .tensorMissing(path: path, tensor: Self.name(prefix, 0, 0) + ".weight") }
        self.members = members
    }
}

extension SafeTensors {
    /// The values of one tensor of a weights file.
    ///
    /// - Parameter path: the file's, for the error.
    /// - Throws: `ModelError` if it is missing, has another shape, or holds a value that is not finite.
    func values(_ name: String, _ shape: [Int], path: String) throws(ModelError) -> [Float] {
        guard let tensor = tensors[name] else { throw .tensorMissing(path: path, tensor: name) }
        guard tensor.shape == shape else {
            throw .tensorOfOtherShape(path: path, tensor: name, found: tensor.shape, expected: shape)
        }
        guard tensor.values.allSatisfy(\.isFinite) else { throw .notFinite(path: path, tensor: name) }
        return tensor.values
    }
}
