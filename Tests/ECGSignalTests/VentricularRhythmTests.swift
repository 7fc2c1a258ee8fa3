import StateCoding
import Testing

@testable import ECGSignal

@Suite struct VentricularRhythmTests {
    private typealias Detector = VentricularRhythmDetector
    private typealias Rule = VentricularRhythmRule

    private static func estimates(_ samples: some Sequence<Float>, _ detector: Detector = Detector()) -> [Detector
        .Estimate]
    {
        var detector = detector
        return samples.compactMap { detector.step($0) }
    }

    private static func changes(_ estimates: [Detector.Estimate]) -> [Rule.Change] {
        var rule = Rule()
        return estimates.compactMap { rule.step($0) }
    }

    private static func simulate(
        _ script: [SimulatedSegment], seconds: Double, seed: UInt64 = 1, noise: SimulatedNoise = .resting
    ) -> [Float] {
        var simulator = ECGSimulator(.init(seed: seed, script: script, noise: noise))
        return simulator.record(seconds: seconds).millivolts
    }

    // MARK: - The reference

    @Test func rowsAreThoseOfTheReference() throws {
        for signal in try VentricularRhythmReference.read().signals {
            let estimates = Self.estimates(VentricularRhythmSignals.make(signal.name))
            #expect(estimates.count == signal.probabilities.count && estimates.count == 75)
            for (index, estimate) in estimates.enumerated() {
                #expect(estimate.sampleIndex == Int64(1_079 + 180 * index))
                let found = [estimate.fibrillation, estimate.tachycardia, estimate.other, estimate.noise]
                for (value, expected) in zip(found, signal.probabilities[index]) {
                    #expect(abs(value - expected) < 1e-4, "\(signal.name), estimate \(index)")
                }
                #expect(abs(estimate.height - signal.height[index]) < 1e-5, "\(signal.name), estimate \(index)")
                // The reference's swing is that of 4 s, known from the third estimate on; the detector's that of 3 s.
                let swing = try #require(estimate.swing)
                if index >= 2 { #expect(swing > 0 && swing <= signal.swing[index] + 1e-5) }
            }
        }
    }

    @Test func featuresAreThoseOfTheReference() throws {
        let reference = try VentricularRhythmReference.read()
        #expect(reference.features.count == VentricularRhythmFeatures.count)
        for signal in reference.signals {
            var detector = Detector()
            var estimate = 0
            var expected = zip(signal.rows, signal.features).makeIterator()
            var next = expected.next()
            for sample in VentricularRhythmSignals.make(signal.name) where detector.step(sample) != nil {
                defer { estimate += 1 }
                guard let (wanted, values) = next, wanted == estimate else { continue }
                let features = detector.features().values
                for index in features.indices {
                    let scale = VentricularRhythmWeights.scale[index]
                    #expect(
                        abs(features[index] - values[index]) < 2e-4 * scale,
                        "\(reference.features[index]) of \(signal.name), estimate \(estimate)")
                }
                next = expected.next()
            }
            #expect(next == nil)
        }
    }

    @Test func findingsAreThoseOfTheReference() throws {
        for signal in try VentricularRhythmReference.read().signals {
            let estimates = Self.estimates(VentricularRhythmSignals.make(signal.name))
            var rule = Rule()
            var found: [(finding: Rule.Finding, sinceIndex: Int64, decided: Int64)] = []
            for estimate in estimates {
                // The reference knows no tachycardia or artefact.
                let before = rule.finding
                guard let change = rule.step(estimate), change.finding != .tachycardiaOrArtefact else { continue }
                if change.finding == .none, before == .tachycardiaOrArtefact { continue }
                found.append((change.finding, change.sinceIndex, estimate.sampleIndex + 1))
            }
            var expected: [(finding: Rule.Finding, sinceIndex: Int64, decided: Int64?)] = []
            for episode in signal.episodes {
                expected.append(
                    (
                        episode.kind == "VF" ? .ventricularFibrillation : .ventricularTachycardia,
                        Int64((360 * episode.begin).rounded()), Int64((360 * episode.decided).rounded())
                    ))
                if let end = episode.end { expected.append((.none, Int64((360 * end).rounded()) - 1, nil)) }
            }
            #expect(found.count == expected.count, "\(signal.name)")
            for (one, wanted) in zip(found, expected) {
                #expect(one.finding == wanted.finding && one.sinceIndex == wanted.sinceIndex, "\(signal.name)")
                #expect(wanted.decided == nil || one.decided == wanted.decided, "\(signal.name)")
            }
        }
    }

    @Test func shippedNetworkHasTheModelsSize() {
        typealias Weights = VentricularRhythmWeights
        #expect(Weights.mean.count == 71 && Weights.scale.count == 71 && Weights.scale.allSatisfy { $0 > 0 })
        #expect(Weights.hiddenWeights.count == 71 * 16 && Weights.hiddenBias.count == 16)
        #expect(Weights.outputWeights.count == 16 * 4 && Weights.outputBias.count == 4)
    }

    // MARK: - Rhythms

    @Test(arguments: 1...3 as ClosedRange<UInt64>) func otherRhythmsGiveNothing(seed: UInt64) {
        let rhythms: [SimulatedSegment.Rhythm] = [
            .sinus(rate: 45), .sinus(rate: 72), .sinus(rate: 130), .atrialFibrillation(rate: 110), .bigeminy(rate: 80),
            .supraventricularGroups(rate: 80, every: 6, count: 4, groupRate: 160), .asystole,
        ]
        for rhythm in rhythms {
            let samples = Self.simulate([.init(rhythm, seconds: .infinity)], seconds: 60, seed: seed)
            #expect(Self.changes(Self.estimates(samples)).isEmpty, "\(rhythm)")
        }
        #expect(Self.changes(Self.estimates(VentricularRhythmSignals.make("bundleBranchBlock"))).isEmpty)
    }

