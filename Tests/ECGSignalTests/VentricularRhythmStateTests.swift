import StateCoding
import Testing

@testable import ECGSignal

/// Rule, interruptions and snapshots.
@Suite struct VentricularRhythmStateTests {
    private typealias Detector = VentricularRhythmDetector
    private typealias Rule = VentricularRhythmRule

    private static func estimate(_ number: Int, vf: Float, vt: Float, height: Float = 1) -> Detector.Estimate {
        Detector.Estimate(
            fibrillation: vf, tachycardia: vt, other: 1 - vf - vt, noise: 0, height: height, swing: nil,
            sampleIndex: Int64(1_079 + 180 * number))
    }

    /// The findings after estimates with these probabilities, each change once.
    private static func findings(_ probabilities: [(vf: Float, vt: Float)], height: Float = 1) -> [Rule.Finding] {
        var rule = Rule()
        return probabilities.enumerated().compactMap { number, p in
            rule.step(estimate(number, vf: p.vf, vt: p.vt, height: height))?.finding
        }
    }

    private static func restored<Value: Codable>(_ value: Value) throws -> Value {
        let (bytes, fingerprint) = try StateCoding.encode(value)
        return try bytes.withUnsafeBytes { try StateCoding.decode(Value.self, from: $0, fingerprint: fingerprint) }
    }

    // MARK: - Rule

