import Foundation
import NeuralNetwork
import Testing

@testable import ECGATKGAN
@testable import ECGClassification

/// Beats of two kinds, and what is remembered of them.
enum ContextualFixture {
    /// A discriminator whose running statistics are not the initial ones.
    static func discriminator() -> Discriminator {
        let network = Discriminator(seed: 4)
        var generator = SeededGenerator(seed: 99)
        let batch = (0..<8 * Discriminator.windowLength).map { _ in generator.nextUniform() }
        for _ in 0..<30 {
            _ = network.forward(batch, batch: 8, mode: .batchStatistics)
            network.updateRunningStatistics()
        }
        return network
    }

    /// A window of 280 values in [0,1]: P, QRS, T; or a wide complex without P.
    static func window(wide: Bool, seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        let shift = random.nextUniform() * 2 - 1
        var values = (0..<280).map { i -> Float in
            func wave(_ centre: Float, _ width: Float, _ height: Float) -> Float {
                let x = (Float(i) - centre - shift) / width
                return height * Float(exp(Double(-x * x)))
            }
            let clean =
                wide
                ? wave(140, 24, 1) - wave(200, 30, 0.4)
                : wave(80, 12, 0.15) + wave(140, 6, 1) - wave(152, 6, 0.25) + wave(225, 22, 0.3)
            return clean + 0.01 * random.nextNormal()
        }
        values.withUnsafeMutableBufferPointer { BeatDataset.scaleToUnitInterval($0) }
        return values
    }

    static func morphology(_ window: [Float], range: Float = 1.5) -> BeatMorphology {
        window.withUnsafeBufferPointer { BeatMorphology(window: $0.baseAddress!, range: range) }
    }

    static let logits = (narrow: SIMD4<Float>(3, 0.5, -1, -2), wide: SIMD4<Float>(-1, 0, 3, 0.5))

    /// Forty narrow beats, every seventh followed by a premature wide one.
    static func templates() -> BeatTemplates {
        var templates = BeatTemplates()
        for i in 0..<40 {
            let morphology = morphology(window(wide: false, seed: UInt64(i)))
            let features = ContextualFeatures.values(
                morphology, logits: logits.narrow, context: BeatContext(templates: templates, interval: 0.8, windowRange: 1.5))
            templates.add(morphology, logits: logits.narrow, interval: 0.8, features: features)
            if i % 7 == 6 {
                templates.add(
                    Self.morphology(window(wide: true, seed: UInt64(i)), range: 2.5), logits: logits.wide, interval: 0.5)
            }
        }
        return templates
    }

    static func context(_ templates: BeatTemplates = templates(), interval: Float? = 0.55) -> BeatContext {
        BeatContext(
            templates: templates, interval: interval, windowRange: 1.8,
            next: NextBeat(morphology: morphology(window(wide: false, seed: 71)), interval: 1.05, templates: templates))
    }

    static func features(_ window: [Float], _ context: BeatContext, logits: SIMD4<Float> = logits.narrow) -> [Float] {
        let morphology = morphology(window, range: context.windowRange)
        return ContextualFeatures.values(morphology, logits: logits, context: context)
            + ContextualFeatures.nextValues(PendingContext(morphology: morphology, context: context), next: context.next)
    }

    /// The final answer as the monitor comes to it.
    static func deployed(
        _ contextual: ContextualClassifier, _ answer: BeatClassification, _ window: [Float], _ context: BeatContext
    ) -> BeatClassification {
        let morphology = morphology(window, range: context.windowRange)
        let features = ContextualFeatures.values(morphology, logits: answer.logits, context: context)
        let first = contextual.first(answer, features: features)
        if first.isFinal { return first.classification }
        let pending = PendingContext(morphology: morphology, context: context)
        return contextual.second(
            features + ContextualFeatures.nextValues(pending, next: context.next), suspicion: answer.attackSuspicion)
    }

