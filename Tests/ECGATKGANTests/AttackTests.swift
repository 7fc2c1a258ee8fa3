import NeuralNetwork
import Testing

@testable import ECGATKGAN

/// A small trained network and windows that it gets right, for all tests of attacks.
enum AttackedNetwork {
    /// Small, because nothing here depends on the size.
    static let architecture = DiscriminatorArchitecture(
        identifier: "test",
        blocks: [
            .init("one", features: 8, kernelSize: 5, stride: 4), .init("two", features: 16, kernelSize: 5, stride: 4),
        ])

    private static let trained: ParameterStore = {
        var data = BeatDataset(margin: 2)
        for (window, label) in beats(256, margin: 2, seed: 1) { data.append(window, label: label) }
        var recipe = TrainingTests.recipe
        recipe.epochs = 40
        recipe.iterations = 1
        recipe.epsilon = 0.02
        recipe.attackedClassWeight = 0
        guard let trainer = try? DiscriminatorTrainer(data, recipe: recipe, architecture: architecture),
            (try? TrainingTests.finish(trainer)) != nil
        else { preconditionFailure("the training of the tests' network failed") }
        return trainer.averaged
    }()

    /// A network of the caller's own on the trained weights.
    static func make() -> Discriminator { Discriminator(architecture, sharing: trained) }

    /// One spike that all classes have, and a low wave whose place tells the class.
    static func beats(_ count: Int, margin: Int, seed: UInt64) -> [([Float], BeatClass)] {
        var generator = SeededGenerator(seed: seed)
        func wave(_ i: Int, _ centre: Float, _ width: Float) -> Float {
            let d = (Float(i) - centre) / width
            return 1 / (1 + d * d)
        }
        return (0..<count).map { number in
            let label = BeatClass(rawValue: UInt8(number % 4)) ?? .normal
            let centre = 40 + 28 * Float(label.rawValue)
            let window = (-margin..<(Discriminator.windowLength + margin)).map { i in
                wave(i, 170, 4) + 0.2 * wave(i, centre, 10) + 0.02 * generator.nextUniform()
            }
            return (window, label)
        }
    }

    static let labels: [BeatClass] = beats(48, margin: 0, seed: 2).map(\.1)
    static let windows: [[Float]] = beats(48, margin: 0, seed: 2).map(\.0).map { beat in
        var window = beat
        window.withUnsafeMutableBufferPointer { BeatDataset.scaleToUnitInterval($0) }
        return window
    }

    struct Answers {
        var accuracy: Double
        var margins: [Float]
        var suspicions: [Float]
    }

    static func answers(_ windows: [[Float]], by network: some BeatNetwork) -> Answers {
        let output = network.forward(windows.flatMap { $0 }, batch: windows.count, mode: .runningStatistics)
        let margins = labels.indices.map {
            AttackObjective.margin(output.classLogits + 4 * $0, label: Int(labels[$0].rawValue))
        }
        return Answers(
            accuracy: Double(margins.count { $0 <= 0 }) / Double(margins.count), margins: margins,
            suspicions: output.attackLogits.map { logits in labels.indices.map { logits[$0] } } ?? [])
    }

    static func attacked(_ attack: WindowAttack, by network: Discriminator, seed: UInt64 = 1) -> [[Float]] {
        attack.perturb(windows, labels: labels, against: network, seed: seed)
    }

    static func mean(_ values: [Float]) -> Float { values.reduce(0, +) / Float(values.count) }

    /// Fewer steps than the defaults, for methods that take many.
    static func quick(_ method: WindowAttack.Method, epsilon: Float) -> WindowAttack {
        switch method {
        case .square: WindowAttack(method, epsilon: epsilon, iterations: 150)
        case .apgdCE, .apgdDLR: WindowAttack(method, epsilon: epsilon, iterations: 20)
        case .pgd: WindowAttack(method, epsilon: epsilon, restarts: 2)
        default: WindowAttack(method, epsilon: epsilon)
        }
    }
}

@Suite struct AttackTests {
    /// A radius at which the tests' network gives way to an attack, hardly to noise.
    static let epsilon: Float = 0.06
    /// One at which it gives way in part.
    static let smallEpsilon: Float = 0.009

