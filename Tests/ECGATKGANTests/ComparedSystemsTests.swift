import Foundation
import NeuralNetwork
import Testing

@testable import ECGATKGAN
@testable import ECGClassification

@Suite struct ComparedSystemsTests {
    @Test(arguments: SequentialNetwork.Architecture.known.map(\.identifier))
    func theGradientsOfANetworkAreItsSlopes(identifier: String) throws {
        let network = try #require(BeatNetworks.make(identifier: identifier, seed: 4))
        let windows = FloatBuffer(count: 3 * Discriminator.windowLength)
        for (i, value) in DiscriminatorTests.windows(3).enumerated() { windows.pointer[i] = value }
        let direction: [Float] = [1, -0.5, 0.3, 2, -1, 0.7, 0.2, -0.4, 0.9, 1.1, -2, 0.6]
        func value() -> Double {
            let logits = network.forward(windows.pointer, batch: 3, mode: .runningStatistics).classLogits
            return (0..<12).reduce(0) { $0 + Double(logits[$1] * direction[$1]) }
        }
        _ = value()
        let gradients = FloatBuffer(count: network.store.count)
        let slope = network.backward(
            batch: 3, classGradient: direction, attackGradient: nil, realGradient: nil, gradients: gradients.pointer,
            needsInputGradient: true)
        let windowGradient = (0..<windows.count).map { slope[$0] }
        // Kinks of rectifiers and poolings inside a step spoil single differences.
        var wrong = 0
        var tried = 0
        func compare(_ analytic: Float, _ numeric: Double, _ size: Double) {
            tried += 1
            if abs(Double(analytic) - numeric) > 0.05 * max(abs(numeric), size) { wrong += 1 }
        }
        func size(_ values: some Sequence<Float>) -> Double { 0.1 * Double(values.map(abs).max() ?? 0) }
        GradientTestsHelp.differences(of: value, at: windows.pointer, count: windows.count, every: 17) {
            compare(windowGradient[$0], $1, size(windowGradient))
        }
        for tensor in network.store.tensors where tensor.isTrainable {
            let own = (0..<tensor.count).map { gradients.pointer[tensor.offset + $0] }
            GradientTestsHelp.differences(
                of: {
                    network.weightsChanged()
                    return value()
                }, at: network.store.pointer(to: tensor),
                count: tensor.count, every: max(tensor.count / 4, 1)
            ) { compare(own[$0], $1, size(own)) }
        }
        #expect(wrong * 10 <= tried, "\(wrong) of \(tried) gradients differ")
    }

    @Test(arguments: [
        ("kachuee-2018", 32 * 6 + 10 * (5 * 32 * 32 + 32) + 161 * 32 + 33 * 4),
        ("acharya-2017", 3 * 5 + 5 + 4 * 5 * 10 + 10 + 4 * 10 * 20 + 20 + (32 * 20 + 1) * 30 + 31 * 20 + 21 * 4),
    ])
    func aNetworkHasTheSizeOfItsLayers(identifier: String, count: Int) throws {
        let network = try #require(BeatNetworks.make(identifier: identifier, seed: 1))
        #expect(network.store.count == count)
    }

    @Test(arguments: BeatNetworks.identifiers)
    func weightsOfAnyNetworkAreReadBack(identifier: String) throws {
        let path = NSTemporaryDirectory() + "network-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let network = try #require(BeatNetworks.make(identifier: identifier, seed: 9))
        try ModelFile.write(network, to: path)
        let read = try ModelFile.readNetwork(from: path, checkingCard: false).network
        #expect(read.architectureIdentifier == identifier)
        #expect(Array(read.store.values.values) == Array(network.store.values.values))
        if DiscriminatorArchitecture.named(identifier) == nil {
            #expect(throws: ModelError.self) { try ModelFile.readDiscriminator(from: path, checkingCard: false) }
        }
    }

    @Test func unknownIdentifierCreatesNothing() {
        #expect(BeatNetworks.make(identifier: "another", seed: 1) == nil)
    }
}