    /// A join with random weights; every feature counts.
    static func network(seed: UInt64 = 1) -> ContextualClassifier {
        var random = SeededGenerator(seed: seed)
        func layer(_ inputs: Int, _ outputs: Int) -> ContextualStage.Layer {
            let limit = (3 / Float(inputs)).squareRoot()
            return ContextualStage.Layer(
                inputs: inputs, outputs: outputs,
                weight: (0..<(inputs * outputs)).map { _ in (random.nextUniform() * 2 - 1) * limit },
                bias: (0..<outputs).map { _ in random.nextNormal() * 0.1 })
        }
        func stage(_ features: Int) -> ContextualStage {
            ContextualStage(
                mean: (0..<features).map { _ in random.nextNormal() * 0.1 },
                factor: (0..<features).map { _ in 0.5 + random.nextUniform() },
                members: (0..<2).map { _ in [layer(features, 12), layer(12, 7), layer(7, 4)] })
        }
        return ContextualClassifier(
            first: stage(ContextualFeatures.count), second: stage(ContextualFeatures.countWithNext), rhythm: evidence)
    }

    /// The shorter the intervals are beside the mean of all so far, the more likely is S.
    static let evidence = RhythmEvidence(
        first: .init(weight: [-6, 1, -5, 1], bias: -1.5), second: .init(weight: [-6, 1, -5, 1, 0.5, -1], bias: -1.5))

    /// Narrow beats of one form 0.7 s apart, with a pause after every fifth.
    static func templatesWithPauses() -> BeatTemplates {
        var templates = BeatTemplates()
        for i in 0..<80 {
            templates.add(
                morphology(window(wide: false, seed: UInt64(i))), logits: logits.narrow, interval: i % 6 == 5 ? 2.6 : 0.7)
        }
        return templates
    }

    /// 300 beats of both kinds that their features tell apart.
    static func samples() -> ContextualSamples {
        var samples = ContextualSamples()
        var templates = BeatTemplates()
        for i in 0..<300 {
            let wide = i % 5 == 4
            let window = window(wide: wide, seed: UInt64(i))
            let interval: Float = wide ? 0.5 : 0.8
            let logits = wide ? logits.wide : logits.narrow
            var context = BeatContext(templates: templates, interval: interval, windowRange: 1.5)
            if i % 7 != 6 { context.next = NextBeat(morphology: morphology(window), interval: 0.8, templates: templates) }
            samples.append(
                window: window, logits: logits, context: context, label: wide ? .ventricular : .normal, record: i / 100)
            templates.add(morphology(window), logits: logits, interval: interval)
        }
        return samples
    }

    static func recipe() -> ContextualRecipe {
        var recipe = ContextualRecipe()
        recipe.members = 2
        recipe.hidden = [8, 6]
        recipe.epochs = 15
        recipe.batch = 32
        recipe.dropout = 0.1
        recipe.normalShare = 1
        return recipe
    }
}

