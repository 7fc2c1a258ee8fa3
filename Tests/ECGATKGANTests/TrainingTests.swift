import Foundation
import NeuralNetwork
import Testing

@testable import ECGATKGAN
@testable import ECGClassification

@Suite struct TrainingTests {
    static var recipe: DiscriminatorRecipe {
        var recipe = DiscriminatorRecipe()
        recipe.epochs = 2
        recipe.batch = 16
        recipe.jitter = 2
        recipe.iterations = 2
        recipe.averagingDecay = 0.9
        return recipe
    }

    static let data = BeatDatasetTests.dataset(
        [.normal: 64, .supraventricular: 32, .ventricular: 32, .fusion: 32], margin: 2)

    static func finish(_ trainer: DiscriminatorTrainer) throws -> [Float] {
        while !trainer.isFinished { try trainer.step() }
        return Array(trainer.averaged.values.values)
    }

    @Test func sameSeedGivesTheSameWeightsEvenAfterAResume() throws {
        let whole = try Self.finish(DiscriminatorTrainer(Self.data, recipe: Self.recipe))
        let first = try DiscriminatorTrainer(Self.data, recipe: Self.recipe)
        for _ in 0..<7 { try first.step() }
        let bytes = try first.checkpoint().serialized()
        let second = try DiscriminatorTrainer(Self.data, recipe: Self.recipe)
        try second.restore(SafeTensors(bytes: bytes, path: "checkpoint"), path: "checkpoint")
        #expect(try Self.finish(second) == whole)
        var other = Self.recipe
        other.seed = 2
        #expect(try Self.finish(DiscriminatorTrainer(Self.data, recipe: other)) != whole)
    }

    @Test func sameSeedGivesTheSameWeightsWithTheGenerator() throws {
        var recipe = Self.recipe
        recipe.epochs = 1
        recipe.generatedShare = 0.3
        func weights() throws -> [Float] {
            try Self.finish(
                DiscriminatorTrainer(Self.data, recipe: recipe, windowGenerator: Generator(seed: 2)))
        }
        let first = try weights()
        #expect(try weights() == first)
        recipe.generatedShare = 0
        #expect(try weights() != first)
    }

    @Test func aCheckpointOfOtherSettingsIsRefused() throws {
        let checkpoint = try DiscriminatorTrainer(Self.data, recipe: Self.recipe).checkpoint()
        var other = Self.recipe
        other.learningRate = 1e-4
        let trainer = try DiscriminatorTrainer(Self.data, recipe: other)
        #expect(throws: TrainingError.checkpointOfOtherRecipe(path: "c")) { try trainer.restore(checkpoint, path: "c") }
    }

    @Test func classesThatDifferAreLearned() throws {
        var recipe = Self.recipe
        recipe.epochs = 12
        recipe.epsilon = 0.005
        let trainer = try DiscriminatorTrainer(Self.data, recipe: recipe)
        _ = try Self.finish(trainer)
        let unseen = BeatDatasetTests.dataset(
            [.normal: 20, .supraventricular: 20, .ventricular: 20, .fusion: 20], margin: 2, seed: 77)
        let evaluation = DiscriminatorEvaluation(unseen, by: Discriminator(sharing: trainer.averaged))
        #expect(evaluation.confusion.plainAccuracy > 90)
    }

    @Test func trainingOnlyTheAttackBranchKeepsTheClasses() throws {
        var recipe = Self.recipe
        recipe.epochs = 1
        recipe.trainsAttackBranchAlone = true
        let before = Discriminator(.hardened, seed: 7)
        let trainer = try DiscriminatorTrainer(
            Self.data, recipe: recipe, architecture: .hardened, startingFrom: before.store)
        _ = try Self.finish(trainer)
        for tensor in before.store.tensors {
            let isSame = trainer.network.store.array(of: tensor) == before.store.array(of: tensor)
            #expect(isSame == !tensor.name.hasPrefix("attack"), "\(tensor.name)")
        }
    }

