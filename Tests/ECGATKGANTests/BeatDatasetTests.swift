import NeuralNetwork
import Testing

@testable import ECGATKGAN

@Suite struct BeatDatasetTests {
    /// Windows around a centre of each class, a little apart.
    static func dataset(_ counts: [BeatClass: Int], margin: Int = 0, seed: UInt64 = 1) -> BeatDataset {
        var dataset = BeatDataset(margin: margin)
        var generator = SeededGenerator(seed: seed)
        for beatClass in BeatClass.allCases {
            for _ in 0..<(counts[beatClass] ?? 0) {
                let centre = 70 * (Int(beatClass.rawValue) + 1) - 30
                let window = (0..<dataset.length).map { i in
                    let d = Float(i - margin - centre) / 12
                    return 1 / (1 + d * d) + 0.05 * generator.nextUniform()
                }
                dataset.append(window, label: beatClass)
            }
        }
        return dataset
    }

    @Test func splitKeepsClassSharesAndLosesNothing() {
        let dataset = Self.dataset([.normal: 100, .supraventricular: 40, .ventricular: 20, .fusion: 10])
        let (training, heldOut) = dataset.stratifiedSplit(heldOut: 0.2, seed: 3)
        #expect(BeatClass.allCases.map { heldOut.count(of: $0) } == [20, 8, 4, 2])
        #expect(BeatClass.allCases.map { training.count(of: $0) } == [80, 32, 16, 8])
        let all = Set((0..<dataset.count).map { Array(dataset.window($0)) })
        let parts =
            (0..<training.count).map { Array(training.window($0)) }
            + (0..<heldOut.count).map { Array(heldOut.window($0)) }
        #expect(Set(parts) == all)
        #expect(dataset.stratifiedSplit(heldOut: 0.2, seed: 3).heldOut.values == heldOut.values)
        #expect(dataset.stratifiedSplit(heldOut: 0.2, seed: 4).heldOut.values != heldOut.values)
    }

    @Test func oversamplingInterpolatesBetweenNeighboursOfAClass() {
        var dataset = Self.dataset([.normal: 30, .fusion: 12])
        let own = dataset.indices(of: .fusion).map { Array(dataset.window($0)) }
        dataset.oversample(.fusion, to: 50, seed: 1)
        #expect(dataset.count(of: .fusion) == 50)
        #expect(dataset.count(of: .normal) == 30)
        for index in dataset.indices(of: .fusion).dropFirst(12) {
            let made = Array(dataset.window(index))
            // Between two of the class: d(a, x) + d(x, b) = d(a, b) for some pair.
            func distance(_ a: [Float], _ b: [Float]) -> Float {
                zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            }
            let between = own.contains { a in
                own.contains { b in distance(a, made) + distance(made, b) < distance(a, b) + 1e-3 }
            }
            #expect(between)
        }
    }

    @Test func limitingOneClassKeepsTheOthersWhole() {
        let limited = Self.dataset([.normal: 100, .ventricular: 9]).limited(.normal, to: 10, seed: 1)
        #expect(limited.count(of: .normal) == 10)
        #expect(limited.count(of: .ventricular) == 9)
    }

    @Test func confusionMatrixFiguresMatchThePaper() {
        var matrix = ConfusionMatrix()
        matrix.add(truth: .normal, answer: .normal, count: 90)
        matrix.add(truth: .normal, answer: .supraventricular, count: 10)
        matrix.add(truth: .ventricular, answer: .ventricular, count: 45)
        matrix.add(truth: .ventricular, answer: .normal, count: 5)
        #expect(matrix.plainAccuracy == 90)
        #expect(matrix.oneAgainstRestAccuracy == 95)
        #expect(matrix.sensitivity(.normal) == 90)
        #expect(matrix.specificity(.normal) == 90)
        #expect(abs(matrix.positivePredictivity(.normal) - 94.7368) < 1e-3)
        #expect(matrix.balancedAccuracy(.ventricular) == 95)
        #expect(matrix.sensitivity(.fusion).isNaN)
    }

    @Test func theAreaUnderTheCurveCountsTiesHalf() {
        #expect(DiscriminatorEvaluation.areaUnderCurve(positives: [3, 4], negatives: [1, 2]) == 1)
        #expect(DiscriminatorEvaluation.areaUnderCurve(positives: [1, 2], negatives: [3, 4]) == 0)
        #expect(DiscriminatorEvaluation.areaUnderCurve(positives: [1, 2], negatives: [1, 2]) == 0.5)
    }
}
