import ECGATKGAN
import ECGSignal
import Foundation
import Testing

@testable import ECGMonitor

@Suite struct AtrialFibrillationTests {
    @Test(arguments: [70.0, 95, 130], [1, 2] as [UInt64])
    func fibrillationIsToldWithinThirtySeconds(rate: Double, seed: UInt64) throws {
        let stream = try MonitoredStream.watching(
            [.init(.atrialFibrillation(rate: rate), seconds: 40)], seed: seed)
        let start = try #require(stream.alerts(.atrialFibrillation).first)
        #expect(start.alert.phase == .started && start.alert.priority == .medium)
        #expect(stream.seconds(start.event.decidedAtSampleIndex) <= 30)
    }

    /// Sinus rhythm that quickens and slows with each breath.
    private static let sinusArrhythmia = (0..<60).map {
        SimulatedSegment(.sinus(rate: $0 % 2 == 0 ? 58 : 82), seconds: 2.5)
    }
    /// Premature atrial beats after one to five sinus beats.
    private static let prematureBeats = (0..<30).map { index in
        let every = [3, 2, 5, 4, 2, 6, 3][index % 7]
        return SimulatedSegment(
            .supraventricularGroups(rate: 72, every: every, count: 1, groupRate: 110), seconds: [5, 3, 4][index % 3])
    }
    /// Rhythms that are irregular, or look so, with P waves.
    private static let others: [[SimulatedSegment]] = [
        sinusArrhythmia, prematureBeats, [.init(.bigeminy(rate: 80), seconds: 150)],
        [.init(.trigeminy(rate: 75), seconds: 150)],
        [.init(.ventricularGroups(rate: 72, every: 4, count: 1, groupRate: 110), seconds: 150)],
        [.init(.ventricularGroups(rate: 80, every: 5, count: 2, groupRate: 130), seconds: 150)],
        [.init(.sinus(rate: 45), seconds: 150)], [.init(.sinus(rate: 140), seconds: 150)],
    ]

    @Test(arguments: 0..<8) func irregularRhythmsWithPWavesAreNotFibrillation(number: Int) throws {
        let stream = try MonitoredStream.watching(Self.others[number], seed: 5)
        #expect(stream.count(.atrialFibrillation, .started) == 0)
    }

