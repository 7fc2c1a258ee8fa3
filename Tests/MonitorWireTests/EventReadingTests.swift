import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGWire
import MonitorWire
import Testing

/// Events that came over the wire, in the monitor's own terms.
@Suite struct EventReadingTests {
    /// Sent again, an event that was read is the one that came, but for how often pause and leads have changed.
    @Test(.enabled(if: GoldenFile.hasModel, "skipped: no weights at Config/models/default.safetensors"))
    func readingAnEventAndSendingItGivesTheSame() throws {
        var kinds: Set<String> = []
        for scenario in GoldenScenario.all {
            for event in try scenario.events(BeatClassifier(contentsOf: GoldenFile.model)) {
                let wire = WireEvent(event, stream: "bed-1", sequence: 7)
                let read = try #require(MonitorEvent(wire), "\(wire.id)")
                var again = WireEvent(read, stream: "bed-1", sequence: 7)
                again.id = wire.id
                #expect(again == wire)
                kinds.insert("\(event.kind.topic)")
            }
        }
        #expect(kinds.isSuperset(of: ["beat", "alert", "status"]))
    }

    @Test func everyValueOfAnAlertAndASuspicionIsRead() throws {
        for kind in AlertKind.allCases {
            var alert = Alert(
                kind: kind, phase: .updated, priority: kind.priority, number: 3, basis: .wallClock,
                onsetSampleIndex: 40, durationSeconds: 1.5, heartRate: 80, beatCount: 4, text: "text",
                change: .acknowledged)
            alert.acknowledgedBy = "Dr Grey"
            alert.isLatched = true
            alert.paused = .audio
            #expect(Alert(WireAlert(alert)) == alert)
        }
        for end in [AlertEnd.cleared, .shadowed, .signalInterrupted, .sessionEnded, .acknowledged, .switchedOff] {
            let alert = Alert(
                kind: .asystole, phase: .ended, priority: .high, number: 1, endedBecause: end, onsetSampleIndex: 1,
                durationSeconds: 2, heartRate: nil, beatCount: 0, text: "")
            #expect(Alert(WireAlert(alert)) == alert)
        }
        for cause in SuspicionCause.allCases {
            let suspicion = Suspicion(
                cause: cause, active: true, score: 0.5, beatsConsidered: 9, firstSampleIndex: 1, lastSampleIndex: 2)
            let event = MonitorEvent(
                session: 1, sampleIndex: 2, decidedAtSampleIndex: 3, acquisitionTimeNanoseconds: 4,
                kind: .suspicion(suspicion))
            #expect(MonitorEvent(WireEvent(event, stream: "a", sequence: 1)) == event)
        }
    }

    @Test func whatALaterVersionSendsIsNoEventHere() {
        var wire = WireEvent()
        #expect(MonitorEvent(wire) == nil)
        wire.waveform = WireWaveform()
        #expect(MonitorEvent(wire) == nil)
        wire.alert = WireAlert()
        #expect(MonitorEvent(wire) == nil)
        wire.status = WireStatus()
        #expect(MonitorEvent(wire) == nil)
        wire.suspicion.cause = .UNRECOGNIZED(99)
        #expect(MonitorEvent(wire) == nil)
    }
}
