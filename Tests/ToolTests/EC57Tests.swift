import TestSupport
import Testing
import WFDB

@testable import EC57
@testable import ECGEvaluation
@testable import ecgmon

/// The figures in here were made by two independent programs from the same annotation files: this project's reader
/// and scorer, and a Python scorer on PhysioNet's wfdb package that was itself checked against WFDB's bxb.
struct EC57Tests {
    static func reference(_ beats: [(Int64, Character)], rate: Double = 360, frames: Int = 360_000) -> EC57Reference {
        EC57Reference(
            annotations: beats.map { Annotation(sampleIndex: $0.0, code: AnnotationCode(symbol: $0.1) ?? .note) },
            samplingRate: rate, frameCount: frames)
    }

    static func found(_ beats: [(Int64, Character)]) -> [EC57Beat] {
        beats.compactMap { index, letter in
            AnnotationCode(symbol: letter).flatMap(EC57Class.init).map { EC57Beat(sampleIndex: index, beatClass: $0) }
        }
    }

    @Test func aBeatWithin150MillisecondsIsFoundAndOneBeyondIsNot() {
        let reference = Self.reference([(1000, "N"), (2000, "V"), (3000, "N")])
        let score = EC57Score(
            reference: reference, found: Self.found([(1054, "N"), (1946, "V"), (3055, "N")]), from: 0)
        #expect(score.truePositives == 2 && score.falseNegatives == 1 && score.falsePositives == 1)
        #expect(score.rPeakErrors == [150, -150])
        #expect(score.meanAbsoluteRPeakError == 150)
        #expect(score.errorRate == 200.0 / 3)
    }

    @Test func aBeatIsPairedWithItsNearestAndOnlyOnce() {
        // Two found beats for one: the nearer counts, the other is false.
        var score = EC57Score(
            reference: Self.reference([(1000, "N")]), found: Self.found([(960, "V"), (1005, "N")]), from: 0)
        #expect(score.truePositives == 1 && score.falsePositives == 1)
        #expect(score.count(reference: 0, found: 0) == 1 && score.count(reference: EC57Score.none, found: 2) == 1)
        // One found beat between two: it belongs to the nearer, the other is missed.
        score = EC57Score(
            reference: Self.reference([(1000, "N"), (1060, "V")]), found: Self.found([(1040, "V")]), from: 0)
        #expect(score.count(reference: 2, found: 2) == 1 && score.count(reference: 0, found: EC57Score.none) == 1)
        // Each of two has its own, though the second found one is nearer to the first beat than the first found one.
        score = EC57Score(
            reference: Self.reference([(1000, "N"), (1050, "V")]), found: Self.found([(960, "N"), (1030, "V")]), from: 0
        )
        #expect(score.truePositives == 2 && score.falsePositives == 0)
    }

    @Test func ventricularFlutterIsNotScored() {
        let reference = Self.reference([(500, "N"), (1000, "["), (1200, "!"), (1500, "V"), (2000, "]"), (2500, "N")])
        #expect(reference.flutter == [1000...2000])
        let score = EC57Score(
            reference: reference,
            found: Self.found([(500, "N"), (1000, "V"), (1700, "V"), (2000, "N"), (2001, "N"), (2500, "N")]),
            from: 0)
        #expect(score.truePositives == 2 && score.falseNegatives == 0 && score.falsePositives == 1)
    }

    @Test func flutterFromTheStartOrToTheEndIsLeftOut() {
        #expect(Self.reference([(500, "]"), (900, "N"), (1000, "[")], frames: 5000).flutter == [0...500, 1000...5000])
    }

    @Test func learningPeriodIsNotScoredButABeatJustBeforeItsEndMayMatch() {
        let reference = Self.reference([(1000, "N"), (108_010, "N"), (109_000, "N")])
        let score = EC57Score(
            reference: reference, found: Self.found([(700, "N"), (107_970, "N"), (107_950, "V"), (109_000, "N")]),
            from: 300)
        #expect(score.beats == 2 && score.truePositives == 2)
        // The one at 107,950 stands before the start and has no partner.
        #expect(score.falsePositives == 0)
    }

    @Test func fusionOrUnclassifiableBeatsCalledVentricularAreNoErrors() {
        var reference: [(Int64, Character)] = []
        var found: [(Int64, Character)] = []
        let pairs: [(Character, Character)] = [
            ("V", "V"), ("V", "N"), ("E", "V"), ("r", "V"), ("F", "V"), ("/", "V"), ("f", "V"), ("Q", "S"), ("N", "V"),
            ("A", "V"),
            ("A", "S"), ("J", "N"), ("F", "S"), ("e", "S"), ("L", "N"), ("F", "F"),
        ]
        for (index, pair) in pairs.enumerated() {
            reference.append((Int64(1000 + 400 * index), pair.0))
            found.append((Int64(1000 + 400 * index), pair.1))
        }
        let score = EC57Score(reference: Self.reference(reference), found: Self.found(found), from: 0)
        #expect(score.sensitivity(of: .ventricular) == 75)  // V E r of 4
        #expect(score.positivePredictivity(of: .ventricular) == 60)  // 3 of 3 + N + S
        #expect(score.sensitivity(of: .supraventricular) == 100.0 / 3)
        #expect(score.positivePredictivity(of: .supraventricular) == 100.0 / 3)  // F and N count, Q does not
    }