    @Test(arguments: WindowAttack.Method.allCases, [Float(0.01), 0.3])
    func attackStaysInItsBallAndTheUnitInterval(method: WindowAttack.Method, epsilon: Float) {
        let network = AttackedNetwork.make()
        let attack = AttackedNetwork.quick(method, epsilon: epsilon)
        let attacked = AttackedNetwork.attacked(attack, by: network)
        for (one, other) in zip(attacked.joined(), AttackedNetwork.windows.joined()) {
            #expect(abs(one - other) <= epsilon + 1e-6)
            #expect((0...1).contains(one))
        }
        #expect(AttackedNetwork.attacked(attack, by: network) == attacked, "the same seed gives the same windows")
        #expect(network.computesAttackHead)
    }

    @Test(arguments: WindowAttack.Method.allCases)
    func anAttackLowersTheAccuracyMoreThanNoiseOfTheSameRadius(method: WindowAttack.Method) {
        let network = AttackedNetwork.make()
        var generator = SeededGenerator(seed: 3)
        let noisy = AttackedNetwork.windows.map { window in
            window.map { min(max($0 + Self.epsilon * (generator.next() & 1 == 0 ? 1 : -1), 0), 1) }
        }
        let clean = AttackedNetwork.answers(AttackedNetwork.windows, by: network)
        let noise = AttackedNetwork.answers(noisy, by: network)
        let attacked = AttackedNetwork.answers(
            AttackedNetwork.attacked(AttackedNetwork.quick(method, epsilon: Self.epsilon), by: network), by: network)
        #expect(clean.accuracy == 1)
        #expect(attacked.accuracy < noise.accuracy)
        #expect(AttackedNetwork.mean(attacked.margins) > AttackedNetwork.mean(noise.margins))
    }

    @Test(arguments: [WindowAttack.Method.bim, .pgd, .cw, .apgdCE, .apgdDLR, .joint])
    func anUnboundedAttackLeavesNothing(method: WindowAttack.Method) {
        let network = AttackedNetwork.make()
        let attack = WindowAttack(method, epsilon: 1, step: 0.05, iterations: 60, restarts: 1)
        #expect(AttackedNetwork.answers(AttackedNetwork.attacked(attack, by: network), by: network).accuracy == 0)
    }

    @Test func aLargerBallOrMoreStepsNeverHelpTheNetwork() {
        let network = AttackedNetwork.make()
        let byRadius = [Float(0), 0.01, 0.03, 0.06, 0.12, 0.3].map { epsilon in
            AttackedNetwork.answers(
                AttackedNetwork.attacked(WindowAttack(.bim, epsilon: epsilon), by: network), by: network
            ).accuracy
        }
        #expect(byRadius == byRadius.sorted(by: >))
        #expect(byRadius.first == 1 && byRadius.last == 0)
        let bySteps = [1, 5, 20, 60].map { iterations in
            AttackedNetwork.mean(
                AttackedNetwork.answers(
                    AttackedNetwork.attacked(
                        WindowAttack(.bim, epsilon: Self.epsilon, step: Self.epsilon / 20, iterations: iterations),
                        by: network),
                    by: network
                ).margins)
        }
        #expect(bySteps == bySteps.sorted())
    }

    @Test func adaptiveStepsAreAtLeastAsStrongAsFixedOnesOnTheSameLoss() {
        let network = AttackedNetwork.make()
        func margins(_ method: WindowAttack.Method) -> AttackedNetwork.Answers {
            AttackedNetwork.answers(
                AttackedNetwork.attacked(
                    WindowAttack(method, epsilon: Self.smallEpsilon, iterations: 40, restarts: 1), by: network),
                by: network)
        }
        // On the same loss; that of the logits' ratio is another goal, which may come out either way on a few windows.
        let fixed = margins(.pgd)
        let adaptive = margins(.apgdCE)
        #expect(fixed.accuracy > 0)
        #expect(adaptive.accuracy <= fixed.accuracy)
        #expect(AttackedNetwork.mean(adaptive.margins) >= AttackedNetwork.mean(fixed.margins))
    }

    @Test func adaptiveStepCheckpointsMatchThePaper() {
        // 0.22 N, then distances 0.19, 0.16, 0.13, 0.10, 0.07, 0.06.
        #expect(APGD.checkpoints(of: 100) == [22, 41, 57, 70, 80, 87, 93, 99])
        #expect(APGD.checkpoints(of: 1) == [1])
    }

