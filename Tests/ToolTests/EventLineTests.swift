import ECGATKGAN
import ECGWire
import Testing

@testable import ECGEvaluation
@testable import ecgmon

struct EventLineTests {
    private let plain = EventLine(terminal: Terminal(usesColour: false))

    private func event(_ payload: WireEvent.OneOf_Payload) -> WireEvent {
        var event = WireEvent()
        event.stream = "bed-1"
        event.payload = payload
        return event
    }

    @Test func aBeatShowsItsClassAndRate() {
        var beat = WireBeat()
        beat.beatClass = .ventricular
        beat.probabilities.ventricular = 0.97
        beat.attackSuspicion = 0.02
        beat.rrIntervalSeconds = 0.5
        #expect(
            plain.render(event(.beat(beat)), time: "12:00:00.0")
                == "12:00:00.0  bed-1  beat V  rr 0.500 s  120/min  p 0.97  suspicion 0.02")
    }

    @Test func aBeatWithoutAClassSaysWhy() {
        var beat = WireBeat()
        beat.notClassifiedBecause = .gap
        #expect(plain.render(event(.beat(beat)), time: "t") == "t  bed-1  beat ?  not classified: gap at its edge")
    }

    @Test func anAlertShowsItsPriorityPhaseAndText() {
        var alert = WireAlert()
        alert.kind = .ventricularTachycardia
        alert.priority = .high
        alert.phase = .started
        alert.text = "ventricular tachycardia, 7 beats at 168/min"
        #expect(
            plain.render(event(.alert(alert)), time: "t")
                == "t  bed-1  ALERT high begins  ventricular tachycardia, 7 beats at 168/min")
        let coloured = EventLine(terminal: Terminal(usesColour: true))
        #expect(coloured.render(alert).hasPrefix("\u{1B}[31m"))
    }

    @Test func textFromTheWireCannotSteerTheTerminal() {
        var alert = WireAlert()
        alert.text = "\u{1B}]0;pwned\u{7}"
        #expect(!plain.render(alert).contains("\u{1B}"))
    }

    @Test func aGapShowsItsExtent() {
        var status = WireStatus()
        status.gap.firstMissingSampleIndex = 720
        status.gap.missingSampleCount = 36
        #expect(plain.render(status) == "GAP  36 samples missing from index 720")
    }
}

struct DemoTallyTests {
    private func note(
        _ sequence: UInt64, _ sample: Int64, _ payload: WireEvent.OneOf_Payload, missed: UInt64 = 0,
        in tally: inout DemoTally
    ) {
        var event = WireEvent()
        event.sequence = sequence
        event.sampleIndex = sample
        event.payload = payload
        let topic: Topic = if case .suspicion = payload { .suspicion(stream: "a") } else { .beat(stream: "a") }
        tally.note(.event(event), on: topic, missed: missed)
    }

    private func beat(_ beatClass: WireBeatClass) -> WireEvent.OneOf_Payload {
        var beat = WireBeat()
        beat.beatClass = beatClass
        return .beat(beat)
    }

    private func suspicion(
        active: Bool, last: Int64, cause: WireSuspicionCause = .perturbation
    ) -> WireEvent.OneOf_Payload {
        var suspicion = WireSuspicion()
        suspicion.cause = cause
        suspicion.active = active
        suspicion.lastSampleIndex = last
        return .suspicion(suspicion)
    }

    @Test func suspicionDelayCountsOnlyAttackedBeats() {
        var tally = DemoTally()
        for (number, sample) in [100, 400, 700, 1000, 1300].enumerated() {
            note(UInt64(number + 1), Int64(sample), beat(.normal), in: &tally)
        }
        note(1, 1000, suspicion(active: true, last: 1000), in: &tally)
        #expect(tally.suspicionDelay(attacked: 350..<2000) == 3)
        #expect(tally.falseSuspicions(attacked: 350..<2000).isEmpty)
        #expect(tally.suspicionDelay(attacked: 1200..<2000) == nil)
        #expect(tally.falseSuspicions(attacked: 1200..<2000) == [1000])
    }

    @Test func aReplayIsToldApartFromAnAttack() {
        var tally = DemoTally()
        note(1, 1000, suspicion(active: true, last: 1000, cause: .replay), in: &tally)
        #expect(tally.replaySuspicion(from: 900) == 1000)
        #expect(tally.replaySuspicion(from: 1100) == nil)
        #expect(tally.suspicionDelay(attacked: 900..<1100) == nil)
        #expect(tally.falseSuspicions(attacked: 900..<1100) == [1000])
        #expect(tally.falseSuspicions(attacked: 0..<0, playedBack: 900..<1100).isEmpty)
    }

    @Test func eventsBeforeTheFirstReceivedAndHolesCountAsLost() {
        var tally = DemoTally()
        note(3, 100, beat(.normal), in: &tally)
        note(6, 400, beat(.normal), missed: 2, in: &tally)
        #expect(tally.lost == 4)
    }

    @Test func aChangedClassAndABeatNotFoundCountAsChanged() {
        var tally = DemoTally()
        note(1, 100, beat(.normal), in: &tally)
        note(2, 402, beat(.ventricular), in: &tally)
        let clean: [AttackedEpisode.LocatedBeat] = [100, 400, 900].map { .init(rPeak: $0, beatClass: .normal) }
        #expect(tally.changedByAttack(clean, toleranceSamples: 54) == 2)
    }
}
