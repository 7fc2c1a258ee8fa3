import Foundation
import NeuralNetwork
import Testing

@testable import ECGATKGAN
@testable import ECGClassification

@Suite struct GANTrainingTests {
    static func recipe(threads: Int = 1) -> GANRecipe {
        var recipe = GANRecipe()
        recipe.epochs = 2
        recipe.batch = 8
        recipe.threads = threads
        return recipe
    }

    /// Twenty windows of four classes, and copies with a ripple in place of an attack.
    static let pairs: AdversarialPairs = {
        let data = EvaluationWindows(
            BeatDatasetTests.dataset([.normal: 8, .supraventricular: 4, .ventricular: 4, .fusion: 4]))
        var clean = BeatDataset()
        for index in 0..<data.count {
            clean.append(data.window(index), label: BeatClass(rawValue: data.labels[index]) ?? .normal)
        }
        return AdversarialPairs(
            clean: clean,
            attacked: clean.values.enumerated().map { min(max($1 + ($0 % 2 == 0 ? 0.02 : -0.02), 0), 1) })
    }()

    static func weights(_ trainer: GANTrainer) -> [[Float]] {
        [Array(trainer.discriminator.store.values.values), Array(trainer.generator.store.values.values)]
    }

    static func finish(_ trainer: GANTrainer) throws -> [[Float]] {
        while !trainer.isFinished { try trainer.step() }
        return weights(trainer)
    }

    @Test(arguments: [1, 2])
    func sameSeedGivesTheSameWeightsEvenAfterAResume(threads: Int) throws {
        let recipe = Self.recipe(threads: threads)
        let wholeTrainer = try GANTrainer(Self.pairs, recipe: recipe)
        let whole = try Self.finish(wholeTrainer)
        let first = try GANTrainer(Self.pairs, recipe: recipe)
        for _ in 0..<7 { try first.step() }
        let bytes = try first.checkpoint().serialized()
        let second = try GANTrainer(Self.pairs, recipe: recipe)
        try second.restore(SafeTensors(bytes: bytes, path: "checkpoint"), path: "checkpoint")
        #expect(second.epoch == 1 && second.stepInEpoch == 2)
        #expect(second.namedLosses == first.namedLosses)
        #expect(second.lastEpochNamedLosses == first.lastEpochNamedLosses)
        #expect(try Self.finish(second) == whole)
        #expect(second.lastEpochNamedLosses == wholeTrainer.lastEpochNamedLosses)
        if threads == 1 {
            var other = recipe
            other.seed = 2
            #expect(try Self.finish(GANTrainer(Self.pairs, recipe: other)) != whole)
        }
    }

