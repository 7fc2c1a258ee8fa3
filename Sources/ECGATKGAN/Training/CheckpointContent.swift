internal import NeuralNetwork

/// What a trainer has in a checkpoint beside the place of the loop.
struct CheckpointContent {
    var architecture: String
    /// Metadata that must be the same for a checkpoint to go on: the recipe, the windows.
    var identity: [String: String]
    /// Metadata key of the state of the random numbers; nil: a step draws none.
    var randomKey: String?
    var parts: [Part]

    /// Buffers laid out as a store: the weights, and what goes with each of them. A tensor has its name with the buffer's
    /// prefix.
    struct Part {
        var store: ParameterStore
        var buffers: [(prefix: String, values: FloatBuffer)]

        /// A store's weights, and the moments of its optimizer.
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

        /// - Throws: `TrainingError.model` where a tensor is missing, of another shape, or not finite.
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

        /// Takes the values of a file that `check` has passed.
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