    @Test func squareAttackNeedsNoGradientAndSkipsFooledWindows() {
        let network = CountingNetwork(AttackedNetwork.make())
        let weak = WindowAttack(.square, epsilon: 0, iterations: 30)
        _ = weak.perturb(AttackedNetwork.windows, labels: AttackedNetwork.labels, against: network, seed: 1)
        #expect(network.backwardPasses == 0)
        // Once for the windows themselves.
        #expect(network.windowsSeen == 48 * 31)
        network.windowsSeen = 0
        let wrong = AttackedNetwork.labels.map { BeatClass(rawValue: ($0.rawValue + 1) % 4) ?? .normal }
        _ = weak.perturb(AttackedNetwork.windows, labels: wrong, against: network, seed: 1)
        #expect(network.windowsSeen == 48)
    }

    @Test func squaresIntervalsShrinkAsItsScheduleSays() {
        let attack = SquareAttack(epsilon: 0.01, queries: 10_000)
        let lengths = [0, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001].map { attack.intervalLength(inQuery: $0) }
        // 0.8 of 280 samples, halved each time, but never less than one.
        #expect(lengths == [224, 112, 56, 28, 14, 7, 4, 2, 1, 1])
        #expect(SquareAttack(epsilon: 0.01, queries: 100).intervalLength(inQuery: 99) == 1)
    }

    @Test func aSmoothPerturbationVariesLessThanThatOfPGD() {
        let network = AttackedNetwork.make()
        func variation(_ method: WindowAttack.Method) -> Float {
            let attacked = AttackedNetwork.attacked(AttackedNetwork.quick(method, epsilon: 0.02), by: network)
            return zip(attacked, AttackedNetwork.windows).reduce(0) { sum, pair in
                let change = zip(pair.0, pair.1).map { $0 - $1 }
                return sum + zip(change.dropFirst(), change).reduce(0) { $0 + abs($1.0 - $1.1) }
            }
        }
        #expect(variation(.sap) < variation(.pgd) / 3)
    }

