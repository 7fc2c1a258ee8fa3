import NeuralNetwork
import Testing

@testable import ECGATKGAN

@Suite struct EvaluationFiguresTests {
    /// Answers that name one class each, and an attack logit.
    static func answers(_ classes: [BeatClass], attackLogits: [Float]? = nil) -> WindowAnswers {
        var values: [Float] = []
        for (index, answer) in classes.enumerated() {
            values += BeatClass.allCases.map { $0 == answer ? 3 : 0 } + [attackLogits?[index] ?? .nan]
        }
        return WindowAnswers(values: values) ?? WindowAnswers(count: 0)
    }

    @Test func theColumnsOfTable1FollowFromTheConfusion() {
        // Of ten N one is taken for V; of four S one for N, of four V none for another, of two F one for V.
        let truth: [(BeatClass, Int)] = [(.normal, 10), (.supraventricular, 4), (.ventricular, 4), (.fusion, 2)]
        let labels = truth.flatMap { Array(repeating: $0.0.rawValue, count: $0.1) }
        var classes = truth.flatMap { Array(repeating: $0.0, count: $0.1) }
        classes[0] = .ventricular
        classes[10] = .normal
        classes[18] = .ventricular
        let figures = ClassificationFigures(Self.answers(classes), labels: labels)
        #expect(abs(figures.plainAccuracy - 85) < 1e-9)
        let columns = Dictionary(
            uniqueKeysWithValues: zip(ClassificationFigures.paperColumnNames, figures.paperColumns))
        // Every mistake is one for two of the four one-against-rest decisions.
        let expected = [
            "acc": 100 - 100 * 2 * 3 / (4 * 20.0), "N_sen": 90, "N_spe": 90, "N_auc": 90, "S_sen": 75, "S_spe": 100,
            "S_auc": 87.5, "V_sen": 100, "V_spe": 87.5, "V_auc": 93.75, "F_sen": 50, "F_spe": 100, "F_auc": 75,
        ]
        #expect(columns.count == 13)
        for (name, value) in expected { #expect(abs((columns[name] ?? .nan) - value) < 1e-9, "\(name)") }
    }

    @Test func areaUnderTheCurveRanksByProbability() {
        // Two windows of S, both answered N, but more S than any N window: a perfect order.
        let labels: [UInt8] = [0, 0, 1, 1]
        let logits: [[Float]] = [[5, 0, 0, 0], [5, 1, 0, 0], [5, 3, 0, 0], [5, 4, 0, 0]]
        let answers = WindowAnswers(values: logits.flatMap { $0 + [.nan] })
        let figures = answers.map { ClassificationFigures($0, labels: labels) }
        #expect(figures?.areasUnderCurve[1] == 100)
        #expect(figures?.confusion.sensitivity(.supraventricular) == 0)
        #expect(figures?.areasUnderCurve[2].isNaN == true)
    }

    @Test func thePapersAreaIsTheMeanOfSensitivityAndSpecificity() {
        for condition in PaperFigures.Condition.allCases {
            for system in PaperFigures.System.allCases {
                let row = PaperFigures.table1(condition, system)
                #expect(row.columns.count == 13)
                // The paper's own slip: Shaker under FGSM.
                if condition == .fgsm && system == .shaker { continue }
                for beatClass in 0..<4 {
                    let c = Array(row.classColumns[(3 * beatClass)..<(3 * beatClass + 3)])
                    #expect(abs(c[2] - (c[0] + c[1]) / 2) < 0.16, "\(condition) \(system) \(beatClass)")
                }
            }
        }
    }

    @Test func architectureNamesSelectTheSystemTheyName() {
        #expect(PaperFigures.System(architectureIdentifier: "kachuee-2018") == .kachuee)
        #expect(PaperFigures.System(architectureIdentifier: "Acharya-2017-1") == .acharya)
        #expect(PaperFigures.System(architectureIdentifier: "ecg-atk-gan-discriminator-1") == .proposed)
    }

    @Test func worstOfSeveralAnswersIsWrongIfAnyIsAndLeastSuspicious() {
        let labels: [UInt8] = [0, 0, 0]
        let first = Self.answers([.normal, .ventricular, .normal], attackLogits: [1, 2, 5])
        let second = Self.answers([.supraventricular, .fusion, .normal], attackLogits: [4, -1, 3])
        let worst = WindowAnswers.worst(of: [first, second], labels: labels)
        #expect((0..<3).map { worst.answer($0) } == [.supraventricular, .fusion, .normal])
        #expect((0..<3).map { worst.attackLogit($0) } == [4, -1, 3])
        #expect(WindowAnswers.worst(of: [second, first], labels: labels) == worst)
        // Only the third window was wrong before, and is then less suspicious than any attack on it.
        let clean = Self.answers([.normal, .normal, .fusion], attackLogits: [-9, -9, -9])
        let left = WindowAnswers.worst(of: worst, leaving: clean, labels: labels)
        #expect((0..<3).map { left.answer($0) } == [.supraventricular, .fusion, .fusion])
        #expect((0..<3).map { left.attackLogit($0) } == [4, -1, -9])
    }

    @Test func sampleKeepsClassSharesAndIsRepeatable() {
        var data = BeatDataset()
        for (beatClass, count) in zip(BeatClass.allCases, [300, 60, 38, 2]) {
            for number in 0..<count {
                data.append((0..<280).map { Float($0 * number) }, label: beatClass)
            }
        }
        let windows = EvaluationWindows(data)
        let places = windows.stratifiedSample(40, seed: 3)
        let sample = windows.subset(places)
        #expect(BeatClass.allCases.map { sample.count(of: $0) } == [30, 6, 4, 1])
        #expect(places == windows.stratifiedSample(40, seed: 3))
        #expect(places != windows.stratifiedSample(40, seed: 4))
        #expect(windows.stratifiedSample(5000, seed: 1).count == 400)
        #expect(sample.checksum != windows.checksum)
        #expect(sample.window(0).min() == 0 && sample.window(1).max() ?? 0 <= 1)
    }

    @Test func worstOfSeveralAttacksSkipsFooledWindowsAndStaysInTheBall() {
        let network = DiscriminatorTests.network()
        let windows = DiscriminatorTests.windows(6, seed: 8)
        let own = WindowAnswers(of: network, to: windows, batch: 6)
        // The first window is misclassified from the start.
        var labels = (0..<6).map { own.answer($0).rawValue }
        labels[0] = (labels[0] + 1) % 4
        let sequence = AttackSequence(worstOf: [WindowAttack(.fgsm, epsilon: 0.002), WindowAttack(.bim, epsilon: 0.05)])
        var attacked = [Float](repeating: 0, count: windows.count)
        var generator = SeededGenerator(seed: 1)
        SequenceAttacker(network).craft(sequence, on: windows, labels: labels, using: &generator, into: &attacked)
        #expect(Array(attacked[..<280]) == Array(windows[..<280]))
        #expect(zip(attacked, windows).allSatisfy { abs($0 - $1) <= 0.05 + 1e-6 })
        let after = WindowAnswers(of: network, to: attacked, batch: 6)
        #expect(after.answer(0).rawValue != labels[0])
        let weak = AttackSequence(worstOf: [WindowAttack(.fgsm, epsilon: 0.002)])
        var weakly = attacked
        SequenceAttacker(network).craft(weak, on: windows, labels: labels, using: &generator, into: &weakly)
        let afterWeak = WindowAnswers(of: network, to: weakly, batch: 6)
        for index in 1..<6 where !afterWeak.isRight(index, labels: labels) {
            // What the first attack brought to fall the second one does not touch.
            #expect(after.answer(index) == afterWeak.answer(index))
        }
        #expect(
            (0..<6).count { after.isRight($0, labels: labels) }
                <= (0..<6).count { afterWeak.isRight($0, labels: labels) })
    }
}
