import ECGSignal
import Foundation
import Testing

/// What the detector does with simulated ECG of which every R peak is known.
struct DetectorTests {
    @Test(arguments: [30.0, 45, 60, 80, 120, 160, 200, 240])
    func everyBeatOfASinusRhythmIsFoundAtItsApex(rate: Double) {
        let (samples, labels) = simulate(.sinus(rate: rate), seconds: 60)
        let found = detect(samples)
        let score = score(found, labels)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
        #expect(score.meanAbsoluteErrorMilliseconds < 2)
        #expect(zip(found, found.dropFirst()).allSatisfy { $0.rPeakIndex < $1.rPeakIndex })
    }

    @Test(arguments: [
        SimulatedSegment.Rhythm.atrialFibrillation(rate: 110), .bigeminy(rate: 80), .trigeminy(rate: 75),
        .ventricularGroups(rate: 70, every: 6, count: 2, groupRate: 150),
        .ventricularGroups(rate: 70, every: 9, count: 5, groupRate: 160),
        .supraventricularGroups(rate: 70, every: 5, count: 1, groupRate: 120),
        .supraventricularGroups(rate: 70, every: 8, count: 6, groupRate: 160), .ventricular(rate: 195),
        .ventricular(rate: 40),
    ])
    func irregularAndEctopicRhythmsAreFoundToo(rhythm: SimulatedSegment.Rhythm) {
        let (samples, labels) = simulate(rhythm, seconds: 120)
        let score = score(detect(samples), labels)
        #expect(score.missed <= 1 && score.extra <= 1, "\(score)")
    }

    @Test func reversedPolarityGivesTheSameBeats() {
        let (upright, labels) = simulate(.ventricularGroups(rate: 70, every: 7, count: 1, groupRate: 120), seconds: 60)
        let reversed = detect(upright.map { -$0 })
        let beats = detect(upright)
        #expect(score(reversed, labels).missed == 0 && score(reversed, labels).extra == 0)
        #expect(reversed.map(\.rPeakIndex) == beats.map(\.rPeakIndex))
        #expect(zip(reversed, beats).allSatisfy { $0.amplitude == -$1.amplitude })
    }

    @Test(arguments: [125.0, 200, 250, 256, 500, 1_000])
    func anotherSamplingRateGivesTheSameBeats(rate: Double) throws {
        var simulator = ECGSimulator(
            .init(
                samplingRate: rate, seed: 3,
                script: [.init(.ventricularGroups(rate: 75, every: 6, count: 2, groupRate: 140), seconds: 120)],
                noise: .resting))
        let (samples, labels) = simulator.record(seconds: 120)
        var resampler = try Resampler(inputRate: rate)
        var converted: [Float] = []
        for sample in samples {
            resampler.push(sample)
            while let value = resampler.next() { converted.append(value) }
        }
        for polarity in [Float(1), -1] {
            var score = BeatScore()
            score.add(
                reference: labels.map { Int64((Double($0.rPeakIndex) * 360 / rate).rounded()) },
                found: detect(converted.map { polarity * $0 }).map(\.rPeakIndex))
            #expect(score.missed <= 1 && score.extra == 0, "\(score)")
            #expect(score.meanAbsoluteErrorMilliseconds < 4)
        }
    }

