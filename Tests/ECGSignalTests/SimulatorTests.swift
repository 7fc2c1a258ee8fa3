import ECGSignal
import Testing

struct SimulatorTests {
    private static func record(_ script: [SimulatedSegment], seconds: Double, rate: Double = 360, seed: UInt64 = 1) -> (
        millivolts: [Float], labels: [ECGSimulator.Label]
    ) {
        var simulator = ECGSimulator(.init(samplingRate: rate, seed: seed, script: script))
        return simulator.record(seconds: seconds)
    }

    @Test func equalSeedsGiveEqualSignalsAndOthersDoNot() {
        let noise = SimulatedNoise(
            white: 0.02, baselineWander: 0.1, mains: 0.05, muscle: 0.05, electrodeMotion: 0.1)
        func run(_ seed: UInt64) -> ([Float], [ECGSimulator.Label]) {
            var simulator = ECGSimulator(
                .init(
                    seed: seed, script: [SimulatedSegment(.atrialFibrillation(rate: 100), seconds: 30)], noise: noise))
            return simulator.record(seconds: 30)
        }
        let (first, second, other) = (run(5), run(5), run(6))
        #expect(first.0 == second.0 && first.1 == second.1)
        #expect(first.0 != other.0 && first.1 != other.1)
    }

    @Test func processingSamplesInPiecesChangesNothing() {
        var whole = ECGSimulator()
        var pieces = ECGSimulator()
        let all = whole.record(seconds: 20)
        var samples: [Float] = []
        var labels: [ECGSimulator.Label] = []
        while samples.count < 7_200 {
            for _ in 0..<90 { samples.append(pieces.next()) }
            labels += pieces.takeLabels()
        }
        #expect(samples == all.millivolts && labels == all.labels)
    }

    @Test(arguments: [250.0, 360, 1_000])
    func labelIsAtTheHighestSampleOfTheBeat(rate: Double) {
        for rhythm in [SimulatedSegment.Rhythm.sinus(rate: 70), .ventricular(rate: 60)] {
            let (millivolts, labels) = Self.record([SimulatedSegment(rhythm, seconds: 30)], seconds: 30, rate: rate)
            #expect(labels.count >= 28)
            for label in labels where Int(label.rPeakIndex) + 20 < millivolts.count {
                let r = Int(label.rPeakIndex)
                let reach = Int(rate / 30)
                let highest = (r - reach...r + reach).max { millivolts[$0] < millivolts[$1] }
                #expect(highest == r)
            }
        }
    }

    @Test(arguments: [30.0, 60, 100, 180])
    func theRateIsTheOneAskedFor(rate: Double) {
        for rhythm in [SimulatedSegment.Rhythm.sinus(rate: rate), .atrialFibrillation(rate: rate)] {
            let labels = Self.record([SimulatedSegment(rhythm, seconds: 300)], seconds: 300).labels
            #expect(abs(Double(labels.count) / 5 / rate - 1) < 0.06, "\(rhythm): \(labels.count) in 5 min")
        }
    }

    @Test func theClassesFollowTheScript() {
        func letters(_ rhythm: SimulatedSegment.Rhythm) -> String {
            String(Self.record([SimulatedSegment(rhythm, seconds: 30)], seconds: 30).labels.prefix(12).map(\.letter))
        }
        #expect(letters(.bigeminy(rate: 80)) == "NVNVNVNVNVNV")
        #expect(letters(.trigeminy(rate: 80)) == "NNVNNVNNVNNV")
        #expect(letters(.ventricularGroups(rate: 80, every: 4, count: 2, groupRate: 150)) == "NNNNVVNNNVVN")
        #expect(letters(.supraventricularGroups(rate: 80, every: 5, count: 3, groupRate: 150)) == "NNNNNSSSNNNN")
        #expect(letters(.ventricular(rate: 160)) == "VVVVVVVVVVVV")
        #expect(letters(.bidirectional(rate: 90)) == "VVVVVVVVVVVV")
        #expect(letters(.alternatingBigeminy(rate: 60, prematurity: 0.6)) == "NVNVNVNVNVNV")
    }

