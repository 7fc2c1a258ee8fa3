import ECGATKGAN
import ECGMonitor
import Testing

struct ReferenceAlertTests {
    static func started(_ beats: [ReferenceAlerts.Beat], seconds: Int64) -> [AlertKind] {
        ReferenceAlerts.events(ofBeats: beats, samplingRate: 360, sampleCount: seconds * 360).compactMap { event in
            guard case .alert(let alert) = event.kind, alert.phase == .started else { return nil }
            return alert.kind
        }
    }

    static func beats(_ times: [Double], _ beatClass: BeatClass? = .normal) -> [ReferenceAlerts.Beat] {
        times.map { .init(sampleIndex: Int64($0 * 360), beatClass: beatClass) }
    }

    @Test func regularBeatsRaiseNothing() {
        #expect(Self.started(Self.beats((1...60).map { Double($0) * 0.8 }), seconds: 49).isEmpty)
    }

    @Test func knownBeatsRaiseTheAlertsOfTheRules() {
        let before = (1...20).map { Double($0) * 0.8 }
        let after = (1...20).map { 23 + Double($0) * 0.8 }
        #expect(Self.started(Self.beats(before + after), seconds: 45).contains(.asystole))
        var run = Self.beats(before)
        run += Self.beats((1...8).map { 16 + Double($0) * 0.4 }, .ventricular)
        run += Self.beats((1...20).map { 19.5 + Double($0) * 0.8 })
        #expect(Self.started(run, seconds: 37).contains(.ventricularTachycardia))
        // A beat without a class is a beat all the same.
        #expect(Self.started(Self.beats((1...60).map { Double($0) * 0.8 }, nil), seconds: 49).isEmpty)
    }

    @Test func absenceOfBeatsIsAsystole() {
        #expect(Self.started([], seconds: 30) == [.asystole])
        #expect(Self.started([], seconds: 1).isEmpty)
    }
}
