import ECGATKGAN
import ECGSignal
import Testing

@testable import ECGMonitor

/// What a person and the configuration do to alarms: acknowledge, pause, latch, switch off.
@Suite struct AlarmLifeTests {
    /// A stream that has seen everything up to a time, and the samples after it.
    private struct Patient {
        var stream: MonitoredStream
        var samples: [Float]

        init(_ script: [SimulatedSegment], configuration: MonitorConfiguration = MonitorConfiguration()) {
            let (samples, labels) = simulated(script, noise: .init(baselineWander: 0.15))
            stream = MonitoredStream(configuration: configuration)
            stream.labels = labels
            self.samples = samples
        }

        mutating func go(to seconds: Double, block size: Int = 90) throws {
            let end = min(samples.count, Int(seconds * 360))
            try stream.feed(Array(samples[Int(stream.nextIndex)..<end])) { size }
        }

        @discardableResult
        mutating func report(_ action: AlarmCommand.Action, by: String = "nurse") throws -> AlarmCommandOutcome {
            try #require(stream.monitor.apply(AlarmCommand(action, by: by), events: &stream.events))
        }
    }

    private static let fast: [SimulatedSegment] = [
        .init(sinus72, seconds: 20), .init(.sinus(rate: 132), seconds: 1_000),
    ]
    private static let pulseless: [SimulatedSegment] = [
        .init(sinus72, seconds: 20), .init(.asystole, seconds: 8), .init(sinus72, seconds: 60),
        .init(.asystole, seconds: 8), .init(sinus72, seconds: 60),
    ]