@Suite struct BeatTemplateTests {
    @Test func dominantBeatIsTheMostFrequentEvenDuringARun() throws {
        var templates = ContextualFixture.templates()
        let before = try #require(templates.dominant)
        #expect(
            BeatTemplates.similarity(before.morphology, ContextualFixture.morphology(ContextualFixture.window(wide: false, seed: 900))) > 0.8)
        for i in 0..<15 {
            templates.add(
                ContextualFixture.morphology(ContextualFixture.window(wide: true, seed: 500 + UInt64(i)), range: 2.5),
                logits: ContextualFixture.logits.wide, interval: 0.35)
        }
        let after = try #require(templates.dominant)
        #expect(BeatTemplates.similarity(before.morphology, after.morphology) > 0.99)
    }

    @Test func aBurstOfNoiseDoesNotChangeTheDominantBeat() throws {
        var templates = ContextualFixture.templates()
        let before = try #require(templates.dominant)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<12 {
            let noise = (0..<280).map { _ in random.nextUniform() }
            templates.add(ContextualFixture.morphology(noise, range: 6), logits: .zero, interval: 0.4)
        }
        let after = try #require(templates.dominant)
        #expect(BeatTemplates.similarity(before.morphology, after.morphology) > 0.99)
    }

    @Test func anInterruptionForgetsTheIntervalsAndKeepsTheBeats() throws {
        var templates = ContextualFixture.templates()
        templates.interrupt()
        #expect(templates.previous == nil)
        #expect(templates.dominant != nil)
        let features = templates.rhythm.features(interval: nil)
        #expect(features[RRHistory.Feature.isKnown.rawValue] == 0)
        #expect(features[RRHistory.Feature.overMedian.rawValue] == 0)
    }

    @Test func theFirstBeatsHaveFeaturesToo() {
        var templates = BeatTemplates()
        let first = ContextualFixture.features(
            ContextualFixture.window(wide: false, seed: 1), ContextualFixture.context(templates, interval: nil))
        #expect(first.allSatisfy { $0.isFinite })
        templates.addUnseen(interval: nil)
        templates.add(ContextualFixture.morphology(ContextualFixture.window(wide: false, seed: 2)), logits: .zero, interval: 0.9)
        let second = ContextualFixture.features(
            ContextualFixture.window(wide: false, seed: 1), ContextualFixture.context(templates, interval: 0.9))
        #expect(second.allSatisfy { $0.isFinite })
    }

    @Test func aPrematureBeatHasAShortInterval() {
        let features = ContextualFixture.templates().rhythm.features(interval: 0.4)
        #expect(abs(features[RRHistory.Feature.overMedian.rawValue] - Float(log(0.4 / 0.8))) < 1e-4)
        #expect(features[RRHistory.Feature.overPrevious.rawValue] < -0.2)
    }

    @Test func intervalsOfPrematureBeatsThatPrevailAreShortOfTheMean() {
        var rhythm = RRHistory()
        for _ in 0..<40 { for interval: Float in [0.7, 0.7, 0.7, 1.8] { rhythm.add(interval) } }
        let features = rhythm.features(interval: 0.7)
        #expect(abs(features[RRHistory.Feature.overMedian.rawValue]) < 0.01)
        #expect(abs(features[RRHistory.Feature.overWholeMean.rawValue] - Float(log(0.7 / 0.975))) < 0.02)
        #expect(features[RRHistory.Feature.previousOverWholeMean.rawValue] > 0.5)
    }

    @Test func theMeanOfAllIntervalsSurvivesAnInterruption() {
        var rhythm = RRHistory()
        for _ in 0..<600 { rhythm.add(1) }
        for _ in 0..<20 { rhythm.add(0.5) }
        rhythm.interrupt()
        let features = rhythm.features(interval: 0.5)
        #expect(features[RRHistory.Feature.overWholeMean.rawValue] < -0.6)
        #expect(rhythm.scale(interval: nil).wholeMean > 0.9)
    }

    @Test func fibrillationChangesMostIntervalsAndPausesDoNot() {
        var pauses = RRHistory()
        var fibrillation = RRHistory()
        var random = SeededGenerator(seed: 6)
        for i in 0..<100 {
            pauses.add(i % 5 == 4 ? 1.6 : 0.8)
            fibrillation.add(0.4 + 0.8 * random.nextUniform())
        }
        func changes(_ rhythm: RRHistory) -> (Float, Float) {
            let features = rhythm.features(interval: 0.8)
            return (features[RRHistory.Feature.medianChange.rawValue], features[RRHistory.Feature.largeChanges.rawValue])
        }
        #expect(changes(pauses).0 < 0.01 && changes(pauses).1 < 0.5)
        #expect(changes(fibrillation).0 > 0.1 && changes(fibrillation).1 > 0.6)
        #expect(changes(RRHistory()) == (0, 0))
    }

    @Test func anECGUpsideDownHasTheSameFeatures() {
        // The shape's part: the discriminator's logits are given.
        var upright = BeatTemplates()
        var reversed = BeatTemplates()
        for i in 0..<20 {
            let window = ContextualFixture.window(wide: i % 6 == 5, seed: UInt64(i))
            upright.add(ContextualFixture.morphology(window), logits: .zero, interval: 0.8)
            reversed.add(ContextualFixture.morphology(window.map { 1 - $0 }), logits: .zero, interval: 0.8)
        }
        let window = ContextualFixture.window(wide: true, seed: 77)
        func features(_ window: [Float], _ templates: BeatTemplates, next: [Float]) -> [Float] {
            var context = ContextualFixture.context(templates)
            context.next = NextBeat(morphology: ContextualFixture.morphology(next), interval: 1, templates: templates)
            return ContextualFixture.features(window, context)
        }
        let next = ContextualFixture.window(wide: false, seed: 78)
        let a = features(window, upright, next: next)
        let b = features(window.map { 1 - $0 }, reversed, next: next.map { 1 - $0 })
        for (place, pair) in zip(a, b).enumerated() {
            #expect(abs(pair.0 - pair.1) < 1e-2 * max(1, abs(pair.0)), "feature \(place)")
        }
    }
}