    /// Strong electrode motion may be called an artefact, which it is.
    @Test(arguments: 1...3 as ClosedRange<UInt64>) func noiseIsNotCalledTachycardiaOrFibrillation(seed: UInt64) {
        let noises: [SimulatedNoise] = [
            SimulatedNoise(white: 0.1), SimulatedNoise(muscle: 0.3), SimulatedNoise(electrodeMotion: 0.4),
            SimulatedNoise(baselineWander: 1), SimulatedNoise(mains: 0.5),
        ]
        for noise in noises {
            let samples = Self.simulate(
                [.init(.sinus(rate: 72), seconds: .infinity)], seconds: 60, seed: seed, noise: noise)
            let found = Self.changes(Self.estimates(samples)).map(\.finding)
            #expect(!found.contains(.ventricularTachycardia) && !found.contains(.ventricularFibrillation), "\(noise)")
            #expect(found.isEmpty || noise.electrodeMotion > 0, "\(noise)")
        }
    }

    @Test func aFlatLineGivesNothingAndHasNoSwing() {
        for level: Float in [0, -3, 300] {
            let estimates = Self.estimates(repeatElement(level, count: 7_200))
            #expect(estimates.count == 35 && Self.changes(estimates).isEmpty)
            #expect(estimates.allSatisfy { $0.height < 0.001 && $0.swing ?? 0 < 0.001 })
        }
        // And after beats: once they have left the 4 s.
        let samples = VentricularRhythmSignals.make("standstill")
        for estimate in Self.estimates(samples) {
            guard let swing = estimate.swing else { continue }
            if estimate.sampleIndex < 15 * 360 { #expect(swing > 0.5) }
            if estimate.sampleIndex > 22 * 360 { #expect(swing < 0.02) }
        }
    }

    @Test(arguments: [150.0, 180, 220, 250]) func tachycardiaIsFoundAndEnds(rate: Double) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            try Self.checkEpisode(.ventricular(rate: rate), seed: seed)
        }
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>) func fibrillationIsFoundAndEnds(seed: UInt64) throws {
        let last = try Self.checkEpisode(.ventricularFibrillation, seed: seed)
        #expect(last == .ventricularFibrillation)
    }

    /// 20 s of a rhythm amid sinus rhythm: found within 10 s, over 15 s after its end, nothing else.
    @discardableResult
    private static func checkEpisode(
        _ rhythm: SimulatedSegment.Rhythm, seed: UInt64, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Rule.Finding {
        let samples = simulate(
            [
                .init(.sinus(rate: 72), seconds: 20), .init(rhythm, seconds: 20),
                .init(.sinus(rate: 72), seconds: .infinity),
            ], seconds: 70, seed: seed)
        var rule = Rule()
        var lethal: [Rule.Finding] = []
        var found: Int64?
        var ended: Int64?
        for estimate in estimates(samples) {
            guard let change = rule.step(estimate) else { continue }
            if change.finding == .ventricularTachycardia || change.finding == .ventricularFibrillation {
                lethal.append(change.finding)
                if found == nil { found = estimate.sampleIndex }
                #expect(change.confidence > 0.6, sourceLocation: sourceLocation)
                #expect(abs(change.sinceIndex - 20 * 360) < 3 * 360 || lethal.count > 1, sourceLocation: sourceLocation)
            }
            if change.finding == .none { ended = estimate.sampleIndex }
        }
        let start = try #require(found, sourceLocation: sourceLocation)
        let end = try #require(ended, sourceLocation: sourceLocation)
        #expect((20 * 360...30 * 360).contains(start), sourceLocation: sourceLocation)
        #expect((40 * 360...55 * 360).contains(end), sourceLocation: sourceLocation)
        return try #require(lethal.last, sourceLocation: sourceLocation)
    }

    @Test func offsetAndGainHardlyMatter() {
        let samples = VentricularRhythmSignals.make("fibrillation")
        let estimates = Self.estimates(samples)
        let offset = Self.estimates(samples.map { $0 + 4 })
        let amplified = Self.estimates(samples.map { 2 * $0 })
        #expect(estimates.count == offset.count && estimates.count == amplified.count)
        for index in estimates.indices {
            #expect(abs(estimates[index].fibrillation - offset[index].fibrillation) < 0.02)
            // The share of flat samples alone is not free of scale.
            #expect(abs(estimates[index].fibrillation - amplified[index].fibrillation) < 0.1)
            #expect(abs(2 * estimates[index].height - amplified[index].height) < 1e-4)
        }
    }
}

@Suite struct WindowArithmeticTests {
    @Test(arguments: [1, 2, 8, 9, 116, 358, 360])
    func aQuantileIsTheValueThatSortingPutsThere(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        for round in 0..<20 {
            // Rising, falling, with ties, in no order, and of very different magnitudes.
            let samples = (0..<count).map { index -> Float in
                switch round % 5 {
                case 0: Float(index)
                case 1: Float(-index)
                case 2: Float(Int.random(in: -2..<3, using: &generator))
                case 3: Float.random(in: -1...1, using: &generator)
                default: Float.random(in: -1...1, using: &generator) * (index % 2 == 0 ? 1e-30 : 1e30)
                }
            }
            let sorted = samples.sorted()
            for share in [0, 0.1, 0.5, 0.9, 0.98, 1] {
                let place = WindowArithmetic.place(count, share)
                #expect(WindowArithmetic.quantile(samples, count, share) == sorted[place])
            }
        }
    }
}