    @Test func theDelayIsFromTheReferenceToTheDecision() {
        let beats = [EC57Beat(sampleIndex: 1010, beatClass: .normal, decidedAtSampleIndex: 1090)]
        let score = EC57Score(reference: Self.reference([(1000, "N")]), found: beats, from: 0)
        #expect(score.delays == [250])
        #expect(EC57Figures(score).delay?.median == 250)
    }

    @Test func anEmptyRecordHasNoFiguresRatherThanZeroOrNaN() {
        let score = EC57Score(reference: Self.reference([]), found: [], from: 300)
        #expect(score.sensitivity == nil && score.positivePredictivity == nil && score.errorRate == nil)
        #expect(score.meanAbsoluteRPeakError == nil && score.sensitivity(of: .fusion) == nil)
    }

    /// A case with everything in it: two rates, jitter, misses, extras, doublets, flutter, every class.
    static func madeUpRecord(seed: UInt64, rate: Double) -> (reference: AnnotationSet, test: AnnotationSet, frames: Int)
    {
        var generator = TestSupport.SeededGenerator(seed: seed)
        let letters = Array("NNNNNNLRejAaJSVVEFF/fQ")
        var reference = AnnotationSet(samplingRate: rate)
        var test = AnnotationSet(samplingRate: rate)
        var time: Int64 = 0
        for _ in 0..<600 {
            time += Int64(rate * Double.random(in: 0.15...1.2, using: &generator))
            let letter = letters.randomElement(using: &generator) ?? "N"
            reference.annotations.append(Annotation(sampleIndex: time, code: AnnotationCode(symbol: letter) ?? .normal))
            if Int.random(in: 0..<100, using: &generator) == 0 {
                reference.annotations.append(Annotation(sampleIndex: time + 5, code: .ventricularFlutterStart))
                time += Int64(rate * 4)
                reference.annotations.append(Annotation(sampleIndex: time, code: .ventricularFlutterEnd))
            }
            for _ in 0..<[0, 1, 1, 1, 1, 1, 1, 1, 2][Int.random(in: 0..<9, using: &generator)] {
                let at = time + Int64(rate * Double.random(in: -0.2...0.2, using: &generator))
                let called = Bool.random(using: &generator) ? letter : letters.randomElement(using: &generator) ?? "N"
                test.annotations.append(
                    Annotation(sampleIndex: max(0, at), code: AnnotationCode(symbol: called) ?? .normal))
            }
        }
        test.sortByTime()
        return (reference, test, Int(time) + 500)
    }

    @Test func figuresMatchAnIndependentScorer() throws {
        var total = EC57Score()
        for (seed, rate) in [(1, 360.0), (2, 128.0), (3, 250.0)] as [(UInt64, Double)] {
            let made = Self.madeUpRecord(seed: seed, rate: rate)
            let test = try AnnotationSet(parsing: made.test.encoded(), file: "test")
            total += EC57Score(
                reference: EC57Reference(
                    annotations: made.reference.annotations, samplingRate: rate, frameCount: made.frames),
                found: test.annotations.compactMap { annotation in
                    EC57Class(annotation.code).map { EC57Beat(sampleIndex: annotation.sampleIndex, beatClass: $0) }
                }, from: 60)
        }
        let figures = EC57Figures(total)
        #expect(figures.beats == 1552 && figures.falseNegatives == 444 && figures.falsePositives == 438)
        #expect(figures.sensitivity == 71.392 && figures.positivePredictivity == 71.669 && figures.errorRate == 56.83)
        #expect(figures.rPeakErrorMeanAbsolute == 69.58)
        #expect(figures.ventricularSensitivity == 40.455 && figures.ventricularPositivePredictivity == 44.5)
        #expect(figures.supraventricularSensitivity == 42.712 && figures.supraventricularPositivePredictivity == 45.985)
        let confusion = [
            "F>F": 55, "F>N": 26, "F>O": 44, "F>Q": 5, "F>S": 15, "F>V": 7, "N>F": 28, "N>N": 330, "N>O": 211,
            "N>Q": 52,
            "N>S": 36, "N>V": 30, "O>F": 32, "O>N": 191, "O>Q": 65, "O>S": 83, "O>V": 67, "Q>F": 5, "Q>N": 40,
            "Q>O": 61,
            "Q>Q": 65, "Q>S": 17, "Q>V": 10, "S>F": 9, "S>N": 56, "S>O": 77, "S>Q": 13, "S>S": 126, "S>V": 14, "V>F": 7,
            "V>N": 46, "V>O": 51, "V>Q": 13, "V>S": 14, "V>V": 89,
        ]
        #expect(figures.confusion == confusion)
    }
}
