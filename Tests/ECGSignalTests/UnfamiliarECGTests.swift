import ECGSignal
import Foundation
import Testing

/// ECG that the detector's constants were not chosen on: low and alternating heights, small beats beside large ones,
/// sudden changes of gain, very wide complexes, very high rates; and signals without any beat.
struct UnfamiliarECGTests {
    // MARK: Waveforms, in millivolts, by the seconds from the apex

    private static func bump(_ t: Double, at centre: Double, width: Double, height: Double) -> Double {
        height * exp(-(t - centre) * (t - centre) / (2 * width * width))
    }

    private static func narrow(_ t: Double, _ height: Double) -> Double {
        let p = bump(t, at: -0.17, width: 0.022, height: 0.1 * height)
        let r = bump(t, at: 0, width: 0.011, height: height)
        let s = bump(t, at: 0.03, width: 0.009, height: -0.22 * height)
        return p + r + s + bump(t, at: 0.28, width: 0.05, height: 0.2 * height)
    }

    private static func wide(_ t: Double, _ height: Double) -> Double {
        let r = bump(t, at: 0, width: 0.045, height: height)
        let s = bump(t, at: 0.085, width: 0.035, height: -0.35 * height)
        return r + s + bump(t, at: 0.3, width: 0.07, height: -0.35 * height)
    }

    /// A plateau of 220 ms between two steep slopes.
    private static func plateau(_ t: Double, _ height: Double) -> Double {
        let rise: Double = 1 + exp(-(t + 0.01) / 0.008)
        let fall: Double = 1 + exp((t - 0.21) / 0.008)
        return height * (1 - max(0, t)) / (rise * fall)
    }

    private static func neonatal(_ t: Double, _ height: Double) -> Double {
        let r = bump(t, at: 0, width: 0.007, height: height)
        let s = bump(t, at: 0.018, width: 0.006, height: -0.22 * height)
        return r + s + bump(t, at: 0.11, width: 0.02, height: 0.13 * height)
    }

    private static func times(_ rate: Double, from start: Double, to end: Double) -> [Double] {
        Array(stride(from: start, to: end, by: 60 / rate))
    }

    private static func signal(
        _ times: [Double], seconds: Double, noise: Double = 0.008, _ shape: (Int, Double) -> Double
    ) -> [Float] {
        var generator = SeededGenerator(seed: 5)
        var samples: [Double] = []
        for n in 0..<Int(seconds * 360) {
            // The sum of twelve is nearly Gaussian.
            var sum: Double = -6
            for _ in 0..<12 { sum += Double.random(in: 0..<1, using: &generator) }
            let wander: Double = 0.05 * sin(1.3 * Double(n) / 360)
            samples.append(noise * sum + wander)
        }
        for (number, time) in times.enumerated() {
            for n in max(0, Int((time - 0.4) * 360))..<max(0, min(samples.count, Int((time + 0.7) * 360))) {
                samples[n] += shape(number, Double(n) / 360 - time)
            }
        }
        return samples.map { Float($0) }
    }

    /// - Parameter start: beats before this second do not count.
    private static func score(_ found: [QRSDetection], _ times: [Double], from start: Double = 0) -> BeatScore {
        var score = BeatScore()
        score.add(
            reference: times.filter { $0 >= start }.map { Int64(($0 * 360).rounded()) },
            found: found.map(\.rPeakIndex).filter { Double($0) >= start * 360 - 18 })
        return score
    }

    // MARK: Heights

    @Test(arguments: [60.0, 75, 110], [(0.5, 1.2), (0.3, 0.72)])
    func beatsOfAlternatingHeightAreAllFound(rate: Double, heights: (Double, Double)) {
        let times = Self.times(rate, from: 0.5, to: 59)
        let samples = Self.signal(times, seconds: 60) {
            Self.narrow($1, $0.isMultiple(of: 2) ? heights.0 : heights.1)
        }
        let score = Self.score(detect(samples), times, from: 6)
        #expect(score.missed == 0 && score.extra <= 1, "\(score)")
    }

    @Test(arguments: [(0.5, 2.5), (0.6, 1.8), (1.5, 0.4)])
    func smallBeatsBesideLargeOnesAreFound(normal: Double, ventricular: Double) {
        let times = Self.times(40, from: 0.8, to: 88).flatMap { [$0, $0 + 0.5] }
        let samples = Self.signal(times, seconds: 90) {
            $0.isMultiple(of: 2) ? Self.narrow($1, normal) : Self.wide($1, ventricular)
        }
        let score = Self.score(detect(samples), times, from: 6)
        #expect(score.missed <= 2 && score.extra <= 1, "\(score)")
    }

    @Test(arguments: [50.0, 75, 120], [0.5, 0.25, 0.2])
    func aGainThatFallsLeavesNoSilence(rate: Double, factor: Double) {
        let times = Self.times(rate, from: 0.5, to: 59)
        var samples = Self.signal(times, seconds: 60) { Self.narrow($1, 1) }
        for n in samples.indices where n > 30 * 360 { samples[n] *= Float(factor) }
        let found = detect(samples)
        let score = Self.score(found, times)
        #expect(score.missed == 0 && score.extra == 0, "\(score)")
        let silence = zip(found, found.dropFirst()).map { $1.detectedAtIndex - $0.detectedAtIndex }.max() ?? .max
        #expect(silence < Int64(3.5 * 360))
    }

