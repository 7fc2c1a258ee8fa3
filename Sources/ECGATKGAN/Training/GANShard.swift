internal import NeuralNetwork

/// One thread's part of a batch in alternating training, with its own networks on the shared weights.
final class GANShard: TrainingShard, @unchecked Sendable {
    let discriminator: Discriminator, generator: Generator
    /// Index of its first batch item, and number of items.
    let first: Int, size: Int
    /// With the layout of the stores.
    let discriminatorGradients: FloatBuffer, generatorGradients: FloatBuffer
    /// (size, 280): the real windows, the generator's targets and its noise.
    let windows: FloatBuffer, targets: FloatBuffer, noise: FloatBuffer
    var labels: [UInt8]
    /// 1 if the window is attacked.
    var attacked: [Float]
    var random = SeededGenerator(seed: 0)
    var generatorMode = NormalizationMode.batchStatistics
    /// Losses of the current step.
    var losses = GANLosses()

    private let recipe: GANRecipe
    private let ones: [Float], zeros: [Float]
    /// The generator's output in this step, valid until its next pass.
    private var generated: UnsafeMutablePointer<Float>?
    private let classGradient: FloatBuffer, attackGradient: FloatBuffer, realGradient: FloatBuffer
    private let outputGradient: FloatBuffer, noiseScratch = FloatBuffer()

    init(_ discriminator: Discriminator, _ generator: Generator, first: Int, size: Int, recipe: GANRecipe) {
        self.discriminator = discriminator
        self.generator = generator
        self.first = first
        self.size = size
        self.recipe = recipe
        discriminatorGradients = FloatBuffer(count: discriminator.store.count)
        generatorGradients = FloatBuffer(count: generator.store.count)
        let count = size * Discriminator.windowLength
        windows = FloatBuffer(count: count)
        targets = FloatBuffer(count: count)
        noise = FloatBuffer(count: count)
        outputGradient = FloatBuffer(count: count)
        classGradient = FloatBuffer(count: size * Discriminator.classCount)
        attackGradient = FloatBuffer(count: size)
        realGradient = FloatBuffer(count: size)
        labels = Array(repeating: 0, count: size)
        attacked = Array(repeating: 0, count: size)
        ones = Array(repeating: 1, count: size)
        zeros = Array(repeating: 0, count: size)
    }

    /// Computes the discriminator's gradients on the real windows, with target 1; the generator also produces the
    /// step's windows.
    func learnReal() {
        losses = GANLosses()
        GeneratorNoise.fill(noise.pointer, batch: size, using: &random, scratch: noiseScratch)
        generated = generator.forward(
            windows.pointer, labels: labels, noise: noise.pointer, batch: size, mode: generatorMode)
        learn(windows.pointer, targets: ones)
    }

    /// Computes the discriminator's gradients on the generated windows, with target 0.
    func learnGenerated() {
        guard let generated else { preconditionFailure("nothing was generated in this step") }
        discriminator.weightsChanged()
        learn(generated, targets: zeros)
    }

    private func learn(_ windows: UnsafePointer<Float>, targets: [Float]) {
        let output = discriminator.forward(windows, batch: size, mode: .batchStatistics)
        guard let attackLogits = output.attackLogits, let realLogits = output.realLogits else {
            preconditionFailure("the discriminator lacks a head")
        }
        losses.classification +=
            0.5
            * Loss.crossEntropy(
                logits: output.classLogits, labels: labels, batch: size, classes: Discriminator.classCount,
                gradient: classGradient.pointer)
        for i in 0..<(size * Discriminator.classCount) { classGradient.pointer[i] *= recipe.classWeight }
        losses.attack +=
            0.5
            * Loss.sigmoidMeanAbsoluteError(
                logits: attackLogits, targets: attacked, batch: size, factor: recipe.attackWeight,
                gradient: attackGradient.pointer)
        losses.discriminatorAdversarial +=
            0.5
            * Loss.sigmoidMeanSquaredError(
                logits: realLogits, targets: targets, batch: size, gradient: realGradient.pointer)
        discriminatorGradients.zero()
        discriminator.backward(
            batch: size, classGradient: classGradient.pointer, attackGradient: attackGradient.pointer,
            realGradient: realGradient.pointer, gradients: discriminatorGradients.pointer, needsInputGradient: false)
    }

    /// Computes the generator's gradients: its windows should pass as real, be classified as their class and resemble
    /// their targets. The discriminator's weights are frozen; it normalizes by batch statistics, as in the pass in
    /// which it learned from generated windows.
    func learnGenerator() {
        guard let generated else { preconditionFailure("nothing was generated in this step") }
        discriminator.weightsChanged()
        discriminator.computesAttackHead = false
        let output = discriminator.forward(generated, batch: size, mode: .batchStatistics)
        discriminator.computesAttackHead = true
        guard let realLogits = output.realLogits else { preconditionFailure("the discriminator lacks a head") }
        losses.generatorClassification = Loss.crossEntropy(
            logits: output.classLogits, labels: labels, batch: size, classes: Discriminator.classCount,
            gradient: classGradient.pointer)
        for i in 0..<(size * Discriminator.classCount) { classGradient.pointer[i] *= recipe.generatorClassWeight }
        losses.generatorAdversarial = Loss.sigmoidMeanSquaredError(
            logits: realLogits, targets: ones, batch: size, gradient: realGradient.pointer)
        let count = size * Discriminator.windowLength
        losses.reconstruction = Loss.meanSquaredError(
            values: generated, targets: targets.pointer, count: count, factor: recipe.reconstructionWeight,
            gradient: outputGradient.pointer)
        let slope = discriminator.backward(
            batch: size, classGradient: classGradient.pointer, realGradient: realGradient.pointer, gradients: nil)
        for i in 0..<count { outputGradient.pointer[i] += slope[i] }
        generatorGradients.zero()
        generator.backward(outputGradient.pointer, batch: size, gradients: generatorGradients.pointer)
    }
}