    @Test func theAmplitudeIsThatOfTheApexAgainstTheBaseline() {
        let (samples, _) = simulate(.sinus(rate: 65), seconds: 30, amplitude: 1.5, noise: .none)
        for beat in detect(samples.map { $0 + 2.5 }) { #expect(abs(beat.amplitude - 1.5) < 0.2, "\(beat)") }
    }

    @Test(arguments: [1.0, 0.5, 0.25, 5])
    func aGainOfOneQuarterToFiveDoesNotMatter(amplitude: Double) {
        let (samples, labels) = simulate(.sinus(rate: 80), seconds: 60, amplitude: amplitude, noise: .none)
        let score = score(detect(samples), labels)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
    }

    @Test func complexesTooSmallToBeACardiacSignalAreNotCounted() {
        // IEC 60601-2-27: what has an amplitude of 0.15 mV or less must not be taken for a QRS complex.
        let (samples, _) = simulate(.sinus(rate: 80), seconds: 60, amplitude: 0.1, noise: .none)
        #expect(detect(samples).isEmpty)
    }

    @Test(arguments: [60.0, 80, 100])
    func aTallTWaveIsNotCounted(rate: Double) {
        let (samples, labels) = simulate(.sinus(rate: rate), seconds: 60, amplitude: 1, tWave: 1.2, noise: .resting)
        let score = score(detect(samples), labels)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
    }

    @Test func nothingIsCountedTwiceWithinTheRefractoryPeriod() {
        // A second spike 180 ms after each R, as steep as R: an echo of the amplifier, a pacing artefact.
        var (samples, labels) = simulate(.sinus(rate: 60), seconds: 40, noise: .none)
        for label in labels where Int(label.rPeakIndex) + 80 < samples.count {
            for offset in -6...6 {
                samples[Int(label.rPeakIndex) + 65 + offset] += 1.1 * exp(-Float(offset * offset) / 12)
            }
        }
        let found = detect(samples)
        #expect(abs(found.count - labels.count) <= 1)
        #expect(zip(found, found.dropFirst()).allSatisfy { $1.rPeakIndex - $0.rPeakIndex >= 72 - 20 })
    }

    @Test func learningPhaseBeatsAreReportedAtItsEnd() {
        let (samples, labels) = simulate(.sinus(rate: 90), seconds: 20)
        let found = detect(samples)
        let early = found.filter { $0.rPeakIndex < 600 }
        #expect(early.count == labels.filter { $0.rPeakIndex < 600 }.count && early.count >= 2)
        #expect(early.allSatisfy { $0.detectedAtIndex >= 720 && $0.detectedAtIndex <= 730 })
        // At most one a sample.
        #expect(Set(found.dropLast(2).map(\.detectedAtIndex)).count == found.count - 2)
    }

    @Test func ordinaryBeatsAreDetectedWithin350Milliseconds() {
        let (samples, _) = simulate(.sinus(rate: 75), seconds: 120)
        let delays = detect(samples).filter { $0.rPeakIndex > 720 && $0.rPeakIndex < 43_000 && !$0.foundBySearchBack }
            .map { $0.detectedAtIndex - $0.rPeakIndex }
        #expect(delays.count > 100)
        #expect((delays.max() ?? .max) <= 126)
    }

    @Test func searchBackFindsABeatBelowTheThreshold() throws {
        var (samples, labels) = simulate(.sinus(rate: 70), seconds: 60, noise: .none)
        // One beat at 35 % of its size.
        let small = Int(labels[40].rPeakIndex)
        for n in small - 100...small + 100 { samples[n] *= 0.35 }
        let found = detect(samples)
        let score = score(found, labels)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
        let beat = try #require(found.first { abs($0.rPeakIndex - Int64(small)) < 10 })
        #expect(beat.foundBySearchBack)
        #expect(beat.detectedAtIndex - beat.rPeakIndex > 126)
        #expect(found.filter(\.foundBySearchBack).count == 1)
    }

    @Test func searchBackInventsNothingInAPause() {
        let (samples, labels) = simulate(
            [
                SimulatedSegment(.sinus(rate: 70), seconds: 30), SimulatedSegment(.asystole, seconds: 12),
                SimulatedSegment(.sinus(rate: 70), seconds: 20),
            ])
        let score = score(detect(samples), labels)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
    }

    @Test func aGiantArtefactDoesNotBlindTheDetector() {
        // A defibrillator or a pulled electrode: 50 mV for 100 ms.
        var (samples, labels) = simulate(.sinus(rate: 75), seconds: 60)
        for n in 10_000..<10_036 { samples[n] += 50 }
        let found = detect(samples)
        let score = score(found, labels)
        #expect(score.missed <= 2 && score.extra <= 3, "\(score)")
        #expect(found.filter { $0.rPeakIndex > 10_720 }.allSatisfy { $0.detectedAtIndex - $0.rPeakIndex < 720 })
        // With the averages of 1985 alone it would.
        let relearning: PanTompkinsDetector.Additions = [.relearning, .earlyRelearning, .smallBeats]
        let averaging = detect(
            samples, with: PanTompkinsDetector(leavingOut: relearning.union([.medianLevels, .amplitudeScale])))
        #expect(averaging.count < labels.count * 2 / 3)
    }

    @Test(arguments: [8.0, 0.2])
    func aLastingChangeOfAmplitudeIsFollowed(factor: Float) {
        var (samples, labels) = simulate(.sinus(rate: 75), seconds: 120, noise: .none)
        for n in samples.indices where n > 14_400 { samples[n] *= factor }
        let found = detect(samples)
        let late = labels.filter { $0.rPeakIndex > 14_400 + 10 * 360 }
        var score = BeatScore()
        score.add(
            reference: late.map(\.rPeakIndex), found: found.map(\.rPeakIndex).filter { $0 > 14_400 + 10 * 360 })
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
    }

    @Test func beatsBeginningAfterALongFlatStartAreFound() {
        let (samples, labels) = simulate(
            [SimulatedSegment(.asystole, seconds: 25), SimulatedSegment(.sinus(rate: 70), seconds: 40)])
        let score = score(detect(samples), labels)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
    }

    @Test func anOffsetOfTheStartMakesNoBeat() {
        let flat = [Float](repeating: -4.9, count: 7_200)
        #expect(detect(flat).isEmpty)
        let (samples, labels) = simulate(.sinus(rate: 75), seconds: 30)
        #expect(detect(samples.map { $0 + 5 }).map(\.rPeakIndex) == detect(samples).map(\.rPeakIndex))
        #expect(labels.count > 30)
    }

    @Test func nonfiniteValuesDoNotPoisonTheDetector() {
        var (samples, labels) = simulate(.sinus(rate: 75), seconds: 60)
        for n in stride(from: 3_000, to: 3_400, by: 3) { samples[n] = .nan }
        samples[8_000] = .infinity
        samples[8_001] = -.infinity
        samples[9_000] = .greatestFiniteMagnitude
        let found = detect(samples)
        let late = labels.map(\.rPeakIndex).filter { $0 > 12_000 }
        var score = BeatScore()
        score.add(reference: late, found: found.map(\.rPeakIndex).filter { $0 > 12_000 })
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
        #expect(detect([.nan, .nan, .nan]).isEmpty)
        #expect(detect([]).isEmpty)
    }

    @Test func resetForgetsEverythingAndFlushReportsTheLastBeats() {
        let (samples, labels) = simulate(.sinus(rate: 75), seconds: 30)
        var used = PanTompkinsDetector()
        for sample in samples { _ = used.step(sample * 7 + 1) }
        used.reset()
        #expect(detect(samples, with: used) == detect(samples))
        // A stretch that ends 30 ms after an R peak: the beat is still reported.
        let end = Int(labels[20].rPeakIndex) + 11
        let found = detect(Array(samples.prefix(end)))
        #expect(found.last.map { abs($0.rPeakIndex - labels[20].rPeakIndex) <= 2 } ?? false)
        #expect(found.allSatisfy { $0.detectedAtIndex < end && $0.rPeakIndex < end })
        // And one shorter than the learning phase.
        let short = detect(Array(samples.prefix(600)))
        #expect(short.count == labels.filter { $0.rPeakIndex < 590 }.count)
    }

    @Test func aCopyIsIndependentOfItsOriginal() {
        let (samples, _) = simulate(.bigeminy(rate: 80), seconds: 40)
        var first = PanTompkinsDetector()
        var found: [QRSDetection] = []
        for sample in samples.prefix(7_000) { if let beat = first.step(sample) { found.append(beat) } }
        var second = first
        for _ in 0..<2_000 { _ = first.step(9) }
        for sample in samples.dropFirst(7_000) { if let beat = second.step(sample) { found.append(beat) } }
        #expect(found + second.flush() == detect(samples))
    }

    @Test func noiseOfUsualKindsLeavesTheBeats() {
        let noise = SimulatedNoise(white: 0.03, baselineWander: 0.8, mains: 0.15, mainsFrequency: 60, muscle: 0.05)
        let (samples, labels) = simulate(.sinus(rate: 80), seconds: 120, amplitude: 1, noise: noise)
        let score = score(detect(samples), labels)
        #expect(score.missed <= 1 && score.extra <= 1, "\(score)")
    }
}
