import Dispatch
internal import NeuralNetwork

/// The work of one thread: its part of a batch, with its own network on the shared weights.
protocol TrainingShard: AnyObject, Sendable {
    /// Index of its first batch item, and number of items.
    var first: Int { get }
    var size: Int { get }
}

/// A shard that processes stored windows.
protocol WindowShard: TrainingShard {
    /// (size, 280).
    var windows: FloatBuffer { get }
    var labels: [UInt8] { get set }
}

/// The shards of a batch, run in parallel.
struct ParallelShards<Shard: TrainingShard>: Sendable {
    let shards: [Shard]

    /// - Parameter make: creates a shard from its number, first item and size; a batch is divided as evenly as
    ///   possible.
    init(_ threads: Int, batch: Int, make: (_ number: Int, _ first: Int, _ size: Int) -> Shard) {
        precondition(threads >= 1 && batch >= threads)
        shards = (0..<threads).map { number in
            let first = batch * number / threads
            return make(number, first, batch * (number + 1) / threads - first)
        }
    }

    /// Processes every shard on its own thread. Each writes only to itself; all read the weights.
    func run(_ work: @Sendable (Shard) -> Void) {
        if shards.count == 1 {
            work(shards[0])
        } else {
            let shards = self.shards
            DispatchQueue.concurrentPerform(iterations: shards.count) { work(shards[$0]) }
        }
    }

    /// The mean of a value over the batch.
    func mean(_ figure: (Shard) -> Double) -> Double {
        let batch = shards.reduce(0) { $0 + $1.size }
        return shards.reduce(0) { $0 + figure($1) * Double($1.size) / Double(batch) }
    }

    /// Combines the gradients of the shards' mean losses into the gradients of the batch's mean loss.
    ///
    /// They are added in shard order, regardless of which finished first, so the sums are identical in every run.
    func sum(_ gradients: (Shard) -> FloatBuffer, into total: FloatBuffer) {
        let batch = shards.reduce(0) { $0 + $1.size }
        total.zero()
        for shard in shards {
            let share = Float(shard.size) / Float(batch)
            let source = gradients(shard).pointer
            let target = total.pointer
            for i in 0..<total.count { target[i] += share * source[i] }
        }
    }
}

extension ParallelShards where Shard: WindowShard {
    /// Copies each shard's windows of a batch into it.
    ///
    /// - Parameters:
    ///   - batch: window indices.
    ///   - data: windows without a margin.
    func load(_ batch: ArraySlice<Int>, of data: BeatDataset) {
        let length = Discriminator.windowLength
        for shard in shards {
            for item in 0..<shard.size {
                let index = batch[batch.startIndex + shard.first + item]
                shard.labels[item] = data.labels[index]
                data.values.withUnsafeBufferPointer { values in
                    guard let base = values.baseAddress else { return }
                    (shard.windows.pointer + item * length).update(from: base + index * length, count: length)
                }
            }
        }
    }
}