    @Test(arguments: [0.2, 0.25, 0.3])
    func lowVoltageIsNoAsystole(peakToPeak: Double) {
        let times = Self.times(75, from: 0.5, to: 59)
        let samples = Self.signal(times, seconds: 60, noise: 0.006) { Self.narrow($1, peakToPeak / 1.25) }
        let score = Self.score(detect(samples), times)
        #expect(score.missed <= 1 && score.extra == 0, "\(score)")
    }

    // MARK: Muscle noise

    /// Six seconds of standstill are filled with bursts of muscle noise, one a second, and the noise goes on when the
    /// heart beats again.
    @Test(arguments: [0.12, 0.15])
    func muscleNoiseAfterTheLastBeatIsNoBeat(rms: Double) {
        let times = Self.times(70, from: 0.5, to: 29.5) + Self.times(70, from: 36.2, to: 59)
        var samples = Self.signal(times, seconds: 60) { Self.narrow($1, 1) }
        var generator = SeededGenerator(seed: 9)
        func gauss() -> Double {
            (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &generator) }
        }
        var (last, before) = (0.0, 0.0)
        for n in Int(30.2 * 360)..<samples.count {
            // From 15 to 60 Hz, as the noise of a muscle is under an electrode.
            (last, before) = (0.45 * last - 0.25 * before + gauss(), last)
            let burst = 0.5 - 0.5 * cos(2 * .pi * Double(n) / 360)
            samples[n] += Float(rms * 1.6 * burst * (last - 0.5 * before))
        }
        func inStandstill(_ detector: PanTompkinsDetector) -> Int {
            detect(samples, with: detector).count { (30.2 * 360..<36 * 360).contains(Double($0.rPeakIndex)) }
        }
        #expect(inStandstill(PanTompkinsDetector()) <= 1)
        #expect(inStandstill(PanTompkinsDetector(leavingOut: .muscleNoise)) >= 3)
        let score = Self.score(detect(samples), times)
        #expect(score.missed == 0 && score.extra <= 3, "\(score)")
    }

    // MARK: Widths and rates

    @Test(arguments: [70.0, 100, 138])
    func aComplexWithTwoSteepSlopesIsFoundOnce(rate: Double) {
        let sinus = Self.times(80, from: 0.5, to: 20)
        let times = sinus + Self.times(rate, from: 20.5, to: 79)
        let samples = Self.signal(times, seconds: 80) {
            $0 < sinus.count ? Self.narrow($1, 2) : Self.plateau($1, 2)
        }
        // The apex may be found at either slope, so only the number of beats is compared.
        let count = detect(samples).count { $0.rPeakIndex > 30 * 360 && $0.rPeakIndex < 75 * 360 }
        #expect(abs(Double(count) - 45 * rate / 60) <= 2, "\(count)")
        let twice = detect(samples, with: PanTompkinsDetector(leavingOut: .wideComplexes))
            .count { $0.rPeakIndex > 30 * 360 && $0.rPeakIndex < 75 * 360 }
        #expect(Double(twice) > 60 * rate / 60)
    }

    @Test(arguments: [120.0, 150, 180, 200])
    func wideComplexesAfterSinusRhythmAreFoundAtOnce(rate: Double) {
        let sinus = Self.times(75, from: 0.5, to: 20)
        let times = sinus + Self.times(rate, from: 20.4, to: 59)
        let samples = Self.signal(times, seconds: 60, noise: 0.01) {
            $0 < sinus.count ? Self.narrow($1, 1) : Self.wide($1, 1.2)
        }
        let found = detect(samples)
        let score = Self.score(found, times)
        #expect(score.missed <= 1 && score.extra <= 1, "\(score)")
        let silence = zip(found, found.dropFirst()).map { $1.detectedAtIndex - $0.detectedAtIndex }.max() ?? .max
        #expect(silence < Int64(3.5 * 360))
    }

    @Test(arguments: [20.0, 30, 250, 300, 320, 340, 350])
    func ratesFrom20To350AreRight(rate: Double) {
        let times = Self.times(rate, from: 1.5, to: 89)
        let samples = Self.signal(times, seconds: 90, noise: 0.006) {
            rate < 100 ? Self.narrow($1, 1) : Self.neonatal($1, 0.6)
        }
        let score = Self.score(detect(samples), times, from: 12)
        #expect(Double(score.missed + score.extra) <= 0.02 * Double(score.beats), "\(score)")
    }

    // MARK: No beats

    @Test(arguments: [0.005, 0.01, 0.02, 0.03])
    func flatNoiseIsNoBeat(noise: Double) {
        #expect(detect(Self.signal([], seconds: 60, noise: noise) { _, _ in 0 }).isEmpty)
        let times = Self.times(75, from: 0.5, to: 30)
        for height in [1, 0.25] {
            let found = detect(Self.signal(times, seconds: 60, noise: noise) { Self.narrow($1, height) })
            #expect(found.allSatisfy { $0.rPeakIndex < 30 * 360 })
        }
    }

    @Test(arguments: [0.1, 0.15])
    func pWavesAloneAreNoBeats(height: Double) {
        let sinus = Self.times(75, from: 0.5, to: 30)
        let times = sinus + Self.times(75, from: 30.1, to: 59)
        let samples = Self.signal(times, seconds: 60) {
            $0 < sinus.count ? Self.narrow($1, 1) : Self.bump($1, at: -0.17, width: 0.022, height: height)
        }
        #expect(detect(samples).allSatisfy { $0.rPeakIndex < 30 * 360 })
        #expect(detect(Array(samples[(31 * 360)...])).isEmpty)
    }
}