@Suite struct ContextualGradientTests {
    @Test func theGradientOfEveryFeatureIsItsSlope() {
        let context = ContextualFixture.context()
        var window = ContextualFixture.window(wide: true, seed: 55)
        let names = ContextualFeatures.terms.map { "\($0)" } + ContextualFeatures.nextTerms.map { "next \($0)" }
        for (place, term) in names.enumerated() {
            var unit = [Float](repeating: 0, count: ContextualFeatures.countWithNext)
            unit[place] = 1
            let morphology = ContextualFixture.morphology(window, range: context.windowRange)
            var pulled = ContextualFeatures.pullBack(unit, morphology, logits: ContextualFixture.logits.narrow, context: context)
            ContextualFeatures.addNextGradient(
                unit[ContextualFeatures.count...], PendingContext(morphology: morphology, context: context), next: context.next,
                into: &pulled.morphology)
            var analytic = [Float](repeating: 0, count: 280)
            analytic.withUnsafeMutableBufferPointer {
                pulled.morphology.addWindowGradient(range: context.windowRange, into: $0.baseAddress!)
            }
            let largest = max(analytic.map(abs).max() ?? 0, 0.01)
            for i in stride(from: 3, to: 280, by: 17) {
                let kept = window[i]
                window[i] = kept + 4e-3
                let up = ContextualFixture.features(window, context)[place]
                window[i] = kept - 4e-3
                let down = ContextualFixture.features(window, context)[place]
                window[i] = kept
                #expect(abs(analytic[i] - (up - down) / 8e-3) < 0.05 * largest + 0.004, "\(term) at \(i)")
            }
        }
    }

    @Test func contextualAnswersGradientIsTheSlopeOfTheLoss() {
        let network = ContextualizedNetwork(ContextualFixture.discriminator(), contextual: ContextualFixture.network())
        // The evidence of the rhythm counts for the last two.
        var windows = [(true, 4), (false, 5), (false, 6), (true, 7)].flatMap {
            ContextualFixture.window(wide: $0.0, seed: $0.1)
        }
        network.contexts = [
            ContextualFixture.context(), ContextualFixture.context(BeatTemplates(), interval: nil),
            ContextualFixture.context(ContextualFixture.templatesWithPauses(), interval: 0.7),
            ContextualFixture.context(ContextualFixture.templatesWithPauses(), interval: 0.7),
        ]
        let labels: [UInt8] = [2, 0, 0, 1]
        var gradient = [Float](repeating: 0, count: 16)
        func loss() -> Double {
            let output = network.forward(windows, batch: 4, mode: .runningStatistics)
            return Loss.crossEntropy(
                logits: output.classLogits, labels: labels, batch: 4, classes: 4, gradient: &gradient)
        }
        _ = loss()
        let slope = network.backward(
            batch: 4, classGradient: gradient, attackGradient: nil, realGradient: nil, gradients: nil,
            needsInputGradient: true)
        let analytic = windows.indices.map { slope[$0] }
        let largest = Double(analytic.map(abs).max() ?? 0)
        #expect(largest > 0)
        for i in stride(from: 0, to: windows.count, by: 13) {
            let kept = windows[i]
            windows[i] = kept + 1e-3
            let up = loss()
            windows[i] = kept - 1e-3
            let down = loss()
            windows[i] = kept
            #expect(abs(Double(analytic[i]) - (up - down) / 2e-3) < 0.06 * largest, "at \(i)")
        }
    }

    @Test func supraventricularNeedsMoreEvidenceInFibrillation() {
        let contextual = ContextualFixture.network()
        var features = [Float](repeating: 0, count: ContextualFeatures.count)
        let answer = BeatClassification(probabilities: .zero, attackSuspicion: 0, logits: .zero)
        func margin(_ change: Float) -> Float {
            features[RRHistory.Feature.medianChange.rawValue] = change
            let own = features.withUnsafeBufferPointer { contextual.first.logits(ofFeatures: $0.baseAddress!) }
            return contextual.first(answer, features: features).classification.logits[1] - own[1]
        }
        #expect(margin(0) == 0 && margin(0.05) == 0)
        #expect(margin(0.1) < -0.1)
        #expect(abs(margin(0.5) - margin(0.2)) < 1e-4 && margin(0.2) < margin(0.1))
    }

