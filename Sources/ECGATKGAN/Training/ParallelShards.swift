import Dispatch
internal import NeuralNetwork

/// What one thread works on: its part of a batch, with a network of its own on the common weights.
protocol TrainingShard: AnyObject, Sendable {
    /// First item of the batch, and how many.
    var first: Int { get }
    var size: Int { get }
}

/// A shard that works on stored windows.
protocol WindowShard: TrainingShard {
    /// (size, 280).
    var windows: FloatBuffer { get }
    var labels: [UInt8] { get set }
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

    /// The gradients of the batch's mean loss out of those of the shards' mean losses.
    ///
    /// They are added in the shards' order, whoever finished first: the sums are the same in every run.
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
    /// Gives each shard its windows of a batch.
    ///
    /// - Parameters:
    ///   - batch: numbers of the windows.
    ///   - data: without a margin.
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