    @Test func sixRowsThatAreNearlyCertainAreEnough() {
        let quiet = Array(repeating: (vf: Float(0), vt: Float(0.02)), count: 12)
        func run(_ count: Int, _ p: Float) -> [(vf: Float, vt: Float)] { Array(repeating: (0, p), count: count) }
        #expect(Self.findings(quiet + run(5, 0.95)) == [])
        #expect(Self.findings(quiet + run(6, 0.95)) == [.ventricularTachycardia])
        #expect(!Self.findings(quiet + run(8, 0.9)).contains(.ventricularTachycardia))
        #expect(Self.findings(quiet + run(9, 0.9)).last == .ventricularTachycardia)
        #expect(Self.findings(quiet + run(30, 0.75)) == [.tachycardiaOrArtefact])
        #expect(Self.findings(quiet + run(30, 0.65)) == [])
        #expect(
            Self.findings(quiet + run(10, 0.75) + run(6, 0.99)) == [.tachycardiaOrArtefact, .ventricularTachycardia])
        #expect(Self.findings(quiet + run(20, 0.95) + quiet) == [.ventricularTachycardia, .none])
        #expect(Self.findings(quiet + run(10, 0.75) + quiet) == [.tachycardiaOrArtefact, .none])
    }

    @Test func smallSignalsCountForNothing() {
        let estimates = Array(repeating: (vf: Float(0.9), vt: Float(0.1)), count: 30)
        #expect(Self.findings(estimates, height: 0.09) == [])
        #expect(Self.findings(estimates, height: 0.11) == [.ventricularFibrillation])
    }

    @Test func tachycardiaBecomesFibrillationAtOnceAndBackAfterTenSeconds() {
        var rule = Rule()
        var changes: [(Int, Rule.Finding)] = []
        for number in 0..<80 {
            let isFibrillation = (20..<40).contains(number)
            let estimate = Self.estimate(number, vf: isFibrillation ? 0.95 : 0.03, vt: isFibrillation ? 0.03 : 0.95)
            if let change = rule.step(estimate) { changes.append((number, change.finding)) }
        }
        #expect(changes.map(\.1) == [.ventricularTachycardia, .ventricularFibrillation, .ventricularTachycardia])
        #expect(changes[1].0 - 20 < 8)
        #expect((8..<20).contains(changes[2].0 - 40))
    }

    @Test func onsetIsTheFirstLikelyRowAndEndIsTheLast() throws {
        var rule = Rule()
        var changes: [Rule.Change] = []
        for number in 0..<60 {
            let p: Float = (20..<40).contains(number) ? 0.97 : 0.03
            if let change = rule.step(Self.estimate(number, vf: p, vt: 0)) { changes.append(change) }
        }
        #expect(changes.count == 2)
        #expect(changes.first?.sinceIndex == Int64(1_079 + 180 * 20 + 1 - 900))
        #expect(changes.last?.sinceIndex == Int64(1_079 + 180 * 39))
    }

    @Test func theLargestRecentProbabilityLooksFiveSecondsBack() {
        var rule = Rule()
        #expect(rule.largestRecentProbability == 0 && rule.confidence == 0)
        for number in 0..<20 {
            _ = rule.step(Self.estimate(number, vf: 0, vt: number == 5 ? 0.6 : 0.1))
            #expect(rule.largestRecentProbability == ((5..<15).contains(number) ? 0.6 : 0.1))
        }
    }

    // MARK: - Interruptions

    @Test func anInterruptionRestartsTheWindowAndGoesOnCounting() {
        let samples = VentricularRhythmSignals.make("tachycardia")
        var detector = Detector()
        for sample in samples[..<5_000] { _ = detector.step(sample) }
        detector.interrupt(missing: 400)
        var estimates: [Detector.Estimate] = []
        for sample in samples[5_400...] { if let estimate = detector.step(sample) { estimates.append(estimate) } }
        var fresh = Detector()
        let expected = samples[5_400...].compactMap { fresh.step($0) }.map { estimate in
            var estimate = estimate
            estimate.sampleIndex += 5_400
            return estimate
        }
        #expect(estimates == expected && estimates.first?.sampleIndex == 5_400 + 1_079)
        detector.reset()
        #expect(samples.compactMap { detector.step($0) }.first?.sampleIndex == 1_079)
    }

    @Test func rowsOutliveAShortInterruptionOnly() {
        for (missing, isKept) in [(0, true), (719, true), (720, false), (100_000, false)] {
            var rule = Rule()
            for number in 0..<10 { _ = rule.step(Self.estimate(number, vf: 0.95, vt: 0.02)) }
            #expect(rule.finding == .ventricularFibrillation)
            #expect(rule.interrupt(missing: Int64(missing)) == isKept)
            #expect((rule.finding == .ventricularFibrillation) == isKept)
            #expect((rule.confidence > 0.9) == isKept)
        }
    }

    @Test func nonfiniteSampleRepeatsTheLastValue() {
        let samples = VentricularRhythmSignals.make("narrow")
        var damaged = samples
        var held = samples
        for index in stride(from: 0, to: samples.count, by: 97) {
            damaged[index] = index % 2 == 0 ? .nan : .infinity
            held[index] = index == 0 ? 0 : held[index - 1]
        }
        var first = Detector()
        var second = Detector()
        #expect(damaged.compactMap { first.step($0) } == held.compactMap { second.step($0) })
    }

    @Test func valuesOfAnySizeGiveProbabilities() {
        var detector = Detector()
        var rule = Rule()
        var random = SeededGenerator(seed: 4)
        for index in 0..<20_000 {
            let size: Float = [1e-30, 1e-4, 1, 1e4, 1e30, .greatestFiniteMagnitude][index / 900 % 6]
            guard let estimate = detector.step(Float(random.normal()) * size) else { continue }
            let sum = estimate.fibrillation + estimate.tachycardia + estimate.other + estimate.noise
            #expect(abs(sum - 1) < 1e-4 && estimate.height.isFinite && estimate.swing?.isFinite ?? true)
            _ = rule.step(estimate)
            #expect(detector.isInRange && rule.isInRange)
        }
    }

    // MARK: - Snapshots

    @Test(arguments: [1, 59, 180, 1_013]) func restoringMakesNoDifference(period: Int) throws {
        let samples = VentricularRhythmSignals.make("fibrillation")[2_000..<(period == 1 ? 4_000 : 13_000)]
        var undisturbed = Detector()
        var detector = Detector()
        var undisturbedRule = Rule()
        var rule = Rule()
        var changes = 0
        for (index, sample) in samples.enumerated() {
            if index % period == 0 {
                detector = try Self.restored(detector)
                rule = try Self.restored(rule)
            }
            let estimate = detector.step(sample)
            #expect(estimate == undisturbed.step(sample))
            guard let estimate else { continue }
            let change = rule.step(estimate)
            #expect(change == undisturbedRule.step(estimate))
            if change != nil { changes += 1 }
            #expect(rule.finding == undisturbedRule.finding && rule.confidence == undisturbedRule.confidence)
        }
        #expect(period == 1 || changes == 2)
    }

    @Test func damagedStatesAreRefusedOrHarmless() throws {
        let samples = VentricularRhythmSignals.make("tachycardia")
        var detector = Detector()
        var rule = Rule()
        for sample in samples[..<6_000] { if let estimate = detector.step(sample) { _ = rule.step(estimate) } }
        let (bytes, fingerprint) = try StateCoding.encode(detector)
        let (ruleBytes, ruleFingerprint) = try StateCoding.encode(rule)
        #expect(bytes.count + ruleBytes.count < 4_096)
        var random = SeededGenerator(seed: 9)
        var accepted = 0
        for _ in 0..<600 {
            var damaged = bytes
            var damagedRule = ruleBytes
            for _ in 0..<4 {
                damaged[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
                damagedRule[Int(random.next() % UInt64(ruleBytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let state = try? damaged.withUnsafeBytes {
                try StateCoding.decode(Detector.self, from: $0, fingerprint: fingerprint)
            }
            let ruleState = try? damagedRule.withUnsafeBytes {
                try StateCoding.decode(Rule.self, from: $0, fingerprint: ruleFingerprint)
            }
            guard var state else { continue }
            accepted += 1
            var follower = ruleState ?? Rule()
            for sample in samples[6_000..<8_000] {
                guard let estimate = state.step(sample) else { continue }
                #expect(estimate.fibrillation.isFinite && estimate.height.isFinite)
                _ = follower.step(estimate)
            }
        }
        #expect(accepted > 50)
    }

    @Test func statesOutOfRangeAreRefused() throws {
        let (bytes, fingerprint) = try StateCoding.encode(Detector())
        // The first field, the stretch's start, as -1.
        var damaged = bytes
        for index in 0..<8 { damaged[index] = 0xff }
        #expect(throws: StateCodingError.outOfRange("VentricularRhythmDetector")) {
            try damaged.withUnsafeBytes {
                try StateCoding.decode(Detector.self, from: $0, fingerprint: fingerprint)
            }
        }
    }
}