    @Test func rhythmSpeaksForSupraventricularWherePrematureBeatsPrevail() {
        let contextual = ContextualFixture.network()
        let silent = ContextualClassifier(first: contextual.first, second: contextual.second)
        let answer = BeatClassification(probabilities: .zero, attackSuspicion: 0, logits: .zero)
        let window = ContextualFixture.window(wide: false, seed: 3)
        /// How much the rhythm raises S, N and V in the first stage.
        func raised(_ templates: BeatTemplates, interval: Float?, change: (inout [Float]) -> Void = { _ in })
            -> SIMD4<Float>
        {
            let context = ContextualFixture.context(templates, interval: interval)
            var features = ContextualFeatures.values(
                ContextualFixture.morphology(window), logits: ContextualFixture.logits.narrow, context: context)
            change(&features)
            return contextual.first(answer, features: features).classification.logits
                - silent.first(answer, features: features).classification.logits
        }
        let pauses = ContextualFixture.templatesWithPauses()
        #expect(raised(pauses, interval: 0.7)[1] > 0.1)
        #expect(raised(pauses, interval: 0.7)[0] == 0 && raised(pauses, interval: 0.7)[2] == 0)
        // The beat after a pause, an unknown interval, and a premature beat among steady ones: nothing.
        #expect(raised(pauses, interval: 1.8)[1] == 0)
        #expect(raised(ContextualFixture.templates(), interval: nil)[1] == 0)
        #expect(raised(ContextualFixture.templates(), interval: 0.5)[1] == 0)
        let inFibrillation = raised(pauses, interval: 0.7) { $0[RRHistory.Feature.medianChange.rawValue] = 0.2 }
        #expect(inFibrillation[1] == 0)
        // A rate that has risen for good: short of the mean, but without pauses.
        let withoutPauses = raised(pauses, interval: 0.7) { $0[RRHistory.Feature.maximumOverMedian.rawValue] = 0.2 }
        #expect(withoutPauses[1] == 0)
    }

    @Test func rhythmTakesNothingFromVentricular() {
        #expect(RhythmEvidence.normalRatherThanVentricular([0, 0, 8, 0]) < 0.001)
        #expect(RhythmEvidence.normalRatherThanVentricular([8, 0, 0, 0]) > 0.999)
    }

    @Test(arguments: [false, true]) func theAttackedNetworkAnswersAsTheDeployedOne(pauses: Bool) {
        let contextual = ContextualFixture.network()
        let context =
            pauses
            ? ContextualFixture.context(ContextualFixture.templatesWithPauses(), interval: 0.7)
            : ContextualFixture.context()
        let window = ContextualFixture.window(wide: true, seed: 8)
        let discriminator = ContextualFixture.discriminator()
        let own = discriminator.forward(window, batch: 1, mode: .runningStatistics).classLogits
        let answer = BeatClassification(
            probabilities: .zero, attackSuspicion: 0.25, logits: SIMD4(own[0], own[1], own[2], own[3]))
        let deployed = ContextualFixture.deployed(contextual, answer, window, context)
        #expect(deployed.attackSuspicion == 0.25)
        #expect(abs(deployed.probabilities.sum() - 1) < 1e-5)
        let network = ContextualizedNetwork(discriminator, contextual: contextual)
        network.contexts = [context]
        let attacked = network.forward(window, batch: 1, mode: .runningStatistics).classLogits
        for c in 0..<4 { #expect(abs(attacked[c] - deployed.logits[c]) < 1e-4) }
    }

    @Test func unboundedAttackMisleadsTheContextualAnswer() {
        let network = ContextualizedNetwork(ContextualFixture.discriminator(), contextual: ContextualFixture.network())
        network.contexts = [ContextualFixture.context()]
        let window = ContextualFixture.window(wide: true, seed: 8)
        func best(_ window: [Float]) -> Int {
            let logits = network.forward(window, batch: 1, mode: .runningStatistics).classLogits
            return (0..<4).max { logits[$0] < logits[$1] } ?? 0
        }
        let label = BeatClass(rawValue: UInt8(best(window))) ?? .normal
        let attacked = WindowAttack(.apgdCE, epsilon: 1).perturb([window], labels: [label], against: network, seed: 1)[
            0]
        #expect(best(attacked) != Int(label.rawValue))
    }
}

@Suite struct JoinTrainingTests {
    @Test func trainingIsRepeatableBitForBitAndLearns() throws {
        let samples = ContextualFixture.samples()
        let recipe = ContextualFixture.recipe()
        let first = try ContextualClassifierTrainer.train(samples, recipe: recipe) { _ in }
        let second = try ContextualClassifierTrainer.train(samples, recipe: recipe) { _ in }
        #expect(first == second)
        let context = ContextualFixture.context(interval: 0.5)
        let wide = ContextualFixture.deployed(
            first, BeatClassification(probabilities: .zero, attackSuspicion: 0, logits: ContextualFixture.logits.wide),
            ContextualFixture.window(wide: true, seed: 999), context)
        let narrow = ContextualFixture.deployed(
            first, BeatClassification(probabilities: .zero, attackSuspicion: 0, logits: ContextualFixture.logits.narrow),
            ContextualFixture.window(wide: false, seed: 998), ContextualFixture.context(interval: 0.8))
        #expect(wide.beatClass == .ventricular)
        #expect(narrow.beatClass == .normal)
    }