    @Test func nonfiniteLossStopsTraining() throws {
        var data = BeatDataset(margin: 2)
        for _ in 0..<16 { data.append([Float](repeating: .nan, count: data.length), label: .normal) }
        let trainer = try DiscriminatorTrainer(data, recipe: Self.recipe)
        #expect(throws: TrainingError.lossNotFinite(epoch: 1, step: 1)) { try trainer.step() }
    }

    @Test func tooFewWindowsAreAnErrorThatSaysSo() {
        let few = BeatDatasetTests.dataset([.normal: 3], margin: 2)
        #expect(throws: TrainingError.tooFewWindows(count: 3, batch: 16)) {
            try DiscriminatorTrainer(few, recipe: Self.recipe)
        }
    }
}

@Suite struct ModelFileTests {
    let folder = NSTemporaryDirectory() + "model-\(UUID().uuidString)"

    func write(_ change: (inout ModelCard) -> Void = { _ in }) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/m.safetensors"
        let sha256 = try ModelFile.write(DiscriminatorTests.network(), to: path)
        var card = ModelCard(
            name: "m", sha256: sha256, architecture: DiscriminatorArchitecture.paper.identifier, data: "", split: "",
            recipe: "", seed: 1, windowMargin: 0, command: "", figures: ["x": 1],
            figuresCommand: "", notes: "")
        change(&card)
        try card.write(besideModel: path)
        return path
    }

    @Test func classifierAnswersLikeTheSavedNetwork() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try write()
        let classifier = try BeatClassifier(contentsOf: path)
        let same = BeatClassifier(DiscriminatorTests.network(), name: "m", sha256: "")
        let windows = DiscriminatorTests.windows(3)
        func answers(_ classifier: BeatClassifier) -> [BeatClassification] {
            var results = [BeatClassification](repeating: .init(probabilities: .zero, attackSuspicion: 0), count: 3)
            windows.withUnsafeBufferPointer { windows in
                results.withUnsafeMutableBufferPointer {
                    classifier.classify(windows, into: $0, workspace: classifier.makeWorkspace())
                }
            }
            return results
        }
        #expect(answers(classifier) == answers(same))
        #expect(classifier.name == "m")
    }

    @Test func weightsThatDoNotMatchTheirCardAreRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try write { $0.sha256 = String(repeating: "0", count: 64) }
        #expect {
            try BeatClassifier(contentsOf: path)
        } throws: { error in
            if case .checksumMismatch = error as? ModelError { true } else { false }
        }
    }

    @Test func weightsWithoutACardAreRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try write()
        try FileManager.default.removeItem(atPath: ModelCard.path(besideModel: path))
        #expect {
            try BeatClassifier(contentsOf: path)
        } throws: { error in
            if case .noModelCard = error as? ModelError { true } else { false }
        }
    }

    @Test func weightsOfAnotherArchitectureAreRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try write()
        var file = try SafeTensors(contentsOf: path)
        file.metadata["architecture"] = "another"
        try file.write(to: path)
        #expect {
            try ModelFile.readDiscriminator(from: path, checkingCard: false)
        } throws: { error in
            if case .otherArchitecture(path, "another", _) = error as? ModelError { true } else { false }
        }
    }

    @Test func missingMisshapenOrNonfiniteTensorIsNamed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try write()
        let whole = try SafeTensors(contentsOf: path)
        func error(_ change: (inout SafeTensors) -> Void) throws -> ModelError? {
            var file = whole
            change(&file)
            try file.write(to: path)
            do {
                _ = try ModelFile.readDiscriminator(from: path, checkingCard: false)
                return nil
            } catch { return error }
        }
        #expect(try error { $0.tensors["class.bias"] = nil } == .tensorMissing(path: path, tensor: "class.bias"))
        #expect(
            try error { $0.tensors["class.bias"] = .init(shape: [2], values: [0, 0]) }
                == .tensorOfOtherShape(path: path, tensor: "class.bias", found: [2], expected: [4]))
        #expect(
            try error { $0.tensors["class.bias"] = .init(shape: [4], values: [0, .nan, 0, 0]) }
                == .notFinite(path: path, tensor: "class.bias"))
    }
}
