import Foundation
import NeuralNetwork
import Testing

@testable import ECGATKGAN

@Suite struct ReconstructionTests {
    static func recipe(threads: Int = 1) -> ReconstructionRecipe {
        var recipe = ReconstructionRecipe()
        recipe.epochs = 2
        recipe.batch = 8
        recipe.threads = threads
        recipe.learningRate = 2e-3
        return recipe
    }

    static let windows = BeatDatasetTests.dataset([.normal: 16, .supraventricular: 8, .ventricular: 8, .fusion: 8])
        .withoutMargin()

    static func finish(_ trainer: ReconstructionTrainer) throws -> [Float] {
        while !trainer.isFinished { try trainer.step() }
        return Array(trainer.generator.store.values.values)
    }

    @Test(arguments: [1, 2])
    func sameSeedGivesTheSameWeightsEvenAfterAResume(threads: Int) throws {
        func trainer() throws -> ReconstructionTrainer {
            try ReconstructionTrainer(
                Self.windows, generator: Generator(seed: 3), recipe: Self.recipe(threads: threads))
        }
        let whole = try Self.finish(trainer())
        let first = try trainer()
        for _ in 0..<7 { try first.step() }
        let bytes = try first.checkpoint().serialized()
        let second = try trainer()
        try second.restore(SafeTensors(bytes: bytes, path: "checkpoint"), path: "checkpoint")
        #expect(second.epoch == 1 && second.stepInEpoch == 2)
        #expect(second.namedLosses == first.namedLosses)
        #expect(try Self.finish(second) == whole)
    }

    @Test func generatedWindowsBecomeMoreLikeTheirInputs() throws {
        var recipe = Self.recipe()
        recipe.epochs = 12
        let generator = Generator(seed: 3)
        let before = GeneratorEvaluation(Self.windows, by: generator).toInput
        _ = try Self.finish(ReconstructionTrainer(Self.windows, generator: generator, recipe: recipe))
        let after = GeneratorEvaluation(Self.windows, by: generator).toInput
        #expect(after.meanSquaredError < before.meanSquaredError / 2)
        #expect(after.structuralSimilarity > before.structuralSimilarity)
    }

    @Test func aCheckpointOfOtherSettingsIsRefused() throws {
        let generator = Generator(seed: 3)
        let checkpoint = try ReconstructionTrainer(Self.windows, generator: generator, recipe: Self.recipe())
            .checkpoint()
        var other = Self.recipe()
        other.differenceWeight = 1
        let trainer = try ReconstructionTrainer(Self.windows, generator: generator, recipe: other)
        #expect(throws: TrainingError.checkpointOfOtherRecipe(path: "c")) { try trainer.restore(checkpoint, path: "c") }
    }

    @Test func generatorChangesItsShareOfWindowsWithinTheUnitInterval() {
        let length = Discriminator.windowLength
        let count = Self.windows.count
        let windows = FloatBuffer(count: count * length)
        for i in 0..<(count * length) { windows.pointer[i] = Self.windows.values[i] }
        var random = SeededGenerator(seed: 5)
        GeneratedWindows(Generator(seed: 3)).replace(
            share: 0.5, of: windows.pointer, labels: Self.windows.labels, batch: count, using: &random)
        let changed = (0..<count).count { item in
            (0..<length).contains { windows.pointer[item * length + $0] != Self.windows.values[item * length + $0] }
        }
        #expect((count / 4...3 * count / 4).contains(changed))
        #expect((0..<(count * length)).allSatisfy { (0...1).contains(windows.pointer[$0]) })
    }
}