    @Test func rhythmIsLearntFromNormalAndSupraventricularBeats() throws {
        #expect(RhythmEvidence(ContextualFixture.samples()) == nil)
        var samples = ContextualSamples()
        var templates = BeatTemplates()
        let window = ContextualFixture.window(wide: false, seed: 1)
        for i in 0..<300 {
            let premature = i % 6 == 5
            let interval: Float = premature ? 0.55 : 0.8 + 0.01 * Float(i % 3)
            samples.append(
                window: window, logits: .zero, context: ContextualFixture.context(templates, interval: interval),
                label: premature && i % 12 != 11 ? .supraventricular : .normal, record: i / 100)
            templates.add(ContextualFixture.morphology(window), logits: .zero, interval: interval)
        }
        let evidence = try #require(RhythmEvidence(samples))
        func logOdds(_ interval: Float) -> (Float, Float) {
            let features = ContextualFixture.features(window, ContextualFixture.context(templates, interval: interval))
            return features.withUnsafeBufferPointer {
                (evidence.first.logOdds($0.baseAddress!), evidence.second.logOdds($0.baseAddress!))
            }
        }
        #expect(logOdds(0.55).0 > 0 && logOdds(0.55).1 > 0)
        #expect(logOdds(0.8).0 < 0 && logOdds(0.8).1 < 0)
    }

    @Test(arguments: [0, 1]) func onlyEnsembleMembersGivenTheDiscriminatorUseIt(members: Int) throws {
        var recipe = ContextualFixture.recipe()
        recipe.membersWithDiscriminator = members
        let contextual = try ContextualClassifierTrainer.train(ContextualFixture.samples(), recipe: recipe) { _ in }
        let window = ContextualFixture.window(wide: true, seed: 12)
        let context = ContextualFixture.context()
        let answers = [ContextualFixture.logits.wide, ContextualFixture.logits.narrow].map {
            ContextualFixture.deployed(
                contextual, BeatClassification(probabilities: .zero, attackSuspicion: 0, logits: $0), window, context)
        }
        #expect((answers[0].logits == answers[1].logits) == (members == 0))
    }

    @Test func everySecondMemberIgnoresTheLatestIntervals() throws {
        var recipe = ContextualFixture.recipe()
        recipe.membersWithDiscriminator = 2
        let contextual = try ContextualClassifierTrainer.train(ContextualFixture.samples(), recipe: recipe) { _ in }
        for stage in [contextual.first, contextual.second] {
            for place in ContextualFeatures.localRhythmPlaces where place < stage.mean.count {
                let weights = stage.members.map { member in
                    member[0].weight[(place * member[0].outputs)..<((place + 1) * member[0].outputs)]
                }
                #expect(weights[0].contains { $0 != 0 } && weights[1].allSatisfy { $0 == 0 }, "feature \(place)")
            }
        }
    }

