import Dispatch
internal import NeuralNetwork

/// What one thread works on: its part of a batch, with a network of its own on the common weights.
protocol TrainingShard: AnyObject, Sendable {
    /// Items of the batch.
    var size: Int { get }
    /// Of this shard's mean loss, laid out as the store.
    var gradients: FloatBuffer { get }
}

/// The shards of a batch side by side.
struct ParallelShards<Shard: TrainingShard>: Sendable {
    let shards: [Shard]

    /// - Parameter make: a shard from its number, its first item and its size; a batch is divided as evenly as can be.
    init(_ threads: Int, batch: Int, make: (_ number: Int, _ first: Int, _ size: Int) -> Shard) {
        precondition(threads >= 1 && batch >= threads)
        shards = (0..<threads).map { number in
            let first = batch * number / threads
            return make(number, first, batch * (number + 1) / threads - first)
        }
    }

    /// Works on every shard on a thread of its own. Each writes itself alone; the weights are read by all.
    func run(_ work: @Sendable (Shard) -> Void) {
        if shards.count == 1 {
            work(shards[0])
        } else {
            let shards = self.shards
            DispatchQueue.concurrentPerform(iterations: shards.count) { work(shards[$0]) }
        }
    }

    /// The mean of a figure over the batch.
    func mean(_ figure: (Shard) -> Double) -> Double {
        let batch = shards.reduce(0) { $0 + $1.size }
        return shards.reduce(0) { $0 + figure($1) * Double($1.size) / Double(batch) }
    }

    /// The gradients of the batch's mean loss, in the shards' order, whoever finished first: the same sums in every
    /// run.
    func sumGradients(into total: FloatBuffer) {
        let batch = shards.reduce(0) { $0 + $1.size }
        total.zero()
        for shard in shards {
            let share = Float(shard.size) / Float(batch)
            let source = shard.gradients.pointer
            let target = total.pointer
            for i in 0..<total.count { target[i] += share * source[i] }
        }
    }
}

/// Buffers laid out as a store, as the tensors of a checkpoint: each tensor's name with the buffer's prefix.
enum CheckpointTensors {
    static func add(
        _ buffers: [(prefix: String, values: FloatBuffer)], of store: ParameterStore, to file: inout SafeTensors
    ) {
        for tensor in store.tensors {
            for (prefix, buffer) in buffers {
                let values = UnsafeBufferPointer(start: buffer.pointer + tensor.offset, count: tensor.count)
                file.tensors[prefix + tensor.name] = .init(shape: tensor.shape, values: Array(values))
            }
        }
    }

    /// - Throws: `TrainingError.model` where one is missing or of another shape; the buffers are then untouched.
    static func restore(
        _ buffers: [(prefix: String, values: FloatBuffer)], of store: ParameterStore, from file: SafeTensors,
        path: String
    ) throws(TrainingError) {
        for tensor in store.tensors {
            for (prefix, _) in buffers {
                guard let read = file.tensors[prefix + tensor.name] else {
                    throw .model(.tensorMissing(path: path, tensor: prefix + tensor.name))
                }
                guard read.shape == tensor.shape else {
                    throw .model(
                        .tensorOfOtherShape(
                            path: path, tensor: prefix + tensor.name, found: read.shape, expected: tensor.shape))
                }
            }
        }
        for tensor in store.tensors {
            for (prefix, buffer) in buffers {
                guard let read = file.tensors[prefix + tensor.name] else { continue }
                for i in 0..<tensor.count { buffer.pointer[tensor.offset + i] = read.values[i] }
            }
        }
    }
}