/// Central differences, as in the tests of the layers.
enum GradientTestsHelp {
    static func differences(
        of value: () -> Double, at pointer: UnsafeMutablePointer<Float>, count: Int, every: Int, step: Float = 2e-3,
        compare: (Int, Double) -> Void
    ) {
        for i in stride(from: 0, to: count, by: every) {
            let kept = pointer[i]
            pointer[i] = kept + step
            let up = value()
            pointer[i] = kept - step
            let down = value()
            pointer[i] = kept
            compare(i, (up - down) / Double(2 * step))
        }
        _ = value()
    }
}

@Suite struct SupervisedTrainerTests {
    static let data: BeatDataset = {
        var data = BeatDataset()
        for (window, label) in AttackedNetwork.beats(128, margin: 0, seed: 5) { data.append(window, label: label) }
        return data
    }()

    static func recipe(threads: Int = 1) -> SupervisedRecipe {
        var recipe = SupervisedRecipe()
        recipe.epochs = 3
        recipe.batch = 32
        recipe.threads = threads
        return recipe
    }

    static func finish(_ trainer: some NetworkTrainer) throws {
        while !trainer.isFinished { try trainer.step() }
    }

    static func trained(_ threads: Int) throws -> [Float] {
        let trainer = try SupervisedTrainer(
            data, network: SequentialNetwork(.acharya2017, seed: 1), recipe: recipe(threads: threads))
        try finish(trainer)
        return Array(trainer.network.store.values.values)
    }

    @Test(arguments: [1, 2])
    func sameSeedGivesTheSameWeightsEvenAfterAResume(threads: Int) throws {
        let whole = try Self.trained(threads)
        #expect(try Self.trained(threads) == whole)
        let first = try SupervisedTrainer(
            Self.data, network: SequentialNetwork(.acharya2017, seed: 1), recipe: Self.recipe(threads: threads))
        for _ in 0..<5 { try first.step() }
        let bytes = try first.checkpoint().serialized()
        // Another initialisation: everything comes from the checkpoint.
        let second = try SupervisedTrainer(
            Self.data, network: SequentialNetwork(.acharya2017, seed: 2), recipe: Self.recipe(threads: threads))
        try second.restore(SafeTensors(bytes: bytes, path: "c"), path: "c")
        try Self.finish(second)
        #expect(Array(second.network.store.values.values) == whole)
    }

