import ECGATKGAN
import ECGSignal
import Testing
import WFDB

@testable import ECGMonitor

/// The rhythms beside the plain ones, each with beats of the true class.
@Suite struct RhythmRuleTests {
    @Test(arguments: [
        (32.0, AlertKind.bradycardia, AlertKind.extremeBradycardia), (165, .tachycardia, .extremeTachycardia),
    ])
    func extremeRateReplacesThePlainRateAlarm(rate: Double, plain: AlertKind, extreme: AlertKind) throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 30), .init(.sinus(rate: rate), seconds: 40), .init(sinus72, seconds: 40),
        ])
        #expect(stream.count(extreme, .started) == 1)
        let alarm = try #require(stream.alerts(extreme).first)
        #expect(alarm.alert.priority == .high && stream.seconds(alarm.event.decidedAtSampleIndex) <= 40)
        if let first = stream.alerts(plain).first(where: { $0.alert.phase == .ended }) {
            #expect(first.alert.endedBecause == .shadowed)
        }
        #expect(stream.alerts(extreme).last?.alert.endedBecause == .cleared)
    }

    @Test func aLongSlowVentricularRhythmIsIdioventricular() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 20), .init(.ventricular(rate: 80), seconds: 15), .init(sinus72, seconds: 20),
        ])
        #expect(stream.started == [.ventricularRun, .idioventricularRhythm])
        #expect(stream.alerts(.ventricularRun).last?.alert.endedBecause == .shadowed)
        #expect(stream.alerts(.idioventricularRhythm).last?.alert.endedBecause == .cleared)
    }

    @Test func anIdioventricularRhythmThatQuickensIsTachycardia() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 20), .init(.ventricular(rate: 80), seconds: 12),
            .init(.ventricular(rate: 150), seconds: 10),
            .init(sinus72, seconds: 20),
        ])
        #expect(stream.started.prefix(3) == [.ventricularRun, .idioventricularRhythm, .ventricularTachycardia])
        #expect(stream.alerts(.idioventricularRhythm).last?.alert.endedBecause == .shadowed)
    }

    @Test func fastSupraventricularBeatsInARowAreTachycardia() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 20),
            .init(.supraventricularGroups(rate: 72, every: 8, count: 14, groupRate: 200), seconds: 12),
            .init(sinus72, seconds: 30),
        ])
        #expect(stream.count(.supraventricularTachycardia, .started) == 1)
        #expect(stream.alerts(.supraventricularRun).last?.alert.endedBecause == .shadowed)
        #expect(stream.alerts(.supraventricularTachycardia).last?.alert.endedBecause == .cleared)
    }

    @Test func frequentVentricularBeatsAreOneAlertWithTheirCount() throws {
        let stream = try MonitoredStream.watching([
            .init(.ventricularGroups(rate: 72, every: 4, count: 1, groupRate: 110), seconds: 90),
            .init(sinus72, seconds: 150),
        ])
        #expect(stream.count(.frequentVentricularBeats, .started) == 1)
        #expect(stream.alerts(.frequentVentricularBeats).first?.alert.beatCount == 11)
        #expect(stream.alerts(.frequentVentricularBeats).last?.alert.endedBecause == .cleared)
        let few = try MonitoredStream.watching([
            .init(.ventricularGroups(rate: 72, every: 12, count: 1, groupRate: 110), seconds: 120)
        ])
        #expect(few.count(.frequentVentricularBeats, .started) == 0)
    }

    /// Beats at given times to the rule alone: no detector finds a beat within 0.25 s of the one before.
    private func rOnT(_ times: [(seconds: Double, beatClass: BeatClass)], mean: Double) -> Int {
        var rule = VentricularBurdenRule(MonitorConfiguration())
        var alerts = AlertManager(MonitorConfiguration())
        var last: Double?
        for (seconds, beatClass) in times {
            alerts.now.sampleIndex = Int64(seconds * 360)
            alerts.now.decidedAt = alerts.now.sampleIndex
            rule.beat(
                beatClass, at: alerts.now.sampleIndex, interval: last.map { seconds - $0 }, meanInterval: mean,
                lowPriority: true, alerts: &alerts)
            last = seconds
        }
        return alerts.events.count
    }

    @Test func ventricularBeatOnTheTWaveFollowedByAPauseAlerts() {
        #expect(rOnT([(1, .normal), (2, .normal), (2.3, .ventricular), (3.7, .normal)], mean: 1) == 1)
        #expect(rOnT([(1, .normal), (2, .normal), (2.3, .normal), (3.7, .normal)], mean: 1) == 0)
        #expect(rOnT([(1, .normal), (2, .normal), (2.4, .ventricular), (3.7, .normal)], mean: 1) == 0)
        #expect(rOnT([(1, .normal), (2, .normal), (2.3, .ventricular), (3.2, .normal)], mean: 1) == 0)
        // Two without a pause within five minutes.
        #expect(
            rOnT(
                [(2, .normal), (2.3, .ventricular), (3.2, .normal), (9, .normal), (9.3, .ventricular), (10, .normal)],
                mean: 1) == 1)
        // At 100/min and more it is not called so.
        #expect(rOnT([(1, .normal), (1.5, .normal), (1.65, .ventricular), (3, .normal)], mean: 0.5) == 0)
    }

    @Test func irregularRhythmSuggestsAtrialFibrillationAndRegularDoesNot() throws {
        let stream = try MonitoredStream.watching([
            .init(sinus72, seconds: 60), .init(.atrialFibrillation(rate: 90), seconds: 180),
            .init(sinus72, seconds: 200),
        ])
        #expect(stream.count(.atrialFibrillation, .started) == 1)
        let start = try #require(stream.alerts(.atrialFibrillation).first)
        #expect((60...180).contains(stream.seconds(start.event.decidedAtSampleIndex)))
        let end = try #require(stream.alerts(.atrialFibrillation).last)
        #expect(end.alert.endedBecause == .cleared && stream.seconds(end.event.sampleIndex) < 330)
        for rhythm in [SimulatedSegment.Rhythm.bigeminy(rate: 80), .sinus(rate: 100), .trigeminy(rate: 75)] {
            let regular = try MonitoredStream.watching([.init(rhythm, seconds: 150)])
            #expect(regular.count(.atrialFibrillation, .started) == 0, "\(rhythm)")
        }
    }

    @Test(arguments: [0.5, 1.0, 2.0])
    func ventricularFibrillationAlarmsInTenSecondsAndReplacesOthers(factor: Double) throws {
        let stream = try MonitoredStream.watching(
            [
                .init(sinus72, seconds: 20), .init(.ventricular(rate: 180), seconds: 10),
                .init(.ventricularFibrillation, seconds: 30), .init(sinus72, seconds: 40),
            ], amplitude: factor)
        #expect(stream.count(.ventricularFibrillation, .started) == 1)
        let start = try #require(stream.alerts(.ventricularFibrillation).first)
        #expect(start.alert.priority == .high)
        #expect((30...41).contains(stream.seconds(start.event.decidedAtSampleIndex)))
        #expect(stream.alerts(.ventricularTachycardia).last?.alert.endedBecause == .shadowed)
        let during = stream.alerts().filter {
            $0.alert.phase == .started && $0.event.decidedAtSampleIndex > start.event.decidedAtSampleIndex
                && stream.seconds($0.event.decidedAtSampleIndex) < 60
        }
        #expect(during.allSatisfy { $0.alert.priority == .technical }, "\(during.map(\.alert.kind))")
        #expect(stream.alerts(.ventricularFibrillation).last?.alert.endedBecause == .cleared)
    }

    @Test(arguments: [
        SimulatedSegment.Rhythm.sinus(rate: 60), .sinus(rate: 150), .atrialFibrillation(rate: 120), .bigeminy(rate: 80),
        .asystole,
    ])
    func noOtherRhythmLooksLikeVentricularFibrillation(rhythm: SimulatedSegment.Rhythm) throws {
        let noise = SimulatedNoise(white: 0.03, baselineWander: 0.4, mains: 0.1, muscle: 0.08)
        let stream = try MonitoredStream.watching(
            [.init(sinus72, seconds: 10), .init(rhythm, seconds: 60)], noise: noise)
        #expect(stream.count(.ventricularFibrillation, .started) == 0)
    }

    @Test(.enabled(if: RealRecord.hasMITDB, "skipped: no mitdb in the folder named by ECGMON_DATABASES"))
    func everyFlutterOfRecord207AlarmsInTenSecondsAndNothingElse() throws {
        let (samples, labels, annotations) = try RealRecord.mitdb("207")
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(samples) { 3_600 }
        stream.finish()
        let begins = annotations.filter { $0.code == .ventricularFlutterStart }.map(\.sampleIndex)
        let ends = annotations.filter { $0.code == .ventricularFlutterEnd }.map(\.sampleIndex)
        #expect(begins.count == 6 && ends.count == 6)
        // At 200/min, flutter and a fast tachycardia are one to the eye, too.
        let alarms = stream.alerts().filter {
            [.ventricularFibrillation, .ventricularTachycardia].contains($0.alert.kind)
        }
        let started = alarms.filter { $0.alert.phase == .started }.map(\.event.decidedAtSampleIndex)
        let ended = alarms.filter { $0.alert.phase == .ended }.map(\.event.sampleIndex)
        for begin in begins {
            let isTold = zip(started, ended).contains { $0.0 <= begin + 3_600 && $0.1 >= begin }
            #expect(isTold, "flutter at \(begin / 360) s")
        }
        for start in started { #expect(zip(begins, ends).contains { start >= $0.0 && start <= $0.1 + 3_600 }) }
    }
}