    @Test func fibrillationEndsWithinHalfAMinuteOfSinusRhythm() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 60), .init(.atrialFibrillation(rate: 90), seconds: 180), .init(sinus72, seconds: 120),
        ])
        #expect(stream.count(.atrialFibrillation, .started) == 1)
        let end = try #require(stream.alerts(.atrialFibrillation).last)
        #expect(end.alert.endedBecause == .cleared)
        #expect((240...275).contains(stream.seconds(end.event.decidedAtSampleIndex)))
    }

    @Test func aQuarterOfAnHourOfFibrillationIsOneAlert() throws {
        let stream = try MonitoredStream.watching([.init(.atrialFibrillation(rate: 85), seconds: 900)], seed: 3)
        #expect(stream.count(.atrialFibrillation, .started) == 1)
        #expect(stream.alerts(.atrialFibrillation).last?.alert.endedBecause == .sessionEnded)
    }

    @Test func anotherLeadStartsAfresh() throws {
        let (samples, labels) = simulated([.init(.atrialFibrillation(rate: 90), seconds: 40)])
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<(18 * 360)]))
        stream.lead = "V1"
        try stream.feed(Array(samples[(18 * 360)...]))
        let start = stream.alerts(.atrialFibrillation).first
        #expect(start.map { stream.seconds($0.event.decidedAtSampleIndex) >= 30 } ?? true)
    }

    // MARK: Features

    /// Windows with a P wave of a height (mV) at R-160 ms, and with waves that differ from beat to beat.
    /// Beats of the same shape and different size: the median beat over the median height is the same for any number.
    @Test(arguments: [5, 8, 31, 32]) func mediansOverBeatsAreThoseOfSortedValues(_ count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        var activity = AtrialActivity()
        let window = (0..<280).map { sample -> Float in
            (104..<176).contains(sample) ? Float(sample % 2) : sample < 60 ? Float(sample % 30) * 5e-3 : 0
        }
        for place in 0..<count {
            let size = Float.random(in: 0.5...2, using: &generator)
            window.withUnsafeBufferPointer { activity.store($0, range: size, at: place) }
        }
        let features = activity.features(of: count == 32 ? .max : (1 << UInt32(count)) - 1)
        var one = AtrialActivity()
        for place in 0..<5 { window.withUnsafeBufferPointer { one.store($0, range: 1, at: place) } }
        #expect(abs(features.amplitude - one.features(of: 0b11111).amplitude) < 0.02)
        #expect(features.correlation > 0.99)
    }

    private func activity(pWave: Float, waves: Float) -> AtrialActivity.Features {
        var random = SeededGenerator(seed: 9)
        var activity = AtrialActivity()
        for place in 0..<20 {
            let phase = 6.28 * Float(random.uniform())
            var window = (0..<280).map { index -> Float in
                let time = Float(index - 140) / 360
                let p = pWave * exp(-0.5 * (time + 0.16) * (time + 0.16) / (0.022 * 0.022))
                return p + waves * sin(6.28 * 6 * time + phase) + exp(-0.5 * time * time / (0.01 * 0.01))
            }
            let range = window.max()! - window.min()!
            #expect(BeatWindow.scaleToUnitInterval(&window))
            window.withUnsafeBufferPointer { activity.store($0, range: range, at: place) }
        }
        return activity.features(of: (1 << 20) - 1)
    }

    @Test func aPWaveIsWhatAllBeatsHaveInCommon() {
        let sinus = activity(pWave: 0.15, waves: 0.01)
        let fibrillation = activity(pWave: 0, waves: 0.05)
        #expect(sinus.correlation > 0.9 && fibrillation.correlation < 0.5)
        #expect(sinus.ratio > fibrillation.ratio + 1 && sinus.residual < fibrillation.residual)
        // The same with the electrodes exchanged.
        let reversed = activity(pWave: -0.15, waves: 0.01)
        #expect(reversed.correlation > 0.9 && abs(reversed.amplitude - sinus.amplitude) < 0.2)
    }

    @Test func fewBeatsSayNothingOfTheAtria() {
        let features = AtrialActivity().features(of: 0b1111)
        #expect(features.correlation == AtrialActivity.Features().correlation)
    }

    private func features(_ intervals: [Double], ventricular: Set<Int> = []) -> AtrialFibrillationFeatures.Values? {
        var features = AtrialFibrillationFeatures()
        for (number, seconds) in intervals.enumerated() {
            features.add(
                seconds: seconds, isInterval: number > 0, beatClass: ventricular.contains(number) ? .ventricular : .normal,
                hasSegment: false)
        }
        return features.values()
    }

    @Test func ectopicBeatsAreNoIrregularity() throws {
        var intervals = [Double](repeating: 0.8, count: 40)
        let early = stride(from: 4, to: 40, by: 6)
        for index in early {
            intervals[index] = 0.5
            intervals[index + 1] = 1.1
        }
        let regular = try #require(features(intervals, ventricular: Set(early)))
        #expect(regular.features[2] == 0 && regular.features[3] < 0.01)
        let irregular = try #require(features(intervals))
        #expect(irregular.features[2] > 0.2 && irregular.features[3] > 0.1)
    }

    @Test func featuresLookBackThirtySeconds() throws {
        let irregular = (0..<30).map { number -> Double in 0.6 + 0.08 * Double(number * 7 % 5) }
        let regular = [Double](repeating: 0.8, count: 40)
        let values = try #require(features(irregular + regular))
        #expect(values.features[3] < 0.01 && (29...31).contains(values.seconds))
        #expect(features([Double](repeating: 0.8, count: 12)) == nil)
    }

    @Test func theModelHasACoefficientForEachFeature() {
        for values in [
            AtrialFibrillationWeights.mean, AtrialFibrillationWeights.scale, AtrialFibrillationWeights.linear,
            AtrialFibrillationWeights.square,
        ] {
            #expect(values.count == AtrialFibrillationFeatures.count && values.allSatisfy(\.isFinite))
        }
        #expect(AtrialFibrillationWeights.scale.allSatisfy { $0 > 0 })
        #expect(AtrialFibrillationFeatures.names.count == AtrialFibrillationFeatures.count)
    }
}
