internal import NeuralNetwork

/// A thread's part of a batch of the discriminator's training, with a network of its own on the common weights.
final class DiscriminatorShard: TrainingShard, @unchecked Sendable {
    let network: Discriminator
    /// First item of the batch, and how many.
    let first: Int, size: Int
    /// Of this shard's mean loss, laid out as the store.
    let gradients: FloatBuffer
    /// The clean windows, then the attacked ones.
    let windows: FloatBuffer
    var random = SeededGenerator(seed: 0)
    /// Of the clean windows, then of the attacked ones.
    var labels: [UInt8]
    /// Of the step that is being made.
    var classification = 0.0, suspicion = 0.0

    private let recipe: DiscriminatorRecipe
    private let generation: GeneratedWindows?
    private let scratch = TrainingAttack.Scratch()
    private let classGradient = FloatBuffer(), attackGradient = FloatBuffer()
    private let classWeights: [Float], targets: [Float]

    init(_ network: Discriminator, windowGenerator: Generator?, first: Int, size: Int, recipe: DiscriminatorRecipe) {
        self.network = network
        self.recipe = recipe
        generation = windowGenerator.map(GeneratedWindows.init)
        self.first = first
        self.size = size
        gradients = FloatBuffer(count: network.store.count)
        windows = FloatBuffer(count: 2 * size * Discriminator.windowLength)
        labels = Array(repeating: 0, count: 2 * size)
        classWeights = Array(repeating: 1, count: size) + Array(repeating: recipe.attackedClassWeight, count: size)
        targets = Array(repeating: 0, count: size) + Array(repeating: 1, count: size)
    }

    /// Attacks the windows and works out the gradients of the loss.
    func learn() {
        let length = Discriminator.windowLength
        let classes = Discriminator.classCount
        let batch = 2 * size
        let windows = windows.pointer
        let mixture = recipe.suspicionWeight > 0 ? TrainingAttack.ofEveryKind : TrainingAttack.towardsOtherClasses
        var attack = TrainingAttack(epsilon: recipe.epsilon, iterations: recipe.iterations, mixture: mixture)
        if recipe.trainsAttackBranchAlone, recipe.iterations > 2 {
            attack.iterations = Int.random(in: 2...(2 * recipe.iterations - 2), using: &random)
        }
        generation?.replace(
            share: recipe.generatedShare, of: windows, labels: labels, batch: size, using: &random)
        attack.perturb(
            windows, labels: labels, batch: size, against: network, using: &random,
            scratch: scratch, into: windows + size * length)
        if recipe.trainsAttackBranchAlone { asTransmitted() }
        let output = network.forward(windows, batch: batch, mode: .batchStatistics)
        let classGradient = classGradient.reserve(batch * classes)
        let attackGradient = attackGradient.reserve(batch)
        classification = Loss.crossEntropy(
            logits: output.classLogits, labels: labels, batch: batch, classes: classes,
            weight: classWeights, gradient: classGradient)
        guard let attackLogits = output.attackLogits else { preconditionFailure("a discriminator has an attack head") }
        suspicion = Loss.binaryCrossEntropy(
            logits: attackLogits, targets: targets, batch: batch, factor: recipe.suspicionWeight,
            gradient: attackGradient)
        gradients.zero()
        network.backward(
            batch: batch, classGradient: classGradient, attackGradient: attackGradient,
            gradients: gradients.pointer, needsInputGradient: false)
    }

    /// Clean and attacked windows as a monitor gets them: in steps of a converter, and scaled again.
    ///
    /// An attack leaves a recording's lattice and the ends of [0,1]. An attack head that looks at such would notice
    /// nothing in a stream, where the attacked signal was quantised and scaled like any other.
    private func asTransmitted() {
        let length = Discriminator.windowLength
        for item in 0..<size {
            // 5 uV, the step of mitdb, is 0.001 to 0.01 of a beat of 5 to 0.5 mV.
            let quantum = random.nextUniform() < 0.5 ? 0.0005 + 0.0055 * random.nextUniform() : 0
            let isScaledAgain = random.nextUniform() < 0.75
            for row in [item, size + item] {
                let window = UnsafeMutableBufferPointer(start: windows.pointer + row * length, count: length)
                if quantum > 0 {
                    for i in window.indices { window[i] = (window[i] / quantum).rounded() * quantum }
                }
                if isScaledAgain { BeatDataset.scaleToUnitInterval(window) }
            }
        }
    }
}
