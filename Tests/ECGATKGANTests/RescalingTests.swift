import NeuralNetwork
import Testing

@testable import ECGATKGAN

/// Attacks through the scaling to [0,1] that the monitor puts before the network.
@Suite struct RescalingTests {
    @Test func theGradientThroughTheScalingIsThatOfFiniteDifferences() {
        let network = RescalingNetwork(AttackedNetwork.make())
        // Not in [0,1], so that offset and range count, too.
        var window = AttackedNetwork.windows[0].map { 2.5 * $0 - 0.7 }
        let label = Int(AttackedNetwork.labels[0].rawValue)
        var gradient = [Float](repeating: 0, count: 4)
        func loss(_ window: [Float]) -> Float {
            let logits = network.forward(window, batch: 1, mode: .runningStatistics).classLogits
            return AttackObjective.margin(confidence: 100).evaluate(logits, label: label, gradient: &gradient)
        }
        let here = loss(window)
        let slope = Array(
            UnsafeBufferPointer(start: network.inputGradient(batch: 1, classGradient: gradient), count: 280))
        let least = window.indices.min { window[$0] < window[$1] } ?? 0
        let greatest = window.indices.max { window[$0] < window[$1] } ?? 0
        // The extremes move all other samples: their slopes are far larger than the others'.
        for place in [least, greatest, 40, 100, 140, 200, 260] {
            let kept = window[place]
            let step: Float = 1e-3
            window[place] = kept + step
            let up = loss(window)
            window[place] = kept - step
            let down = loss(window)
            window[place] = kept
            // A kink of an activation may lie on one side, within the step.
            let numeric: [Float] = [(up - down) / (2 * step), (up - here) / step, (here - down) / step]
            let expected = slope[place]
            let agrees = numeric.contains { (value: Float) -> Bool in
                let allowed: Float = 0.05 * abs(value) + 0.02
                return abs(value - expected) < allowed
            }
            #expect(agrees, "sample \(place): \(expected), numerically \(numeric)")
        }
        let others = slope.indices.filter { $0 != least && $0 != greatest }.map { abs(slope[$0]) }
        #expect(max(abs(slope[least]), abs(slope[greatest])) > 2 * AttackedNetwork.mean(others))
    }

