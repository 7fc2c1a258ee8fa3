import ECGATKGAN
import ECGMonitor
import Foundation
import Testing

@testable import ECGEvaluation
@testable import ecgmon

/// What is counted of an attack on an alarm, and the command as a whole.
struct AlarmAttackTests {
    static func beat(_ beatClass: BeatClass, at second: Double) -> MonitorEvent {
        let beat = Beat(
            beatClass: beatClass, notClassifiedBecause: nil, probabilities: .zero, attackSuspicion: 0,
            rrIntervalSeconds: nil, amplitudeMillivolts: 1, foundBySearchBack: false)
        return MonitorEvent(
            session: 1, sampleIndex: Int64(second * 100), decidedAtSampleIndex: Int64(second * 100),
            acquisitionTimeNanoseconds: 0, kind: .beat(beat))
    }

    static func figures(_ events: [MonitorEvent]) -> AlarmAttack.Figures {
        // Two stretches: 100 to 110 s, and 200 to 210 s.
        AlarmAttack.figures(0.01, events, in: [10_000..<11_000, 20_000..<21_000], rate: 100)
    }

    @Test func anAlertCountsForTheStretchInWhichItIsTold() {
        let events = AlertScoreTests.events([
            (.ventricularTachycardia, 104, 112), (.ventricularRun, 215, 217), (.ventricularCouplet, 205, 207),
            (.noisySignal, 201, 209),
        ])
        let figures = Self.figures(events)
        #expect(figures.stretches == 2)
        // The run begins after the second stretch, though within ten seconds of it.
        #expect(figures.tachycardia == 1 && figures.run == 1)
        #expect(figures.any == 2)
        #expect(figures.with_v == 0 && figures.suspected == 0)
    }

    @Test func beatsAndSuspicionsAreCountedInTheirStretchOnly() {
        let suspicion = Suspicion(
            cause: .perturbation, active: true, score: 0.9, beatsConsidered: 5, firstSampleIndex: 20_100,
            lastSampleIndex: 20_400)
        let events =
            [(99.0, BeatClass.ventricular), (101, .ventricular), (102, .normal), (103, .ventricular)].map {
                Self.beat($1, at: $0)
            } + [
                MonitorEvent(
                    session: 1, sampleIndex: 20_400, decidedAtSampleIndex: 20_440, acquisitionTimeNanoseconds: 0,
                    kind: .suspicion(suspicion))
            ]
        let figures = Self.figures(events)
        #expect(figures.v_beats == 2 && figures.with_v == 1)
        #expect(figures.suspected == 1 && figures.any == 0)
    }

    @Test func theCommandNamesEveryRadius() throws {
        let folder = try TrainCommandTests.Folder()
        let outcome = try ToolProcess.run([
            "evaluate", "alarm-attack", "--database", folder.database, "--records", "208s", "--epsilons", "0,0.02",
            "--make-every", "1", "--json",
        ])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("\"hidden\"") && outcome.output.contains("\"made\""))
        let refused = try ToolProcess.run(["evaluate", "alarm-attack", "--epsilons", "0,two"])
        #expect(refused.exitCode != 0)
    }
}