    @Test func aCheckpointOfOtherSettingsWindowsOrNetworksIsRefused() throws {
        let trainer = try GANTrainer(Self.pairs, recipe: Self.recipe())
        let checkpoint = trainer.checkpoint()
        let refusal = TrainingError.checkpointOfOtherRecipe(path: "c")
        var recipe = Self.recipe()
        recipe.attackWeight = 9
        let other = try GANTrainer(Self.pairs, recipe: recipe)
        #expect(throws: refusal) { try other.restore(checkpoint, path: "c") }
        let clean = BeatDatasetTests.dataset([.normal: 20])
        let otherWindows = try GANTrainer(
            AdversarialPairs(clean: clean, attacked: clean.values), recipe: Self.recipe())
        #expect(throws: refusal) { try otherWindows.restore(checkpoint, path: "c") }
        var broken = checkpoint
        broken.tensors["generator.adam.first.output.bias"] = nil
        #expect(
            throws: TrainingError.model(.tensorMissing(path: "c", tensor: "generator.adam.first.output.bias"))
        ) { try trainer.restore(broken, path: "c") }
        broken = checkpoint
        broken.metadata["architecture"] = "x"
        #expect {
            try trainer.restore(broken, path: "c")
        } throws: { error in
            if case .model(.otherArchitecture) = error as? TrainingError { true } else { false }
        }
    }

    @Test func bothNetworksLearn() throws {
        var recipe = Self.recipe()
        recipe.epochs = 40
        recipe.batch = 16
        recipe.learningRate = 1e-3
        // In so few steps the generator is to learn the windows before their class.
        recipe.reconstructionWeight = 100
        let trainer = try GANTrainer(Self.pairs, recipe: recipe)
        try trainer.step()
        let begin = trainer.losses
        _ = try Self.finish(trainer)
        let end = trainer.lastEpochLosses
        #expect(end.classification < 0.3 * begin.classification)
        // The ripple does not outlive the generator: on what it makes, the attack head can but guess.
        #expect(end.attack < 0.7 * begin.attack)
        #expect(end.reconstruction < 0.3 * begin.reconstruction)
    }

    @Test func theGeneratorMayBeAskedForTheCleanWindow() throws {
        var recipe = Self.recipe()
        recipe.reconstructionTarget = .clean
        let clean = try Self.finish(GANTrainer(Self.pairs, recipe: recipe))
        #expect(try Self.finish(GANTrainer(Self.pairs, recipe: Self.recipe()))[1] != clean[1])
    }

    @Test func nonfiniteLossStopsTraining() throws {
        let clean = BeatDatasetTests.dataset([.normal: 8])
        let trainer = try GANTrainer(
            AdversarialPairs(clean: clean, attacked: [Float](repeating: .nan, count: clean.values.count)),
            recipe: Self.recipe())
        #expect(throws: TrainingError.lossNotFinite(epoch: 1, step: 1)) { try trainer.step() }
    }

    @Test func tooFewWindowsAreAnErrorThatSaysSo() {
        let few = BeatDatasetTests.dataset([.normal: 3])
        #expect(throws: TrainingError.tooFewWindows(count: 6, batch: 8)) {
            try GANTrainer(AdversarialPairs(clean: few, attacked: few.values), recipe: Self.recipe())
        }
    }

    @Test func attackedPairsKeepEachWindowNextToItsAttackedCopy() {
        let clean = BeatDatasetTests.dataset([.normal: 70, .ventricular: 30])
        let network = DiscriminatorTests.network()
        var done = 0
        let pairs = AdversarialPairs(
            attacking: clean, against: network, by: [WindowAttack(.fgsm), WindowAttack(.bim, iterations: 2)], seed: 1
        ) { done = $0 }
        #expect(done == 100 && pairs.count == 200)
        var row = [Float](repeating: 0, count: 280)
        var original = row
        var moved = 0
        for index in 0..<200 {
            pairs.copyWindow(index, to: &row)
            pairs.copyOriginal(index, to: &original)
            #expect(original == Array(clean.window(index % 100)))
            #expect(pairs.label(index) == clean.labels[index % 100])
            let furthest = zip(row, original).map { abs($0 - $1) }.max() ?? 0
            #expect(index < 100 ? furthest == 0 : furthest <= 0.01 + 1e-6 || !original.allSatisfy { $0 <= 1 })
            #expect(pairs.isAttacked(index) == (index >= 100))
            if furthest > 0.001 { moved += 1 }
        }
        #expect(moved >= 99)
    }

    @Test func aGeneratorIsReadAsItWasWritten() throws {
        let folder = NSTemporaryDirectory() + "generator-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/g.safetensors"
        let generator = Generator(seed: 6)
        let sha256 = try ModelFile.write(generator, to: path)
        let read = try ModelFile.readGenerator(from: path)
        #expect(read.sha256 == sha256)
        let input = GeneratorTests.Input(2)
        #expect(input.run(read.generator, .runningStatistics) == input.run(generator, .runningStatistics))
        try ModelFile.write(Discriminator(seed: 1), to: path)
        #expect(
            throws: ModelError.otherArchitecture(
                path: path, found: "ecg-atk-gan-discriminator-1", expected: "ecg-atk-gan-generator-1")
        ) { try ModelFile.readGenerator(from: path) }
    }
}