    @Test func threadCountDoesNotChangeWeightsWithoutNormalisation() throws {
        for (one, two) in zip(try Self.trained(1), try Self.trained(2)) { #expect(abs(one - two) < 1e-3) }
    }

    @Test func classesThatDifferAreLearned() throws {
        var recipe = Self.recipe()
        recipe.epochs = 60
        recipe.learningRate = 3e-3
        let network = SequentialNetwork(.acharya2017, seed: 1)
        try Self.finish(try SupervisedTrainer(Self.data, network: network, recipe: recipe))
        var unseen = BeatDataset()
        for (window, label) in AttackedNetwork.beats(80, margin: 0, seed: 6) { unseen.append(window, label: label) }
        #expect(DiscriminatorEvaluation(unseen, by: network).confusion.plainAccuracy > 90)
    }

    @Test func aCheckpointOfOtherSettingsOrWindowsOrLayersIsRefused() throws {
        let checkpoint = try SupervisedTrainer(
            Self.data, network: SequentialNetwork(.acharya2017, seed: 1), recipe: Self.recipe()
        ).checkpoint()
        var other = Self.recipe()
        other.learningRate = 1e-4
        let rate = try SupervisedTrainer(Self.data, network: SequentialNetwork(.acharya2017, seed: 1), recipe: other)
        #expect(throws: TrainingError.checkpointOfOtherRecipe(path: "c")) { try rate.restore(checkpoint, path: "c") }
        let windows = try SupervisedTrainer(
            Self.data.subset(0..<96), network: SequentialNetwork(.acharya2017, seed: 1), recipe: Self.recipe())
        #expect(throws: TrainingError.checkpointOfOtherRecipe(path: "c")) { try windows.restore(checkpoint, path: "c") }
        let layers = try SupervisedTrainer(
            Self.data, network: SequentialNetwork(.kachuee2018, seed: 1), recipe: Self.recipe())
        #expect(throws: TrainingError.self) { try layers.restore(checkpoint, path: "c") }
    }

    @Test func nonfiniteLossLeavesTheWeightsAlone() throws {
        var data = BeatDataset()
        for _ in 0..<32 { data.append([Float](repeating: .nan, count: data.length), label: .normal) }
        let trainer = try SupervisedTrainer(
            data, network: SequentialNetwork(.acharya2017, seed: 1), recipe: Self.recipe())
        let before = Array(trainer.network.store.values.values)
        #expect(throws: TrainingError.lossNotFinite(epoch: 1, step: 1)) { try trainer.step() }
        #expect(Array(trainer.network.store.values.values) == before)
    }

    @Test func everyWindowIsAttackedAndEachAttackGetsItsShare() {
        let network = AttackedNetwork.make()
        var clean = BeatDataset()
        for (window, label) in zip(AttackedNetwork.windows, AttackedNetwork.labels) {
            clean.append(window, label: label)
        }
        let attacks = [0.01, 0.02, 0.04].map { WindowAttack(.fgsm, epsilon: $0) }
        let copies = AdversarialExamples.make(of: clean, against: network, by: attacks, seed: 1)
        #expect(copies.labels == clean.labels)
        let radii = (0..<clean.count).map { index in
            zip(copies.window(index), clean.window(index)).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        }
        for attack in attacks { #expect(radii.count { abs($0 - attack.epsilon) < 1e-5 } == 16) }
    }
}

@Suite struct DCGANTests {
    static let data: BeatDataset = {
        var data = BeatDataset()
        for (window, label) in AttackedNetwork.beats(256, margin: 0, seed: 5) where label == .ventricular {
            var scaled = window
            scaled.withUnsafeMutableBufferPointer { BeatDataset.scaleToUnitInterval($0) }
            data.append(scaled, label: label)
        }
        return data
    }()

    static func recipe(epochs: Int) -> DCGANRecipe {
        var recipe = DCGANRecipe()
        recipe.epochs = epochs
        recipe.batch = 16
        recipe.learningRate = 1e-3
        return recipe
    }

    @Test func sameSeedGivesTheSameWeightsEvenAfterAResume() throws {
        func weights(_ trainer: DCGANTrainer) throws -> [Float] {
            try SupervisedTrainerTests.finish(trainer)
            return Array(trainer.network.generator.store.values.values)
                + Array(trainer.network.critic.store.values.values)
        }
        let whole = try weights(DCGANTrainer(Self.data, recipe: Self.recipe(epochs: 2)))
        let first = try DCGANTrainer(Self.data, recipe: Self.recipe(epochs: 2))
        for _ in 0..<3 { try first.step() }
        let second = try DCGANTrainer(Self.data, recipe: Self.recipe(epochs: 2))
        try second.restore(SafeTensors(bytes: try first.checkpoint().serialized(), path: "c"), path: "c")
        #expect(try weights(second) == whole)
    }

    @Test func generatedBeatsApproachThoseOfTheirClass() throws {
        let trainer = try DCGANTrainer(Self.data, recipe: Self.recipe(epochs: 25))
        let mean = (0..<280).map { i in
            (0..<Self.data.count).reduce(Float(0)) { $0 + Self.data.values[$1 * 280 + i] } / Float(Self.data.count)
        }
        func distance() -> Float {
            var set = BeatDataset()
            set.fill(.ventricular, to: 40, by: trainer.network, seed: 1)
            #expect(set.count(of: .ventricular) == 40)
            #expect(set.values.allSatisfy { (0...1).contains($0) })
            return set.values.indices.reduce(0) { $0 + abs(set.values[$1] - mean[$1 % 280]) } / Float(set.values.count)
        }
        let before = distance()
        try SupervisedTrainerTests.finish(trainer)
        let after = distance()
        #expect(after < before / 2)
    }
}
