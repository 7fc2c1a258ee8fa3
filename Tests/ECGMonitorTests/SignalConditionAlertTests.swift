import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct SignalConditionAlertTests {
    @Test func anElectrodeThatIsOffIsSaidAndDetectionStartsAfresh() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 60)])
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<7_200]))
        try stream.feed(Array(samples[7_200..<9_000]), leadOff: true)
        try stream.feed(Array(samples[9_000...]))
        stream.finish()
        let off = stream.alerts(.leadOff)
        #expect(off.map(\.alert.phase) == [.started, .ended])
        #expect(off.first?.event.sampleIndex == 7_200 && off.first?.event.decidedAtSampleIndex == 7_200)
        #expect(off.first?.alert.priority == .technical)
        // Nothing is read out of what the electrode did not see, and its silence is no asystole.
        #expect(stream.beats.allSatisfy { !(7_200..<9_000).contains($0.event.sampleIndex) })
        #expect(stream.started == [.leadOff])
        let first = try #require(stream.beats.first { $0.event.sampleIndex > 9_000 })
        #expect(first.beat.rrIntervalSeconds == nil)
        #expect(stream.beats.filter { $0.event.sampleIndex > 9_000 }.count > 30)
    }

    @Test func invalidSamplesAreSignalledAndNeverBridged() throws {
        let (clean, labels) = simulated([.init(sinus72, seconds: 60)])
        var samples = clean
        for index in 7_000..<7_050 { samples[index] = .nan }
        for index in 14_000..<15_500 { samples[index] = .infinity }
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        #expect(stream.receipts.reduce(0) { $0 + $1.invalidSamples } == 1_550)
        let invalid = stream.statuses.filter { $0.status.condition == .invalidSamples }
        #expect(invalid.first?.event.sampleIndex == 7_000)
        // The short one is a status, the long one an alert.
        let lost = stream.alerts(.signalLost)
        #expect(lost.map(\.alert.phase) == [.started, .ended])
        #expect(lost.first?.alert.onsetSampleIndex == 14_000)
        for (event, beat) in stream.beats where beat.beatClass != nil {
            let window = (event.sampleIndex - 140)..<(event.sampleIndex + 140)
            #expect(!window.overlaps(7_000..<7_050) && !window.overlaps(14_000..<15_500))
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

    @Test func noiseIsSaidAloud() throws {
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

    @Test func anAlertOutlivesAShortInterruptionAndNotALongOne() throws {
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