    @Test func theSmoothingKernelSumsToOneAndIsItsOwnTranspose() {
        #expect(SmoothAttack.kernel.count == 19)
        #expect(abs(SmoothAttack.kernel.reduce(0, +) - 1) < 1e-5)
        var generator = SeededGenerator(seed: 1)
        let a = (0..<280).map { _ in generator.nextNormal() }
        let b = (0..<280).map { _ in generator.nextNormal() }
        func smooth(_ values: [Float]) -> [Float] {
            var result = values
            SmoothAttack.convolve(values, into: &result)
            return result
        }
        func product(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(abs(product(smooth(a), b) - product(a, smooth(b))) < 1e-3)
    }

    @Test func theJointAttackIsLessSuspiciousThanPGD() {
        let network = AttackedNetwork.make()
        func answers(_ attack: WindowAttack) -> AttackedNetwork.Answers {
            AttackedNetwork.answers(AttackedNetwork.attacked(attack, by: network), by: network)
        }
        let pgd = answers(AttackedNetwork.quick(.pgd, epsilon: 0.1))
        var joint = WindowAttack(.joint, epsilon: 0.1)
        let free = answers(joint)
        joint.suspicionThreshold = AttackedNetwork.mean(free.suspicions) - 0.2
        let bound = answers(joint)
        #expect(AttackedNetwork.mean(free.suspicions) < AttackedNetwork.mean(pgd.suspicions))
        #expect(AttackedNetwork.mean(bound.suspicions) < AttackedNetwork.mean(free.suspicions))
        #expect(free.accuracy < 1)
    }

    @Test func aJointOutcomeRanksBothGoalsAboveOne() {
        let both = JointAttack.Outcome(margin: 0.1, suspicion: -0.1)
        let class_ = JointAttack.Outcome(margin: 9, suspicion: 0.1)
        let none = JointAttack.Outcome(margin: -0.1, suspicion: -9)
        #expect(both > class_ && class_ > none)
        #expect(JointAttack.Outcome(margin: 1, suspicion: 1) > JointAttack.Outcome(margin: 2, suspicion: 2))
    }

    @Test(arguments: [AttackObjective.crossEntropy, .margin(confidence: 9), .differenceOfLogitsRatio])
    func anObjectiveRisesAlongItsGradient(objective: AttackObjective) {
        var logits: [Float] = [1.2, -0.4, 0.9, -2]
        var gradient = [Float](repeating: 0, count: 4)
        var ignored = gradient
        _ = objective.evaluate(logits, label: 2, gradient: &gradient)
        let slopes = (0..<4).map { c in
            let kept = logits[c]
            logits[c] = kept + 1e-2
            let up = objective.evaluate(logits, label: 2, gradient: &ignored)
            logits[c] = kept - 1e-2
            let down = objective.evaluate(logits, label: 2, gradient: &ignored)
            logits[c] = kept
            return (up - down) / 2e-2
        }
        // The same direction; the cross-entropy's length differs.
        func length(_ a: [Float]) -> Float { a.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let cosine = zip(slopes, gradient).reduce(0) { $0 + $1.0 * $1.1 } / (length(slopes) * length(gradient))
        #expect(cosine > 0.999)
    }

    @Test func theGradientOfTheCrossEntropySurvivesASaturatedSoftmax() {
        var gradient = [Float](repeating: 0, count: 4)
        let value = AttackObjective.crossEntropy.evaluate([300, 0, 1, -5], label: 0, gradient: &gradient)
        #expect(value >= 0 && gradient[0] == -1)
        #expect(abs(gradient[1] + gradient[2] + gradient[3] - 1) < 1e-6)
    }
}

@Suite struct AttackEnsembleTests {
    @Test func theWorstCaseIsNoBetterThanAnyOfItsAttacks() {
        let network = AttackedNetwork.make()
        let epsilon = AttackTests.smallEpsilon
        let attacks = [WindowAttack.Method.fgsm, .bim, .cw, .pgd].map { WindowAttack($0, epsilon: epsilon) }
        let windows = AttackedNetwork.windows.flatMap { $0 }
        let labels = AttackedNetwork.labels.map(\.rawValue)
        let outcome = AttackEnsemble(attacks, batch: 10).attack(windows, labels: labels, against: network, seed: 1)
        for attack in attacks {
            let alone = AttackedNetwork.answers(AttackedNetwork.attacked(attack, by: network), by: network)
            // PGD starts at other random points there: a window or two may stand that fell here.
            let tolerance = attack.method == .pgd ? 2.0 / 48 : 0
            #expect(outcome.accuracy / 100 <= alone.accuracy + tolerance)
        }
        // The windows kept are those that the fates speak of.
        let kept = (0..<48).map { Array(outcome.attacked[($0 * 280)..<(($0 + 1) * 280)]) }
        let answers = AttackedNetwork.answers(kept, by: network)
        for (fate, margin) in zip(outcome.fates, answers.margins) { #expect((margin > 0) == (fate != .stands)) }
        #expect(outcome.fates.contains { if case .fell = $0 { true } else { false } })
        for (one, other) in zip(outcome.attacked, windows) { #expect(abs(one - other) <= epsilon + 1e-6) }
    }

    @Test func fooledWindowsAreNotAttackedAgain() {
        let network = AttackedNetwork.make()
        let wrong = AttackedNetwork.labels.map { UInt8(($0.rawValue + 1) % 4) }
        var attacked = 0
        let outcome = AttackEnsemble.standard().attack(
            AttackedNetwork.windows.flatMap { $0 }, labels: wrong, against: network, seed: 1
        ) { _, done, _ in attacked += done }
        #expect(attacked == 0)
        #expect(outcome.fates.allSatisfy { $0 == .misclassifiedUnattacked })
        #expect(outcome.attacked == AttackedNetwork.windows.flatMap { $0 })
    }
}

/// Counts what an attack asks of a network.
final class CountingNetwork: BeatNetwork {
    let network: Discriminator
    var windowsSeen = 0, backwardPasses = 0

    init(_ network: Discriminator) { self.network = network }

    var architectureIdentifier: String { network.architectureIdentifier }
    var store: ParameterStore { network.store }

    func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput {
        windowsSeen += batch
        return network.forward(windows, batch: batch, mode: mode)
    }

    func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>?,
        realGradient: UnsafePointer<Float>?, gradients: UnsafeMutablePointer<Float>?, needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        backwardPasses += 1
        return network.backward(
            batch: batch, classGradient: classGradient, attackGradient: attackGradient, realGradient: realGradient,
            gradients: gradients, needsInputGradient: needsInputGradient)
    }

    func weightsChanged() { network.weightsChanged() }
    func updateRunningStatistics() { network.updateRunningStatistics() }
    func replica() -> CountingNetwork { CountingNetwork(network.replica()) }
}
