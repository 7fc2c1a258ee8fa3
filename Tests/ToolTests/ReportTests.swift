import ECGATKGAN
import ECGMonitor
import ECGSignal
import Foundation
import TestSupport
import Testing

@testable import ECGEvaluation
@testable import ecgmon

/// The Holter report: its figures on beats that are known, and the page of a real record.
struct ReportTests {
    private static let rate = 250.0

    private static func beat(_ seconds: Double, _ letter: Character, after interval: Double?) -> MonitorEvent {
        let beatClass: BeatClass? =
            switch letter {
            case "N": .normal
            case "S": .supraventricular
            case "V": .ventricular
            default: nil
            }
        return event(
            seconds,
            .beat(
                Beat(
                    beatClass: beatClass, notClassifiedBecause: nil, probabilities: .zero, attackSuspicion: 0,
                    rrIntervalSeconds: interval, amplitudeMillivolts: 1, foundBySearchBack: false)))
    }

    private static func event(_ seconds: Double, _ kind: MonitorEvent.Kind) -> MonitorEvent {
        let index = Int64((seconds * rate).rounded())
        return MonitorEvent(
            session: 1, sampleIndex: index, decidedAtSampleIndex: index, acquisitionTimeNanoseconds: 0, kind: kind)
    }

    private static func alert(_ kind: AlertKind, _ phase: AlertPhase, at seconds: Double, onset: Double) -> MonitorEvent
    {
        event(
            seconds,
            .alert(
                Alert(
                    kind: kind, phase: phase, priority: kind.priority, number: 1,
                    onsetSampleIndex: Int64((onset * rate).rounded()), durationSeconds: 0, heartRate: nil, beatCount: 0,
                    text: "\(kind.name) <b>")))
    }

    /// Beats every 0.8 s for two hours; at half past each a couplet and a run of four V beats.
    private static var events: [MonitorEvent] {
        var events: [MonitorEvent] = [
            event(
                0, .status(Status(condition: .good, conditionSinceSampleIndex: 0, state: .monitoring, heartRate: nil)))
        ]
        for number in 0..<9000 {
            let place = number % 4500
            let letter: Character =
                [2000, 2001, 2100, 2101, 2102, 2103].contains(place) ? "V" : place == 3000 ? "S" : "N"
            events.append(beat(Double(number) * 0.8 + 0.4, letter, after: number == 0 ? nil : 0.8))
        }
        events.append(alert(.atrialFibrillation, .started, at: 1000, onset: 900))
        events.append(alert(.atrialFibrillation, .ended, at: 1620, onset: 900))
        events.append(alert(.ventricularTachycardia, .started, at: 5280, onset: 5278))
        return events
    }

    @Test func figuresAreThoseOfKnownBeats() throws {
        let summary = HolterSummary(events: Self.events, samplingRate: Self.rate, samples: Int(7200 * Self.rate))
        #expect(summary.whole.beats == 9000 && summary.whole.ventricular == 12 && summary.whole.supraventricular == 2)
        #expect(summary.whole.couplets == 2 && summary.whole.runs == 2)
        #expect(summary.hours.map(\.ventricular) == [6, 6] && summary.hours.map(\.runs) == [1, 1])
        #expect(abs(try #require(summary.whole.meanRate) - 75) < 0.01)
        #expect(abs(summary.whole.fibrillation - 0.1) < 1e-9 && abs(summary.hours[0].fibrillation - 0.2) < 1e-9)
        #expect(summary.episodes.count == 2 && summary.episodes[1].end == nil)
        #expect(summary.conditions[.good] == 7200)
        let variability = try #require(summary.variability)
        #expect(variability.sdnn < 1e-6 && variability.rmssd < 1e-6 && variability.pnn50 == 0)
    }

    @Test func variabilityIsThatOfAlternatingIntervals() throws {
        var seconds = 0.0
        let events = (0..<101).map { number in
            let interval = number % 2 == 0 ? 0.7 : 0.9
            seconds += interval
            return Self.beat(seconds, "N", after: interval)
        }
        let summary = HolterSummary(events: events, samplingRate: Self.rate, samples: Int(90 * Self.rate))
        let variability = try #require(summary.variability)
        // A hundred intervals of 900 and 700 ms: the sample's deviation, and differences of 200 ms.
        #expect(abs(variability.sdnn - 100 * (100.0 / 99).squareRoot()) < 1e-6)
        #expect(abs(variability.rmssd - 200) < 1e-6 && variability.pnn50 == 1)
    }

    @Test func thePageNeedsNothingElseAndEscapesWhatItShows() {
        let summary = HolterSummary(events: Self.events, samplingRate: Self.rate, samples: Int(7200 * Self.rate))
        let (shown, others) = ReportCommand.chosen(summary.episodes, most: 1)
        #expect(shown.map(\.kind) == [.ventricularTachycardia] && others == 1, "the gravest first")
        let page = HolterPage(
            title: "<script>", lead: "II", model: "m", summary: summary,
            strips: shown.map {
                ($0, HolterDrawing.strip([0, .nan, 1, 0], samplingRate: 250, start: 5278, beats: [], mark: 5278))
            },
            withoutStrip: others
        ).html
        #expect(!page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("&lt;b&gt;"))
        #expect(!page.contains("http") && !page.contains("src=") && !page.contains("url("))
        #expect(!page.contains("nan") && !page.contains("inf\""))
        #expect(page.matches(of: /<svg/).count == 4 && page.matches(of: /<\/svg>/).count == 4)
    }

    @Test func anEmptyRecordingIsAReportToo() {
        let summary = HolterSummary(events: [], samplingRate: 250, samples: 0)
        let page = HolterPage(title: "x", lead: "", model: "m", summary: summary, strips: [], withoutStrip: 0).html
        #expect(page.contains("None.") && page.contains("not known") && !page.contains("nan"))
    }

    @Test(.enabled(if: ToolProcess.hasModel)) func theFixtureBecomesAReport() throws {
        let folder = try TemporaryFolder()
        let outcome = try ToolProcess.run(["report", ToolProcess.fixture, "-o", "\(folder.path)/r.html"])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let page = try String(contentsOfFile: "\(folder.path)/r.html", encoding: .utf8)
        #expect(page.contains("Holter report: 208s") && page.contains("lead MLII".replacing("lead", with: "Lead")))
        #expect(page.contains("Ventricular ectopic beats") && page.matches(of: /<article/).count > 3)
        let absent = try ToolProcess.run(["report", "no/such/record", "-o", "\(folder.path)/x.html"])
        #expect(absent.exitCode != 0 && absent.errors.contains("cannot be read"))
    }

    @Test(.enabled(if: ToolProcess.hasModel && PDFPrinter.browser != nil, "needs Chromium: apt install chromium"))
    func aReportIsPrintedAsPDF() throws {
        let folder = try TemporaryFolder()
        let outcome = try ToolProcess.run(["report", ToolProcess.fixture, "--strips", "4", "-o", "\(folder.path)/r.pdf"])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let data = try Data(contentsOf: URL(filePath: "\(folder.path)/r.pdf"))
        #expect(data.starts(with: Array("%PDF-".utf8)) && data.count > 20_000)
    }
}
