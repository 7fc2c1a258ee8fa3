import ECGATKGAN
import ECGMonitor
import Testing

@testable import ECGEvaluation
@testable import ToolSupport
@testable import ecgmon

struct AlertScoreTests {
    /// Events of alerts, each from one second to another, at 100 samples a second.
    static func events(_ alerts: [(kind: AlertKind, from: Double, to: Double)]) -> [MonitorEvent] {
        var number: [AlertKind: UInt32] = [:]
        return alerts.flatMap { alert -> [MonitorEvent] in
            number[alert.kind, default: 0] += 1
            return [(AlertPhase.started, alert.from), (.ended, alert.to)].map { phase, at in
                let body = Alert(
                    kind: alert.kind, phase: phase, priority: alert.kind.priority, number: number[alert.kind] ?? 0,
                    onsetSampleIndex: Int64(alert.from * 100), durationSeconds: at - alert.from, heartRate: nil,
                    beatCount: 0, text: "")
                return MonitorEvent(
                    session: 1, sampleIndex: Int64(at * 100), decidedAtSampleIndex: Int64(at * 100),
                    acquisitionTimeNanoseconds: 0, kind: .alert(body))
            }
        }
    }

    static func score(
        _ found: [(kind: AlertKind, from: Double, to: Double)], _ due: [(kind: AlertKind, from: Double, to: Double)],
        flutter: [ClosedRange<Double>] = []
    ) -> AlertScore {
        AlertScore(found: events(found), reference: events(due), flutter: flutter, samplingRate: 100, seconds: 3_600)
    }

    @Test func alertNearAReferenceOfItsKindIsTrueAndAFarOneFalse() {
        let score = Self.score([(.pause, 100, 103), (.pause, 500, 503)], [(.pause, 106, 109), (.pause, 900, 903)])
        #expect(score.raised[.pause] == 2 && score.falseOnes[.pause] == 1)
        #expect(score.expected[.pause] == 2 && score.missed[.pause] == 1)
        #expect(score.figures.false_per_hour_medium == 1)
    }

    @Test func graverAlertCountsForALesserOneButNotViceVersa() {
        let graver = Self.score([(.ventricularTachycardia, 100, 110)], [(.ventricularRun, 101, 109)])
        #expect(graver.missed.isEmpty && graver.falseOnes[.ventricularTachycardia] == 1)
        let lesser = Self.score([(.ventricularRun, 100, 110)], [(.ventricularTachycardia, 101, 109)])
        #expect(lesser.missed[.ventricularTachycardia] == 1 && lesser.falseOnes.isEmpty)
    }

    @Test func flutterHasNoFalseAlertsAndNeedsAHighPriorityOne() {
        let silent = Self.score([(.pause, 205, 207)], [(.asystole, 204, 210)], flutter: [200...220])
        #expect(silent.falseOnes.isEmpty && silent.expected.isEmpty)
        #expect(silent.flutterSegments == 1 && silent.flutterMissed == 1)
        let said = Self.score([(.asystole, 205, 219)], [], flutter: [200...220])
        #expect(said.falseOnes.isEmpty && said.flutterMissed == 0)
    }

    @Test func technicalAlertsAreCountedApart() {
        let score = Self.score([(.noisySignal, 100, 136)], [])
        #expect(score.raised.isEmpty && score.technical[.noisySignal] == 1)
        #expect(score.figures.technical_time == 1)
    }

    @Test func aRateIsReachedWithTheMonitorsOwnResampler() throws {
        let samples = (0..<3_600).map { Float($0) / 3_600 }
        for rate in RateFigures.rates {
            let converted = try RateFigures.convert(samples, from: 360, to: rate)
            #expect(abs(Double(converted.count) - 10 * rate) <= 1)
            let middle = converted[converted.count / 2]
            #expect(abs(middle - 0.5) < 0.01)
        }
        #expect(throws: ToolError.self) { try RateFigures.convert(samples, from: 360, to: 7) }
    }
}