    @Test func anAcknowledgedAlertSaysByWhomUntilItEnds() throws {
        var patient = Patient([
            .init(sinus72, seconds: 20), .init(.sinus(rate: 132), seconds: 60), .init(sinus72, seconds: 60),
        ])
        try patient.go(to: 50)
        #expect(patient.stream.started == [.tachycardia])
        let outcome = try patient.report(.acknowledge(kind: nil, number: nil))
        #expect(outcome.result == .done && outcome.acknowledged == 1)
        #expect(outcome.appliedAtSampleIndex == 50 * 360 - 1)
        #expect(outcome.alerts.map(\.kind) == [.tachycardia] && outcome.alerts[0].acknowledgedBy == "nurse")
        let event = try #require(patient.stream.alerts().last)
        #expect(event.alert.phase == .updated && event.alert.change == .acknowledged)
        #expect(try patient.report(.acknowledge(kind: nil, number: nil)).result == .nothingToDo)
        try patient.go(to: 140)
        let last = try #require(patient.stream.alerts(.tachycardia).last)
        #expect(last.alert.phase == .ended && last.alert.endedBecause == .cleared)
        #expect(
            patient.stream.alerts(.tachycardia).allSatisfy {
                ($0.alert.acknowledgedBy == nil)
                    == ($0.alert.change != .acknowledged && $0.event.decidedAtSampleIndex < 50 * 360)
            })
    }

    @Test func onlyTheKindAndNumberThatAreNamedAreAcknowledged() throws {
        var patient = Patient(Self.fast)
        try patient.go(to: 50)
        #expect(try patient.report(.acknowledge(kind: .asystole, number: nil)).result == .nothingToDo)
        #expect(try patient.report(.acknowledge(kind: .tachycardia, number: 2)).result == .nothingToDo)
        #expect(try patient.report(.acknowledge(kind: .tachycardia, number: 1)).acknowledged == 1)
    }

    @Test func lastingAcknowledgedAlertIsRepeatedButNotForever() throws {
        var configuration = MonitorConfiguration()
        configuration.alarms.reminderSeconds = 60
        configuration.alarms.remindersMaximum = 3
        var patient = Patient(Self.fast, configuration: configuration)
        try patient.go(to: 50)
        try patient.report(.acknowledge(kind: nil, number: nil))
        try patient.go(to: 600, block: 3_600)
        let reminders = patient.stream.alerts(.tachycardia).filter { $0.alert.change == .reminder }
        #expect(reminders.count == 3)
        #expect(
            reminders.map { Int(patient.stream.seconds($0.event.decidedAtSampleIndex).rounded()) } == [110, 170, 230])
    }

    @Test func aLatchedAlertStaysUntilItIsAcknowledged() throws {
        var configuration = MonitorConfiguration()
        configuration.alarms.latching = [.high]
        var patient = Patient(Self.pulseless, configuration: configuration)
        try patient.go(to: 60)
        let over = try #require(patient.stream.alerts(.asystole).last)
        #expect(over.alert.phase == .updated && over.alert.change == .conditionOver && over.alert.isLatched)
        // It comes back: the same alert goes on.
        try patient.go(to: 96)
        let back = try #require(patient.stream.alerts(.asystole).last { $0.alert.change != .figures })
        #expect(back.alert.change == .conditionBack && back.alert.number == 1 && !back.alert.isLatched)
        try patient.go(to: 140)
        #expect(patient.stream.count(.asystole, .started) == 1 && patient.stream.count(.asystole, .ended) == 0)
        let outcome = try patient.report(.acknowledge(kind: .asystole, number: nil))
        #expect(outcome.acknowledged == 1 && outcome.alerts.isEmpty)
        let end = try #require(patient.stream.alerts(.asystole).last)
        #expect(
            end.alert.phase == .ended && end.alert.endedBecause == .acknowledged && end.alert.acknowledgedBy == "nurse")
    }

    @Test func anAlertAcknowledgedInTimeDoesNotLatch() throws {
        var configuration = MonitorConfiguration()
        configuration.alarms.latching = Set(AlertPriority.allCases)
        var patient = Patient(Self.pulseless, configuration: configuration)
        try patient.go(to: 27)
        #expect(try patient.report(.acknowledge(kind: .asystole, number: nil)).acknowledged == 1)
        try patient.go(to: 60)
        #expect(patient.stream.alerts(.asystole).last?.alert.endedBecause == .cleared)
    }

    @Test func aPauseIsCountedDownForEverySubscriberAndEndsByItself() throws {
        var patient = Patient([.init(sinus72, seconds: 100)])
        try patient.go(to: 30)
        let outcome = try patient.report(.pause(.audio, seconds: 20))
        #expect(outcome.pause == AlarmPause(kind: .audio, remainingSeconds: 20, by: "nurse"))
        try patient.go(to: 90)
        let paused = patient.stream.statuses.filter { $0.status.pause != nil }
        let left = paused.compactMap(\.status.pause?.remainingSeconds)
        #expect(left.count >= 4 && left.first == 20 && left == left.sorted(by: >))
        let end = try #require(patient.stream.statuses.last { $0.status.pauseChange > 0 })
        #expect(end.status.pause == nil && abs(patient.stream.seconds(end.event.sampleIndex) - 50) <= 0.3)
    }

    @Test func alarmsArePublishedDuringAPauseAndMarkedAsPaused() throws {
        var patient = Patient(Self.fast)
        try patient.go(to: 20)
        try patient.report(.pause(.alarm, seconds: nil))
        try patient.go(to: 60)
        #expect(patient.stream.alerts(.tachycardia).first?.alert.paused == .alarm)
    }

    @Test func aNewAlertOfHighPriorityEndsAPause() throws {
        for ends in [true, false] {
            var configuration = MonitorConfiguration()
            configuration.alarms.highPriorityEndsPause = ends
            var patient = Patient(Self.pulseless, configuration: configuration)
            try patient.go(to: 15)
            try patient.report(.pause(.audio, seconds: nil))
            try patient.go(to: 28)
            #expect(patient.stream.alerts(.asystole).first?.alert.paused == (ends ? nil : .audio))
        }
    }

    @Test func everyPauseEnds() throws {
        var patient = Patient(Self.fast)
        try patient.go(to: 10)
        for seconds in [301, 1e300, .infinity] {
            #expect(try patient.report(.pause(.alarm, seconds: seconds)).result == .tooLong(limit: 300))
        }
        for seconds in [0, -5, Double.nan] {
            guard case .invalid = try patient.report(.pause(.alarm, seconds: seconds)).result else {
                Issue.record("\(seconds) s was taken")
                continue
            }
        }
        #expect(try patient.report(.resume).result == .nothingToDo)
        #expect(patient.stream.statuses.allSatisfy { $0.status.pause == nil })
    }

    @Test(arguments: [
        "", " ", "a\nb", "\u{202E}x", String(repeating: "x", count: 65),
        "e" + String(repeating: "\u{301}", count: 5_000),
    ])
    func nameUnfitForALogIsRefused(name: String) throws {
        var patient = Patient(Self.fast)
        try patient.go(to: 50)
        guard case .invalid = try patient.report(.acknowledge(kind: nil, number: nil), by: name).result else {
            Issue.record("the name was taken")
            return
        }
        #expect(patient.stream.alerts().allSatisfy { $0.alert.acknowledgedBy == nil })
    }

    @Test func eventsOfSamplesAndCommandsDoNotDependOnBlockSize() throws {
        func events(_ size: Int) throws -> [MonitorEvent] {
            var configuration = MonitorConfiguration()
            configuration.alarms.latching = [.high, .medium]
            var patient = Patient(Self.pulseless, configuration: configuration)
            for (second, action) in [
                (26.5, AlarmCommand.Action.pause(.audio, seconds: 30)), (40.0, .acknowledge(kind: nil, number: nil)),
                (45.1, .resume), (96.0, .pause(.alarm, seconds: nil)),
                (120.0, .acknowledge(kind: .asystole, number: nil)),
            ] {
                try patient.go(to: second, block: size)
                try patient.report(action)
            }
            try patient.go(to: 150, block: size)
            patient.stream.finish()
            return patient.stream.events
        }
        let reference = try events(5_000)
        #expect(
            reference.contains {
                if case .alert(let alert) = $0.kind {
                    alert.change == .acknowledged || alert.endedBecause == .acknowledged
                } else {
                    false
                }
            })
        for size in [1, 7, 90, 361] { #expect(try events(size) == reference, "segments of \(size)") }
    }

    @Test func alertsSwitchedOffAreNotRaisedAndActiveOnesEnd() throws {
        var off = MonitorConfiguration()
        off.alarms.off = [.tachycardia]
        var silent = Patient(Self.fast, configuration: off)
        try silent.go(to: 60)
        #expect(silent.stream.started.isEmpty)
        var patient = Patient(Self.fast)
        try patient.go(to: 60)
        patient.stream.monitor.configure(off, events: &patient.stream.events)
        #expect(patient.stream.alerts(.tachycardia).last?.alert.endedBecause == .switchedOff)
    }

    @Test func otherLimitsHoldFromTheNextBeatOn() throws {
        var patient = Patient(Self.fast)
        try patient.go(to: 15)
        var configuration = MonitorConfiguration()
        configuration.tachycardiaAbove = 138
        patient.stream.monitor.configure(configuration, events: &patient.stream.events)
        try patient.go(to: 60)
        #expect(patient.stream.started.isEmpty)
        patient.stream.monitor.configure(MonitorConfiguration(), events: &patient.stream.events)
        try patient.go(to: 62)
        #expect(patient.stream.started == [.tachycardia])
    }

    @Test(arguments: AlertKind.allCases.filter(\.cannotBeSwitchedOff))
    func lethalRhythmAlertsCannotBeSwitchedOff(kind: AlertKind) throws {
        var configuration = MonitorConfiguration()
        configuration.alarms.off = [kind]
        let error = #expect(throws: MonitorConfiguration.InvalidValue.self) { try configuration.validate() }
        #expect(error?.description.contains("cannot be switched off") == true)
        let three: [AlertKind] = [.asystole, .ventricularTachycardia, .ventricularFibrillation]
        #expect(three.allSatisfy { $0.cannotBeSwitchedOff })
    }

    @Test func endlessPauseCannotBeConfigured() {
        var configuration = MonitorConfiguration()
        configuration.alarms.maximumPauseSeconds = 1_000_000
        #expect(throws: MonitorConfiguration.InvalidValue.self) { try configuration.validate() }
    }

    @Test func wallClockSignalLossCanBeAcknowledgedToo() throws {
        var patient = Patient(Self.fast)
        try patient.go(to: 10)
        patient.stream.monitor.reportSignalLost(forSeconds: 7, events: &patient.stream.events)
        #expect(try patient.report(.list).alerts.map(\.kind) == [.signalLost])
        let outcome = try patient.report(.acknowledge(kind: nil, number: nil))
        #expect(outcome.result == .done && outcome.acknowledged == 1)
        #expect(patient.stream.alerts(.signalLost).last?.alert.acknowledgedBy == "nurse")
    }
}