    @Test func everySecondBidirectionalSystoleIsUpsideDown() {
        let (millivolts, labels) = Self.record([SimulatedSegment(.bidirectional(rate: 90), seconds: 20)], seconds: 20)
        let signs = labels.dropLast().map { millivolts[Int($0.rPeakIndex)] > 0 }
        #expect(zip(signs, signs.dropFirst()).allSatisfy { $0 != $1 })
    }

    @Test func simulatedFibrillationHasWavesButNoBeatsAndEndsOnTime() {
        let script = [
            SimulatedSegment(.sinus(rate: 60), seconds: 10), SimulatedSegment(.ventricularFibrillation, seconds: 10),
            SimulatedSegment(.sinus(rate: 60), seconds: 10),
        ]
        let (millivolts, labels) = Self.record(script, seconds: 30)
        #expect(!labels.contains { $0.rPeakIndex > 11 * 360 && $0.rPeakIndex < 20 * 360 })
        let waves = millivolts[12 * 360..<19 * 360]
        let crossings = zip(waves, waves.dropFirst()).count { ($0 < 0) != ($1 < 0) }
        #expect((7 * 2 * 3...7 * 2 * 7).contains(crossings))
        #expect((waves.max() ?? 0) > 0.3 && (waves.min() ?? 0) < -0.3)
        #expect(labels.contains { $0.rPeakIndex > 25 * 360 })
    }

    @Test func simulatedAsystoleHasNoBeatsAndEndsOnTime() {
        let script = [
            SimulatedSegment(.sinus(rate: 60), seconds: 10), SimulatedSegment(.asystole, seconds: 8),
            SimulatedSegment(.sinus(rate: 60), seconds: 10),
        ]
        let labels = Self.record(script, seconds: 28).labels
        let gaps = zip(labels, labels.dropFirst()).map { $1.rPeakIndex - $0.rPeakIndex }
        #expect(gaps.max().map { $0 > 6 * 360 && $0 < 10 * 360 } ?? false)
        #expect(gaps.filter { $0 > 2 * 360 }.count == 1)
        // For ever, too.
        let still = Self.record([SimulatedSegment(.asystole, seconds: .infinity)], seconds: 5)
        #expect(still.labels.isEmpty && still.millivolts.allSatisfy { $0 == 0 })
    }

    @Test func ventricularBeatsAreWideTallAndDiscordant() {
        let (millivolts, labels) = Self.record(
            [SimulatedSegment(.ventricularGroups(rate: 60, every: 6, count: 1, groupRate: 100), seconds: 60)],
            seconds: 60)
        func width(_ r: Int) -> Int { (r - 60...r + 60).filter { millivolts[$0] > 0.3 * millivolts[r] }.count }
        for label in labels where Int(label.rPeakIndex) + 150 < millivolts.count && label.rPeakIndex > 60 {
            let r = Int(label.rPeakIndex)
            let tWave = millivolts[r + 90..<r + 140].reduce(0, +)
            if label.letter == "V" {
                #expect(width(r) >= 30 && millivolts[r] > 1.4 && tWave < 0)
            } else {
                #expect(width(r) < 20 && tWave > 0)
            }
        }
    }

    @Test func anUnusableConfigurationIsBroughtIntoRange() {
        for rate in [0, -1, Double.nan, .infinity] {
            var simulator = ECGSimulator(.init(samplingRate: rate, script: []))
            for _ in 0..<1_000 { #expect(simulator.next().isFinite) }
        }
        var strange = ECGSimulator(
            .init(script: [SimulatedSegment(.sinus(rate: .nan), seconds: .nan)], amplitude: 0))
        for _ in 0..<1_000 { _ = strange.next() }
    }
}