    @Test func offsetAndRangeDoNotCountBehindTheScaling() {
        let plain = AttackedNetwork.make()
        let network = RescalingNetwork(AttackedNetwork.make())
        for window in AttackedNetwork.windows.prefix(4) {
            let moved = window.map { 3 * $0 - 5 }
            let one = network.forward(moved, batch: 1, mode: .runningStatistics).classLogits
            let other = plain.forward(window, batch: 1, mode: .runningStatistics).classLogits
            for c in 0..<4 { #expect(abs(one[c] - other[c]) < 1e-3) }
        }
        let constant = [Float](repeating: 2, count: 280)
        let logits = network.forward(constant, batch: 1, mode: .runningStatistics).classLogits
        #expect((0..<4).allSatisfy { logits[$0].isFinite })
    }

    @Test(arguments: WindowAttack.Method.allCases)
    func movesAreBoundedBeforeTheScaling(method: WindowAttack.Method) {
        let epsilon: Float = 0.05
        var attack = AttackedNetwork.quick(method, epsilon: epsilon)
        attack.throughScaling = true
        let scaled = AttackedNetwork.attacked(attack, by: AttackedNetwork.make())
        attack.leavesUnscaled = true
        let unscaled = AttackedNetwork.attacked(attack, by: AttackedNetwork.make())
        for (number, window) in AttackedNetwork.windows.enumerated() {
            for (one, other) in zip(unscaled[number], window) { #expect(abs(one - other) <= epsilon + 1e-6) }
            // What the network is given is that, scaled.
            var expected = unscaled[number]
            expected.withUnsafeMutableBufferPointer { BeatDataset.scaleToUnitInterval($0) }
            for (one, other) in zip(scaled[number], expected) { #expect(abs(one - other) < 1e-5) }
        }
        // The extremes move, too, where something is to be gained.
        #expect(zip(unscaled, AttackedNetwork.windows).contains { ($0.0.min() ?? 0) != ($0.1.min() ?? 0) })
    }

    @Test func anAttackThroughTheScalingIsNoWeakerThanOneInTheBox() {
        func accuracy(_ isThrough: Bool) -> Double {
            let network = AttackedNetwork.make()
            var attack = WindowAttack(.pgd, epsilon: AttackTests.smallEpsilon, iterations: 40, restarts: 3)
            attack.throughScaling = isThrough
            return AttackedNetwork.answers(AttackedNetwork.attacked(attack, by: network), by: network).accuracy
        }
        let inTheBox = accuracy(false)
        #expect(inTheBox < 1)
        #expect(accuracy(true) < inTheBox)
    }

    @Test(arguments: [WindowAttack.Method.fgsm, .bim, .pgd, .apgdCE, .apgdDLR, .square, .sap])
    func anAttackWithAnAimLeadsToThatClass(method: WindowAttack.Method) {
        let network = AttackedNetwork.make()
        func share(_ windows: [[Float]], of aim: BeatClass) -> Double {
            let logits = network.forward(windows.flatMap { $0 }, batch: 48, mode: .runningStatistics).classLogits
            return Double(
                (0..<48).count { AttackObjective.margin(logits + 4 * $0, label: Int(aim.rawValue)) < 0 }) / 48
        }
        for aim in [BeatClass.normal, .ventricular] {
            var attack = AttackedNetwork.quick(method, epsilon: AttackTests.epsilon)
            attack.aim = aim
            let before = share(AttackedNetwork.windows, of: aim)
            let after = share(AttackedNetwork.attacked(attack, by: network), of: aim)
            #expect(abs(before - 0.25) < 1e-9)
            #expect(after > before + 0.2)
        }
    }

    @Test func extremesMoveInwardsByEpsilonAtMost() {
        var generator = SeededGenerator(seed: 4)
        let windows = AttackedNetwork.windows.flatMap { $0 }
        var moved = windows
        AttackBatch.moveExtremesInwards(&moved, windows, 48, by: 0.03, using: &generator)
        var raised = 0
        var lowered = 0
        for b in 0..<48 {
            let window = moved[(b * 280)..<((b + 1) * 280)]
            let (low, high) = (window.min() ?? 0, window.max() ?? 0)
            #expect(low == 0 || abs(low - 0.03) < 1e-6)
            #expect(high == 1 || abs(high - 0.97) < 1e-6)
            raised += low > 0 ? 1 : 0
            lowered += high < 1 ? 1 : 0
        }
        #expect((12...36).contains(raised) && (12...36).contains(lowered))
    }

    @Test func trainingThroughTheScalingAndNoiseIsReproducible() throws {
        var data = BeatDataset(margin: 2)
        for (window, label) in AttackedNetwork.beats(64, margin: 2, seed: 5) { data.append(window, label: label) }
        var recipe = TrainingTests.recipe
        recipe.epochs = 1
        recipe.throughScaling = true
        recipe.smoothingNoise = 0.06
        recipe.smoothingShare = 0.5
        func weights(_ recipe: DiscriminatorRecipe) throws -> [Float] {
            let trainer = try DiscriminatorTrainer(data, recipe: recipe, architecture: AttackedNetwork.architecture)
            try TrainingTests.finish(trainer)
            return Array(trainer.averaged.values.values)
        }
        let once = try weights(recipe)
        #expect(once.allSatisfy { $0.isFinite })
        #expect(try weights(recipe) == once)
        recipe.throughScaling = false
        let inTheBox = try weights(recipe)
        #expect(inTheBox != once)
        recipe.smoothingShare = 0
        #expect(try weights(recipe) != inTheBox)
    }
}
