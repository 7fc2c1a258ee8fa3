internal import NeuralNetwork

/// What a trainer stores in a checkpoint in addition to the training loop's position.
struct CheckpointContent {
    var architecture: String
    /// Metadata that must match for training to resume from a checkpoint: the recipe and the windows.
    var identity: [String: String]
    /// Metadata key of the random generator's state; nil if steps draw no random numbers.
    var randomKey: String?
    var parts: [Part]

    /// Buffers with a store's layout: the weights and their associated values. Each tensor's name is prefixed with
    /// the buffer's prefix.
    struct Part {
        var store: ParameterStore
        var buffers: [(prefix: String, values: FloatBuffer)]

        /// A store's weights and its optimizer's moments.
        init(
            _ store: ParameterStore, _ optimizer: Adam, weights: String = "current.", moments: String = "adam.",
            more: [(prefix: String, values: FloatBuffer)] = []
        ) {
            self.store = store
            buffers =
                [(weights, store.values)] + more
                + [(moments + "first.", optimizer.firstMoment), (moments + "second.", optimizer.secondMoment)]
        }

        func add(to file: inout SafeTensors) {
            for tensor in store.tensors {
                for (prefix, buffer) in buffers {
                    let values = UnsafeBufferPointer(start: buffer.pointer + tensor.offset, count: tensor.count)
                    file.tensors[prefix + tensor.name] = .init(shape: tensor.shape, values: Array(values))
                }
            }
        }

        /// - Throws: `TrainingError.model` if a tensor is missing, has another shape or is not finite.
        func check(_ file: SafeTensors, path: String) throws(TrainingError) {
            for tensor in store.tensors {
                for (prefix, _) in buffers {
                    let name = prefix + tensor.name
                    guard let read = file.tensors[name] else { throw .model(.tensorMissing(path: path, tensor: name)) }
                    guard read.shape == tensor.shape else {
                        throw .model(
                            .tensorOfOtherShape(path: path, tensor: name, found: read.shape, expected: tensor.shape))
                    }
                    guard read.values.allSatisfy(\.isFinite) else {
                        throw .model(.notFinite(path: path, tensor: name))
                    }
                }
            }
        }

        /// Restores the values of a file that has passed `check`.
        func restore(from file: SafeTensors) {
            for tensor in store.tensors {
                for (prefix, buffer) in buffers {
                    guard let read = file.tensors[prefix + tensor.name] else { continue }
                    for i in 0..<tensor.count { buffer.pointer[tensor.offset + i] = read.values[i] }
                }
            }
        }
    }
}
