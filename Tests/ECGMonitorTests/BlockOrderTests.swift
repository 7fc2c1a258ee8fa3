import ECGATKGAN
import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct BlockOrderTests {
    @Test func samplesThatCameBeforeAreDroppedAndCounted() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 30)])
        var once = MonitoredStream()
        once.labels = labels
        try once.feed(samples)
        once.finish()

        var twice = MonitoredStream()
        twice.labels = labels
        var position = 0
        while position < samples.count {
            let end = min(samples.count, position + 100)
            try twice.send(twice.block(samples[position..<end], at: Int64(position)))
            // The same again, and once more from its middle on into what is new.
            let again = try twice.send(twice.block(samples[position..<end], at: Int64(position)))
            #expect(again.acceptedSamples == 0 && again.duplicateSamplesDropped == end - position)
            #expect(!again.timeWentBackwards)
            let middle = end - (end - position) / 2
            let further = min(samples.count, end + 30)
            let overlap = try twice.send(twice.block(samples[middle..<further], at: Int64(middle)))
            #expect(overlap.duplicateSamplesDropped == end - middle)
            #expect(overlap.acceptedSamples == further - end)
            position = further
        }
        twice.finish()
        #expect(once.events == twice.events)
        #expect(twice.gaps.isEmpty)
    }

    @Test func gapIsReportedExactlyAndDetectionLearnsAgain() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 60)])
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<7_213]))
        let receipt = try stream.send(stream.block(samples[7_714..<7_800], at: 7_714))
        #expect(receipt.gapSamples == 501)
        try stream.feed(Array(samples[7_800...]))
        stream.finish()

        #expect(stream.gaps == [Gap(firstMissingSampleIndex: 7_213, missingSampleCount: 501)])
        let gap = try #require(stream.statuses.first { $0.status.gap != nil })
        #expect(gap.event.sampleIndex == 7_213)
        #expect(gap.event.decidedAtSampleIndex == 7_714)
        #expect(gap.event.acquisitionTimeNanoseconds == stream.time(of: 7_213))
        let after = stream.statuses.filter { $0.event.decidedAtSampleIndex >= 7_714 && $0.status.gap == nil }
        #expect(after.first?.status.state == .learning)
        #expect(after.contains { $0.status.state == .monitoring })
        // No interval spans the gap.
        let first = try #require(stream.beats.first { $0.event.sampleIndex >= 7_714 })
        #expect(first.beat.rrIntervalSeconds == nil)
        #expect(stream.beats.filter { $0.event.sampleIndex >= 7_714 }.count >= 40)
        #expect(stream.beats.allSatisfy { !(7_213..<7_714).contains($0.event.sampleIndex) })
    }

    @Test func aBeatAtAGapsEdgeIsReportedWithoutAClass() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 60)])
        let before = try #require(labels.first { stream in stream.rPeakIndex > 7_200 })
        // The last 15 samples of its window are missing; the detector has seen the beat by then.
        let cut = Int(before.rPeakIndex) + 125
        let resume = cut + 200
        let after = try #require(labels.first { $0.rPeakIndex > resume + 40 })
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<cut]))
        // 100 samples before the next beat: its window begins in the gap.
        let start = Int(after.rPeakIndex) - 100
        try stream.send(stream.block(samples[start..<(start + 90)], at: Int64(start)))
        try stream.feed(Array(samples[(start + 90)...]))
        stream.finish()

        let atEnd = try #require(stream.beats.first { abs($0.event.sampleIndex - before.rPeakIndex) <= 10 })
        #expect(atEnd.beat.beatClass == nil && atEnd.beat.notClassifiedBecause == .gapAtEdge)
        #expect(atEnd.beat.probabilities == .zero)
        if let atStart = stream.beats.first(where: { abs($0.event.sampleIndex - after.rPeakIndex) <= 10 }) {
            #expect(atStart.beat.beatClass == nil && atStart.beat.notClassifiedBecause == .gapAtEdge)
        }
        // Every other beat in the middle has one.
        let clear = stream.beats.filter { $0.event.sampleIndex < Int64(cut) - 400 && $0.event.sampleIndex > 400 }
        #expect(clear.count > 15 && clear.allSatisfy { $0.beat.beatClass == .normal })
    }

    @Test func theEndOfTheInputFlushesItsBeats() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 31)])
        let last = try #require(labels.last { $0.rPeakIndex < samples.count - 250 })
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<(Int(last.rPeakIndex) + 125)]))
        stream.finish()
        let beat = try #require(stream.beats.last)
        #expect(abs(beat.event.sampleIndex - last.rPeakIndex) <= 10)
        #expect(beat.beat.notClassifiedBecause == .endOfSignal)
    }

    @Test func aNewSessionEndsTheOldOneAndAnOlderOneIsStale() throws {
        let (samples, labels) = simulated([.init(.sinus(rate: 132), seconds: 20)])
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(samples)
        #expect(stream.monitor.session == 7)
        stream.session = 8
        stream.nextIndex = 0
        let receipt = try stream.send(stream.block(samples[..<90], at: 0))
        #expect(receipt.sessionChanged && receipt.gapSamples == 0)
        try stream.feed(Array(samples[90...]))
        stream.finish()
        #expect(stream.gaps.isEmpty)
        for session: UInt64 in [7, 8] {
            let alerts = stream.alerts(.tachycardia).filter { $0.event.session == session }
            #expect(alerts.map(\.alert.number).allSatisfy { $0 == 1 })
            #expect(alerts.last?.alert.endedBecause == .sessionEnded)
        }
        // Session 8 sees what session 7 saw.
        let seventh = stream.beats.filter { $0.event.session == 7 }.map(\.event.sampleIndex)
        let eighth = stream.beats.filter { $0.event.session == 8 }.map(\.event.sampleIndex)
        #expect(seventh == eighth)

        stream.session = 7
        let late = stream.block(samples[..<90], at: 7_200)
        #expect(throws: BlockRejection.staleSession) { _ = try stream.monitor.append(late) }
    }

    @Test func aChangeOfRateOrLeadStartsDetectionAfresh() throws {
        let slow = simulated([.init(sinus72, seconds: 30)], rate: 250)
        let fast = simulated([.init(sinus72, seconds: 30)], rate: 500)
        var stream = MonitoredStream(rate: 250)
        try stream.feed(slow.samples)
        stream.rate = 500
        let next = stream.nextIndex
        stream.origin = stream.origin + 30_000_000_000 - Int64(Double(next) * 1e9 / 500)
        let receipt = try stream.send(stream.block(fast.samples[..<100], at: next))
        #expect(receipt.signalChanged && receipt.gapSamples == 0)
        try stream.feed(Array(fast.samples[100...]))
        stream.lead = "V5"
        #expect(try stream.send(stream.block(fast.samples[..<100], at: stream.nextIndex)).signalChanged)
        stream.finish()
        let afterwards = stream.beats.filter { $0.event.sampleIndex >= next }
        #expect(afterwards.first?.beat.rrIntervalSeconds == nil)
        for (label, tolerance) in [(fast.labels[20], Int64(10))] {
            #expect(afterwards.contains { abs($0.event.sampleIndex - next - label.rPeakIndex) <= tolerance })
        }
        // The second lead gets the same ECG again, which is a replay indeed.
        #expect(stream.started.allSatisfy { $0 == .replaySuspected })
    }

    @Test func theSourcesOwnTimeLabelsEveryEvent() throws {
        let (samples, _) = simulated([.init(sinus72, seconds: 20)], rate: 250)
        var stream = MonitoredStream(rate: 250)
        try stream.feed(samples)
        stream.finish()
        for event in stream.events {
            #expect(abs(event.acquisitionTimeNanoseconds - stream.time(of: event.sampleIndex)) <= 1)
        }
    }

    @Test func aClockThatIsSetBackIsCountedAndOrdersNothing() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 30)])
        var steady = MonitoredStream()
        steady.labels = labels
        try steady.feed(samples)
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<5_400]))
        stream.origin -= 3_600_000_000_000
        try stream.feed(Array(samples[5_400...]))
        #expect(stream.receipts.count { $0.timeWentBackwards } == 1)
        #expect(stream.events.map(\.sampleIndex) == steady.events.map(\.sampleIndex))
        // Beats after the step carry the source's new time, those before it the old one.
        for beat in stream.beats {
            let origin = beat.event.sampleIndex >= 5_400 ? stream.origin : steady.origin
            let expected = origin + Int64((Double(beat.event.sampleIndex) * 1e9 / 360).rounded())
            #expect(abs(beat.event.acquisitionTimeNanoseconds - expected) <= 1)
        }
    }

    @Test func anUnknownTimeStaysUnknown() throws {
        let (samples, _) = simulated([.init(sinus72, seconds: 10)])
        var monitor = PatientMonitor()
        var stream = MonitoredStream()
        stream.monitor = monitor
        try stream.send(
            SampleBlock(
                session: 1, firstSampleIndex: 0, samplingRate: 360, acquisitionTimeNanoseconds: 0, lead: "",
                millivolts: samples))
        #expect(!stream.events.isEmpty && stream.events.allSatisfy { $0.acquisitionTimeNanoseconds == 0 })
        monitor.endInput()
    }
}
