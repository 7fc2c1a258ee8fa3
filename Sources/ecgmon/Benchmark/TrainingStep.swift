import Dispatch
import ECGATKGAN
import NeuralNetwork

/// One training step of the paper's discriminator on a batch of 64: forward, cross-entropy and attack loss, backward,
/// Adam.
///
/// With several threads each works on its share of the batch with a replica of the network, as the trainings do.
final class TrainingStep {
    static let batch = 64

    /// What one thread works on; nobody else writes to it.
    private final class Share: @unchecked Sendable {
        let network: Discriminator
        let size: Int
        let windows: FloatBuffer, gradients: FloatBuffer
        private let classGradient: FloatBuffer, attackGradient: FloatBuffer
        private let labels: [UInt8], attacked: [Float]

        init(_ network: Discriminator, size: Int, using generator: inout SeededGenerator) {
            self.network = network
            self.size = size
            windows = FloatBuffer(count: size * Discriminator.windowLength)
            for i in 0..<windows.count { windows.pointer[i] = generator.nextUniform() }
            gradients = FloatBuffer(count: network.store.count)
            classGradient = FloatBuffer(count: size * Discriminator.classCount)
            attackGradient = FloatBuffer(count: size)
            labels = (0..<size).map { UInt8($0 % Discriminator.classCount) }
            attacked = (0..<size).map { Float($0 % 2) }
        }

        func work() {
            network.weightsChanged()
            let output = network.forward(windows.pointer, batch: size, mode: .batchStatistics)
            _ = Loss.crossEntropy(
                logits: output.classLogits, labels: labels, batch: size, classes: Discriminator.classCount,
                gradient: classGradient.pointer)
            if let attackLogits = output.attackLogits {
                _ = Loss.binaryCrossEntropy(
                    logits: attackLogits, targets: attacked, batch: size, gradient: attackGradient.pointer)
            }
            gradients.zero()
            network.backward(
                batch: size, classGradient: classGradient.pointer, attackGradient: attackGradient.pointer,
                gradients: gradients.pointer, needsInputGradient: false)
        }
    }

    private let store: ParameterStore
    private var optimizer: Adam
    private let shares: [Share]
    private let sum: FloatBuffer

    init(threads: Int) {
        let network = Discriminator(seed: 1)
        store = network.store
        optimizer = Adam(store: store)
        sum = FloatBuffer(count: store.count)
        var generator = SeededGenerator(seed: 1)
        shares = (0..<threads).map { number in
            Share(
                number == 0 ? network : network.replica(),
                size: Self.batch * (number + 1) / threads - Self.batch * number / threads, using: &generator)
        }
    }

    func run() {
        if shares.count == 1 {
            shares[0].work()
        } else {
            let shares = self.shares
            DispatchQueue.concurrentPerform(iterations: shares.count) { shares[$0].work() }
        }
        sum.zero()
        for share in shares {
            let weight = Float(share.size) / Float(Self.batch)
            let source = share.gradients.pointer
            let target = sum.pointer
            for i in 0..<sum.count { target[i] += weight * source[i] }
            share.network.updateRunningStatistics()
        }
        optimizer.update(store, gradients: sum.pointer)
    }

    /// The median of `steps` steps, after five that are not counted.
    func medianDuration(steps: Int) -> Duration {
        for _ in 0..<5 { run() }
        let clock = ContinuousClock()
        return (0..<steps).map { _ in clock.measure { run() } }.sorted()[steps / 2]
    }
}
