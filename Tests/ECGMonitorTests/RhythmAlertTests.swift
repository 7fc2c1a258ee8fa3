import ECGATKGAN
import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct RhythmAlertTests {
    @Test func sinusRhythmRaisesNothingAndItsRateIsRead() throws {
        let stream = try MonitoredStream.watching([.init(sinus72, seconds: 120)])
        #expect(stream.started.isEmpty)
        #expect(stream.beats.count >= 140)
        #expect(stream.beats.dropFirst().allSatisfy { $0.beat.rrIntervalSeconds != nil })
        let rate = try #require(stream.statuses.last { $0.status.state == .monitoring }?.status.heartRate)
        #expect(abs(rate - 72) < 3)
    }

    @Test func asystoleStartsAfterFourSecondsAndEndsWhenBeatsComeBack() throws {
        let stream = try MonitoredStream.watching(
            [
                .init(sinus72, seconds: 20), .init(.asystole, seconds: 12), .init(sinus72, seconds: 20),
            ], noise: .init(baselineWander: 0.15))
        #expect(stream.count(.asystole, .started) == 1)
        #expect(stream.count(.asystole, .ended) == 1)
        let (event, alert) = try #require(stream.alerts(.asystole).first)
        #expect(alert.priority == .high)
        let delay = stream.seconds(event.decidedAtSampleIndex - alert.onsetSampleIndex)
        #expect(delay >= 4 && delay <= 5)
        // The onset is the last beat, not the moment of the decision.
        let lastBeat = try #require(stream.labels.last { stream.seconds($0.rPeakIndex) < 21 })
        #expect(abs(alert.onsetSampleIndex - lastBeat.rPeakIndex) <= 10)
        let end = try #require(stream.alerts(.asystole).last)
        #expect(end.alert.endedBecause == .cleared)
        #expect(stream.seconds(end.event.sampleIndex) > 32)
        // The pause that came first gave way.
        let pauseEnd = try #require(stream.alerts(.pause).first { $0.alert.phase == .ended })
        #expect(pauseEnd.alert.endedBecause == .shadowed)
    }

    @Test func asystoleOfAFlatLineIsAsystoleToo() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 20), .init(.asystole, seconds: 12), .init(sinus72, seconds: 20),
        ])
        #expect(stream.count(.asystole, .started) == 1)
        #expect(stream.count(.asystole, .ended) == 1)
        let (event, alert) = try #require(stream.alerts(.asystole).first)
        #expect(stream.seconds(event.decidedAtSampleIndex - alert.onsetSampleIndex) <= 5)
        #expect(stream.statuses.contains { $0.status.condition == .flatLine })
    }

    @Test func aPauseShorterThanAsystoleIsAPause() throws {
        let stream = try MonitoredStream.watching(
            [
                .init(sinus72, seconds: 20), .init(.asystole, seconds: 2.2), .init(sinus72, seconds: 20),
            ], noise: .init(baselineWander: 0.15))
        #expect(stream.started == [.pause])
        #expect(stream.count(.pause, .ended) == 1)
        #expect(stream.alerts(.pause).last?.alert.endedBecause == .cleared)
    }

    @Test func theLimitsAreTheConfigurations() throws {
        var configuration = MonitorConfiguration()
        configuration.pauseSeconds = 6
        configuration.asystoleSeconds = 8
        configuration.tachycardiaAbove = 60
        configuration.bradycardiaBelow = 30
        let stream = try MonitoredStream.watching(
            [
                .init(sinus72, seconds: 20), .init(.asystole, seconds: 4), .init(sinus72, seconds: 20),
            ], noise: .init(baselineWander: 0.15), configuration: configuration)
        #expect(stream.started == [.tachycardia])
    }

    @Test(arguments: [(43.0, AlertKind.bradycardia), (132.0, AlertKind.tachycardia)])
    func rateBeyondItsLimitAlarmsInTenSecondsAndEndsWithTheRate(rate: Double, kind: AlertKind) throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 30), .init(.sinus(rate: rate), seconds: 40), .init(sinus72, seconds: 30),
        ])
        #expect(stream.started == [kind])
        let first = try #require(stream.alerts(kind).first)
        #expect(first.alert.priority == .medium)
        #expect(stream.seconds(first.event.decidedAtSampleIndex) <= 40)
        let end = try #require(stream.alerts(kind).last)
        #expect(end.alert.phase == .ended && end.alert.endedBecause == .cleared)
        #expect((70...85).contains(stream.seconds(end.event.sampleIndex)))
    }

    @Test func singleVentricularBeatsAreOneAlertNoMatterHowMany() throws {
        let stream = try MonitoredStream.watching([
            .init(.ventricularGroups(rate: 72, every: 8, count: 1, groupRate: 110), seconds: 300),
            .init(sinus72, seconds: 90),
        ])
        #expect(stream.beats.count { $0.beat.beatClass == .ventricular } > 30)
        #expect(stream.started == [.singleVentricularBeat])
        #expect(stream.count(.singleVentricularBeat, .ended) == 1)
        // At most one event in alertUpdateSeconds.
        #expect(stream.alerts().count <= 12)
        let last = try #require(stream.alerts().last)
        #expect(last.alert.phase == .ended && last.alert.beatCount > 30)
    }

    @Test func coupletsReplaceSingleBeats() throws {
        let stream = try MonitoredStream.watching([
            .init(.ventricularGroups(rate: 72, every: 9, count: 1, groupRate: 110), seconds: 40),
            .init(.ventricularGroups(rate: 72, every: 9, count: 2, groupRate: 110), seconds: 60),
            .init(sinus72, seconds: 90),
        ])
        #expect(stream.started == [.singleVentricularBeat, .ventricularCouplet, .frequentVentricularBeats])
        let single = try #require(stream.alerts(.singleVentricularBeat).last)
        #expect(single.alert.endedBecause == .shadowed)
        #expect(stream.alerts(.ventricularCouplet).last?.alert.endedBecause == .cleared)
    }

    @Test func threeInARowAreARunAndFiveFastOnesTachycardia() throws {
        let run = try MonitoredStream.watching([
            .init(sinus72, seconds: 10),
            .init(.ventricularGroups(rate: 72, every: 12, count: 3, groupRate: 140), seconds: 12),
            .init(sinus72, seconds: 20),
        ])
        #expect(run.started == [.ventricularRun])
        let start = try #require(run.alerts(.ventricularRun).first)
        #expect(start.alert.beatCount == 3 && start.alert.priority == .medium)
        #expect(abs((start.alert.heartRate ?? 0) - 140) < 10)
        #expect(run.alerts(.ventricularRun).last?.alert.endedBecause == .cleared)

        let tachycardia = try MonitoredStream.watching([
            .init(sinus72, seconds: 20), .init(.ventricular(rate: 170), seconds: 10), .init(sinus72, seconds: 30),
        ])
        // Whether the run is told before depends on how soon the waveform agrees.
        #expect(tachycardia.started.filter { $0 != .ventricularRun } == [.ventricularTachycardia])
        #expect(tachycardia.alerts(.ventricularRun).last.map { $0.alert.endedBecause == .shadowed } ?? true)
        let alarm = try #require(tachycardia.alerts(.ventricularTachycardia).first)
        #expect(alarm.alert.priority == .high)
        #expect(tachycardia.seconds(alarm.event.decidedAtSampleIndex) < 24)
        // The onset is the first beat of the run.
        let firstV = try #require(tachycardia.beats.first { $0.beat.beatClass == .ventricular })
        #expect(alarm.alert.onsetSampleIndex == firstV.event.sampleIndex)
        let end = try #require(tachycardia.alerts(.ventricularTachycardia).last)
        #expect(end.alert.phase == .ended && end.alert.endedBecause == .cleared)
    }

    @Test func aSlowVentricularRhythmIsNotTachycardia() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 20), .init(.ventricular(rate: 70), seconds: 15), .init(sinus72, seconds: 20),
        ])
        #expect(stream.started == [.ventricularRun, .idioventricularRhythm])
    }

    @Test func oneMisreadBeatDoesNotBreakATachycardia() throws {
        let (samples, truth) = simulated([
            .init(sinus72, seconds: 10), .init(.ventricular(rate: 160), seconds: 15), .init(sinus72, seconds: 20),
        ])
        var labels = truth
        let ventricular = labels.indices.filter { labels[$0].letter == "V" }
        labels[ventricular[ventricular.count / 2]].letter = "N"
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        #expect(stream.count(.ventricularTachycardia, .started) == 1)
        #expect(stream.count(.ventricularTachycardia, .ended) == 1)
    }

    @Test(arguments: [AlertKind.bigeminy, .trigeminy])
    func patternAlertStartsAfterThreeCyclesAndEndsWithThePattern(kind: AlertKind) throws {
        let rhythm = kind == .bigeminy ? SimulatedSegment.Rhythm.bigeminy(rate: 80) : .trigeminy(rate: 80)
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 15), .init(rhythm, seconds: 40), .init(sinus72, seconds: 90),
        ])
        #expect(stream.count(kind, .started) == 1)
        #expect(stream.count(kind, .ended) == 1)
        #expect(stream.alerts(kind).first?.alert.beatCount == 3)
        #expect(stream.alerts(kind).last?.alert.endedBecause == .cleared)
        let other: AlertKind = kind == .bigeminy ? .trigeminy : .bigeminy
        #expect(stream.count(other, .started) == 0)
        #expect(
            stream.alerts(.singleVentricularBeat).filter { $0.alert.phase == .ended }.first?.alert.endedBecause
                == .shadowed)
    }

    @Test func supraventricularBeatsInARowAreARun() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 10),
            .init(.supraventricularGroups(rate: 72, every: 12, count: 4, groupRate: 115), seconds: 12),
            .init(sinus72, seconds: 20),
        ])
        #expect(stream.started == [.supraventricularRun])
        #expect(stream.count(.supraventricularRun, .ended) == 1)
    }

    @Test func alertsAreNotRepeatedEndlessly() throws {
        // Ten minutes of tachycardia with three of ventricular tachycardia in them.
        let stream = try MonitoredStream.watching([
            .init(.sinus(rate: 140), seconds: 240), .init(.ventricular(rate: 160), seconds: 180),
            .init(.sinus(rate: 140), seconds: 180),
        ])
        for kind in AlertKind.allCases {
            #expect(stream.count(kind, .started) <= 2)
            #expect(stream.count(kind, .started) == stream.count(kind, .ended))
        }
        #expect(stream.alerts().count < 40)
        let ventricular = stream.alerts(.ventricularTachycardia)
        for (earlier, later) in zip(ventricular, ventricular.dropFirst()) where later.alert.phase == .updated {
            #expect(later.event.decidedAtSampleIndex - earlier.event.decidedAtSampleIndex >= 30 * 360)
        }
    }

    @Test func everyAlertThatStartsEndsOnceAndIsNumbered() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 20), .init(.ventricular(rate: 170), seconds: 8), .init(.asystole, seconds: 9),
            .init(.bigeminy(rate: 80), seconds: 30), .init(.sinus(rate: 40), seconds: 30),
            .init(.ventricular(rate: 170), seconds: 8),
        ])
        for kind in AlertKind.allCases {
            var open: UInt32?
            var expected: UInt32 = 1
            for (_, alert) in stream.alerts(kind) {
                switch alert.phase {
                case .started:
                    #expect(open == nil && alert.number == expected && alert.endedBecause == nil)
                    open = alert.number
                    expected += 1
                case .updated: #expect(open == alert.number)
                case .ended:
                    #expect(open == alert.number && alert.endedBecause != nil)
                    open = nil
                }
                #expect(!alert.text.isEmpty && alert.durationSeconds >= 0)
            }
            #expect(open == nil, "\(kind) stays open after the end")
        }
    }

    @Test func activeAlertEndsWithTheSession() throws {
        let stream = try MonitoredStream.watching([.init(sinus72, seconds: 20), .init(.sinus(rate: 132), seconds: 30)])
        #expect(stream.alerts(.tachycardia).last?.alert.endedBecause == .sessionEnded)
        #expect(stream.statuses.last?.status.state == .ended)
    }
}
