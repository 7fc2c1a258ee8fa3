import ECGSignal
import Foundation
import Testing

@testable import ECGMonitor

@Suite struct SignalConditionAlertTests {
    @Test func electrodeOffIsReportedAndDetectionStartsAfresh() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 60)])
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<7_200]))
        try stream.feed(Array(samples[7_200..<9_000]), leadOff: true)
        try stream.feed(Array(samples[9_000...]))
        stream.finish()
        let off = stream.alerts(.leadOff)
        #expect(off.map(\.alert.phase) == [.started, .ended])
        // It begins where the flag does, and is told once it lasts longer than a flicker that is bridged.
        #expect(off.first?.event.sampleIndex == 7_200 && off.first?.event.decidedAtSampleIndex == 7_380)
        #expect(off.last?.event.sampleIndex == 9_089)
        #expect(off.first?.alert.priority == .technical)
        // Nothing is read out of what the electrode did not see, and its silence is no asystole.
        #expect(stream.beats.allSatisfy { !(7_200..<9_000).contains($0.event.sampleIndex) })
        #expect(stream.started == [.leadOff])
        let first = try #require(stream.beats.first { $0.event.sampleIndex > 9_000 })
        #expect(first.beat.rrIntervalSeconds == nil)
        #expect(stream.beats.filter { $0.event.sampleIndex > 9_000 }.count > 30)
    }

    @Test func invalidSamplesAreReportedAndYieldNoBeats() throws {
        let (clean, labels) = simulated([.init(sinus72, seconds: 60)])
        var samples = clean
        for index in 7_000..<7_400 { samples[index] = .nan }
        for index in 14_000..<15_500 { samples[index] = .infinity }
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        #expect(stream.receipts.reduce(0) { $0 + $1.invalidSamples } == 1_900)
        let invalid = stream.statuses.filter { $0.status.condition == .invalidSamples }
        #expect(invalid.first?.event.sampleIndex == 7_000)
        // The short one is a status, the long one an alert.
        let lost = stream.alerts(.signalLost)
        #expect(lost.map(\.alert.phase) == [.started, .ended])
        #expect(lost.first?.alert.onsetSampleIndex == 14_000)
        for (event, beat) in stream.beats where beat.beatClass != nil {
            let window = (event.sampleIndex - 140)..<(event.sampleIndex + 140)
            #expect(!window.overlaps(7_000..<7_400) && !window.overlaps(14_000..<15_500))
        }
    }

    @Test func saturationIsNotAsystole() throws {
        let (clean, labels) = simulated([.init(sinus72, seconds: 60)])
        var samples = clean
        for index in 7_200..<10_800 { samples[index] = 5 }
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        #expect(stream.statuses.contains { $0.status.condition == .saturation })
        #expect(stream.count(.signalLost, .started) == 1 && stream.count(.signalLost, .ended) == 1)
        #expect(stream.count(.asystole, .started) == 0)
        #expect(stream.beats.filter { $0.event.sampleIndex > 12_000 }.count > 20)
    }

    @Test func noiseIsReported() throws {
        let quiet = simulated([.init(sinus72, seconds: 30)])
        let noisy = simulated([.init(sinus72, seconds: 20)], seed: 2, noise: .init(muscle: 2))
        var stream = MonitoredStream()
        try stream.feed(quiet.samples)
        try stream.feed(noisy.samples)
        try stream.feed(quiet.samples)
        stream.finish()
        #expect(stream.count(.noisySignal, .started) == 1)
        #expect(stream.count(.noisySignal, .ended) == 1)
        #expect(stream.alerts(.noisySignal).first?.alert.priority == .technical)
    }

    /// Sinus rhythm whose electrode comes off at 40 s: the amplifier discharges, and no beat is seen until it is back.
    static func discharging(seconds: Double) -> (samples: [Float], labels: [ECGSimulator.Label]) {
        let from = 40.0
        var (samples, labels) = simulated([.init(sinus72, seconds: 90)])
        let level = samples[Int(from * 360)]
        for n in 0..<Int(seconds * 360) {
            let t = Float(n) / 360
            samples[Int(from * 360) + n] = t < 0.4 ? level + 2.5 * t / 0.4 : level + 2.5 * exp(-(t - 0.4) / 1.3)
        }
        labels.removeAll { (from...from + seconds).contains(Double($0.rPeakIndex) / 360) }
        return (samples, labels)
    }

    @Test func electrodeMotionIsATechnicalAlertNotAPause() throws {
        let (samples, labels) = Self.discharging(seconds: 4.5)
        for judged in [true, false] {
            var configuration = MonitorConfiguration()
            configuration.judgesSignalQuality = judged
            var stream = MonitoredStream(configuration: configuration)
            stream.labels = labels
            try stream.feed(samples)
            stream.finish()
            #expect(stream.started.contains(.noisySignal) == judged)
            let reported = stream.count(.pause, .started) + stream.count(.asystole, .started)
            #expect((reported > 0) == !judged)
        }
    }

    @Test func asystoleAlarmsInSevenSecondsEvenInNoise() throws {
        let (samples, labels) = Self.discharging(seconds: 20)
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        let reported = try #require(stream.alerts(.asystole).first)
        let last = try #require(labels.last { $0.rPeakIndex < 40 * 360 })
        #expect(stream.seconds(reported.event.decidedAtSampleIndex - last.rPeakIndex) < 7.5)
    }

    @Test func cardiacArrestOnAGoodElectrodeIsAsystoleWithoutDelay() throws {
        for noise in [SimulatedNoise.none, SimulatedNoise(white: 0.02, baselineWander: 0.3, mains: 0.1)] {
            let stream = try MonitoredStream.watching(
                [.init(sinus72, seconds: 40), .init(.asystole, seconds: 20), .init(sinus72, seconds: 20)], noise: noise)
            let reported = try #require(stream.alerts(.asystole).first)
            let last = try #require(stream.labels.last { $0.rPeakIndex < 45 * 360 })
            #expect(stream.seconds(reported.event.decidedAtSampleIndex - last.rPeakIndex) <= 5)
        }
    }

    @Test func noiseThatImitatesBeatsIsNoTachycardiaButARealOneIs() throws {
        let noise = SimulatedNoise(electrodeMotion: 0.8)
        let calm = simulated([.init(sinus72, seconds: 60)])
        let shaken = simulated([.init(sinus72, seconds: 120)], seed: 4, noise: noise)
        var stream = MonitoredStream()
        try stream.feed(calm.samples + shaken.samples)
        stream.finish()
        #expect(stream.count(.noisySignal, .started) >= 1)
        #expect(stream.count(.tachycardia, .started) + stream.count(.extremeTachycardia, .started) == 0)

        let fast = simulated([.init(.sinus(rate: 132), seconds: 60)], noise: SimulatedNoise(muscle: 0.4))
        var real = MonitoredStream()
        try real.feed(fast.samples)
        real.finish()
        #expect(real.count(.noisySignal, .started) >= 1)
        #expect(real.count(.tachycardia, .started) + real.count(.extremeTachycardia, .started) >= 1)
    }

    @Test(arguments: [50.0, 60])
    func mainsHumChangesNoBeatAndRaisesNothing(hertz: Double) throws {
        let script: [SimulatedSegment] = [
            .init(.ventricularGroups(rate: 75, every: 9, count: 1, groupRate: 120), seconds: 60)
        ]
        let clean = try MonitoredStream.watching(script)
        let humming = try MonitoredStream.watching(script, noise: SimulatedNoise(mains: 0.2, mainsFrequency: hertz))
        #expect(humming.count(.noisySignal, .started) == 0)
        #expect(humming.beats.count == clean.beats.count)
        #expect(zip(humming.beats, clean.beats).allSatisfy { abs($0.event.sampleIndex - $1.event.sampleIndex) <= 3 })
        #expect(humming.started == clean.started)
    }

    @Test func aLongGapIsALostSignalAndAShortOneIsNot() throws {
        let (samples, _) = simulated([.init(sinus72, seconds: 60)])
        var stream = MonitoredStream()
        try stream.feed(Array(samples[..<7_200]))
        stream.nextIndex = 7_400
        try stream.feed(Array(samples[7_400..<14_000]))
        stream.nextIndex = 14_720
        try stream.feed(Array(samples[14_720...]))
        #expect(stream.gaps.count == 2)
        let lost = stream.alerts(.signalLost)
        #expect(lost.map(\.alert.phase) == [.started, .ended])
        #expect(lost.first?.event.sampleIndex == 14_000 && lost.last?.event.sampleIndex == 14_720)
        #expect(lost.allSatisfy { $0.alert.basis == .samples })
    }

    @Test func alertSurvivesAShortInterruptionButNotALongOne() throws {
        for (gap, outlives) in [(3 * 360, true), (30 * 360, false)] {
            let (samples, labels) = simulated([.init(.sinus(rate: 132), seconds: 120)])
            var stream = MonitoredStream()
            stream.labels = labels
            try stream.feed(Array(samples[..<14_400]))
            stream.nextIndex = Int64(14_400 + gap)
            try stream.feed(Array(samples[(14_400 + gap)...]))
            #expect(stream.count(.tachycardia, .started) == (outlives ? 1 : 2))
            let ends = stream.alerts(.tachycardia).filter { $0.alert.phase == .ended }
            #expect(ends.map(\.alert.endedBecause) == (outlives ? [] : [.signalInterrupted]))
        }
    }

    @Test func aStatusComesEveryFewSecondsOfSignal() throws {
        let stream = try MonitoredStream.watching([.init(sinus72, seconds: 60)])
        let times = stream.statuses.map { $0.event.decidedAtSampleIndex }
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= 5 * 360 + 90 })
        #expect(times.count <= 16)
    }
}
