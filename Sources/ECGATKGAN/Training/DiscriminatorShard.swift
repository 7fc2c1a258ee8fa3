internal import NeuralNetwork

/// One thread's part of a discriminator training batch, with its own network on the shared weights.
final class DiscriminatorShard: TrainingShard, @unchecked Sendable {
    let network: Discriminator
    /// Index of its first batch item, and number of items.
    let first: Int, size: Int
    /// Gradients of this shard's mean loss, with the store's layout.
    let gradients: FloatBuffer
    /// The clean windows, followed by the adversarial examples.
    let windows: FloatBuffer
    var random = SeededGenerator(seed: 0)
    /// Labels of the clean windows, followed by those of the adversarial examples.
    var labels: [UInt8]
    /// Losses of the current step.
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

    /// Attacks the windows and computes the gradients of the loss.
    func learn() {
        let length = Discriminator.windowLength
        let classes = Discriminator.classCount
        let batch = 2 * size
        let windows = windows.pointer
        let mixture = recipe.suspicionWeight > 0 ? TrainingAttack.ofEveryKind : TrainingAttack.towardsOtherClasses
        var attack = TrainingAttack(epsilon: recipe.epsilon, iterations: recipe.iterations, mixture: mixture)
        attack.throughScaling = recipe.throughScaling
        if recipe.trainsAttackBranchAlone, recipe.iterations > 2 {
            attack.iterations = Int.random(in: 2...(2 * recipe.iterations - 2), using: &random)
        }
        generation?.replace(
            share: recipe.generatedShare, of: windows, labels: labels, batch: size, using: &random)
        attack.perturb(
            windows, labels: labels, batch: size, against: network, using: &random,
            scratch: scratch, into: windows + size * length)
        if recipe.smoothingShare > 0 { addSmoothingNoise() }
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

    /// Adds the noise of a smoothed network to some of the clean windows, and scales them again. Their adversarial
    /// examples are made beforehand and stay as they are.
    private func addSmoothingNoise() {
        let length = Discriminator.windowLength
        for item in 0..<size where random.nextUniform() < recipe.smoothingShare {
            let window = windows.pointer + item * length
            for i in 0..<length { window[i] += recipe.smoothingNoise * random.nextNormal() }
            _ = RescalingNetwork.scale(window)
        }
    }

    /// Converts clean and adversarial windows to what a monitor receives: quantized by an A/D converter and rescaled.
    ///
    /// An attack leaves the recording's quantization levels and the ends of [0,1]. An attack head that relied on
    /// these would detect nothing in a stream, where the attacked signal is quantized and scaled like any other.
    private func asTransmitted() {
        let length = Discriminator.windowLength
        for item in 0..<size {
            // 5 uV, the step size of mitdb, is 0.001 to 0.01 of a beat of 5 to 0.5 mV.
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