    @Test func beatsUnlikeThePatientsOthersAreLeftOut() {
        var samples = ContextualSamples()
        for wide in [false, true] {
            samples.append(
                window: ContextualFixture.window(wide: wide, seed: 9), logits: .zero,
                context: ContextualFixture.context(narrowOnly), label: .normal, record: 0, minimumSimilarity: 0.6)
        }
        #expect(samples.count == 1)
    }

    /// Templates of narrow beats alone.
    private var narrowOnly: BeatTemplates {
        var templates = BeatTemplates()
        for i in 0..<5 {
            templates.add(
                ContextualFixture.morphology(ContextualFixture.window(wide: false, seed: UInt64(i)), range: 1.8), logits: .zero,
                interval: 0.8)
        }
        return templates
    }

    @Test func tooFewBeatsAreRefused() {
        #expect(throws: TrainingError.tooFewWindows(count: 300, batch: 512)) {
            try ContextualClassifierTrainer.train(ContextualFixture.samples(), recipe: ContextualRecipe()) { _ in }
        }
    }
}

@Suite struct JoinFileTests {
    private static func withFile(
        _ change: (inout SafeTensors) -> Void, _ body: (String) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "join-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "weights.safetensors").path(percentEncoded: false)
        try ModelFile.write(Discriminator(seed: 1), contextual: ContextualFixture.network(), to: path)
        var file = try SafeTensors(contentsOf: path)
        change(&file)
        try file.write(to: path)
        try body(path)
    }

    @Test func contextualClassifierIsReadAsWritten() throws {
        try Self.withFile { _ in
        } _: { path in
            let model = try ModelFile.readContextualDiscriminator(from: path, checkingCard: false)
            #expect(model.contextual == ContextualFixture.network())
            // The same file is good for whoever wants the discriminator alone.
            let network = try ModelFile.readNetwork(from: path, checkingCard: false).network
            #expect(network is Discriminator)
        }
    }

    @Test func fileWithoutAContextualClassifierHasNone() throws {
        try Self.withFile { file in
            file.metadata["join"] = nil
            for name in file.tensors.keys where name.hasPrefix("join.") { file.tensors[name] = nil }
        } _: { path in
            let model = try ModelFile.readContextualDiscriminator(from: path, checkingCard: false)
            #expect(model.contextual == nil)
        }
    }

    @Test func fileWithoutEvidenceOfTheRhythmIsRead() throws {
        try Self.withFile { file in
            for name in file.tensors.keys where name.contains("rhythm") { file.tensors[name] = nil }
        } _: { path in
            let model = try ModelFile.readContextualDiscriminator(from: path, checkingCard: false)
            #expect(model.contextual?.rhythm == nil)
            #expect(model.contextual?.first == ContextualFixture.network().first)
        }
    }

    @Test(arguments: [
        "half of the rhythm", "shape of the rhythm", "infinite rhythm", "other features", "no mean", "shape", "no layer", "no second stage", "NaN", "infinite", "no bias", "too wide",
    ])
    func implausibleContextualClassifierIsRefused(flaw: String) throws {
        try Self.withFile { file in
            switch flaw {
            case "half of the rhythm": file.tensors["join.rhythm.bias"] = nil
            case "shape of the rhythm":
                file.tensors["join.next.rhythm.weight"] = .init(shape: [4], values: [0, 0, 0, 0])
            case "infinite rhythm": file.tensors["join.rhythm.weight"]?.values[0] = .infinity
            case "other features": file.metadata["join"] = "context-2"
            case "no mean": file.tensors["join.mean"] = nil
            case "shape":
                file.tensors["join.0.layer1.weight"] = .init(shape: [7, 12], values: Array(repeating: 0, count: 84))
            case "no second stage": file.tensors["join.next.mean"] = nil
            case "no layer": file.tensors["join.1.layer1.weight"] = nil
            case "NaN": file.tensors["join.1.layer2.bias"]?.values[1] = .nan
            case "infinite": file.tensors["join.factor"]?.values[0] = .infinity
            case "no bias": file.tensors["join.0.layer0.bias"] = nil
            default:
                file.tensors["join.0.layer0.bias"] = .init(shape: [5_000], values: Array(repeating: 0, count: 5_000))
            }
        } _: { path in
            #expect(throws: ModelError.self) { try ModelFile.readContextualDiscriminator(from: path, checkingCard: false) }
        }
    }
}
