import ArgumentParser
import EC57
import ECGClassification
import ECGATKGAN
import ECGMonitor
import Foundation
import FoundationXML
import TestSupport
import Testing

@testable import ECGEvaluation
@testable import ToolSupport
@testable import ecgmon

@Suite(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
struct PlotTests {
    private static func strip(from start: Double, to end: Double) throws -> ECGStrip {
        try ECGStrip(
            "208s", in: RecordDatabase(Checkout.root + "Fixtures"), from: start, to: end,
            classifier: BeatClassifier(contentsOf: Checkout.model))
    }

    /// A strip without a record.
    private static func strip(_ millivolts: [Float], rate: Double = 100, alerts: [TimedAlert] = []) throws -> ECGStrip {
        var strip = try strip(from: 0, to: 1)
        strip.title = "<a & b>"
        strip.millivolts = millivolts
        strip.samplingRate = rate
        strip.start = 0
        strip.end = Double(millivolts.count) / rate
        strip.beats = []
        strip.alerts = alerts
        strip.referenceBeats = nil
        strip.referenceMarks = nil
        return strip
    }

    private static func elements(_ svg: String, containing text: String) -> [Substring] {
        svg.split(separator: "\n").filter { $0.contains(text) }
    }

    @Test func aStripHasTheBeatsAndAlarmsOfItsStretch() throws {
        let strip = try Self.strip(from: 96, to: 106)
        #expect(strip.millivolts.count == 3600 && strip.start == 96 && strip.end == 106)
        let events = try MonitorRun.events(
            of: RecordDatabase(Checkout.root + "Fixtures").record("208s"), name: "208s",
            classifier: BeatClassifier(contentsOf: Checkout.model))
        let beats = MonitorRun.beats(events).filter { (34_560..<38_160).contains($0.sampleIndex) }
        #expect(strip.beats.map(\.letter) == beats.map(\.beatClass.letter) && !beats.isEmpty)
        #expect(strip.alerts.contains { $0.kind == .noisySignal })
        let svg = ECGStripDrawing(strip, subtitle: "model x", caption: "from mitdb").svg
        #expect(svg.contains(">noisy signal</text>") && svg.contains("model x") && svg.contains(">from mitdb</text>"))
        #expect(svg.contains("1:36.0 to 1:46.0"))
        #expect(Self.elements(svg, containing: "class=\"ecg\"").count == 1)
        // 10 s at 25 mm/s between the margins.
        #expect(svg.contains("width=\"283mm\""))
        #expect(svg == ECGStripDrawing(strip, subtitle: "model x", caption: "from mitdb").svg)
        #expect(svg.utf8.count < 60_000)
    }

    @Test func theTraceIsDrawnInHundredthsOfAMillimetre() throws {
        // 100 samples a second at 25 mm/s: 0.25 mm apart; 1 mV is 10 mm.
        let svg = ECGStripDrawing(try Self.strip([0, 0, 1, 0, 0])).svg
        #expect(svg.contains("l25 0 25-1000 25 1000 25 0\""))
        let small = ECGStripDrawing(try Self.strip([0, 0, 1, 0, 0]), gain: 5).svg
        #expect(small.contains("l25 0 25-500 25 500 25 0\"") && small.contains("5 mm/mV"))
    }

    @Test func invalidSamplesBreakTheTrace() throws {
        let svg = ECGStripDrawing(try Self.strip([0, 0, .nan, .nan, 0, .nan, 0, 0])).svg
        let trace = try #require(Self.elements(svg, containing: "class=\"ecg\"").first)
        #expect(trace.count { $0 == "M" } == 3)
        #expect(!trace.contains("nan") && !trace.contains("lM"))
        let nothing = ECGStripDrawing(try Self.strip([.nan, .nan])).svg
        #expect(nothing.contains("no beat") && nothing.contains("no alarm"))
    }

    @Test func peaksSurviveAtHighRatesAndFarPeaksAreCut() throws {
        var millivolts = [Float](repeating: 0, count: 2_000)
        millivolts[1_001] = 1
        let svg = ECGStripDrawing(try Self.strip(millivolts, rate: 2_000)).svg
        let trace = try #require(Self.elements(svg, containing: "class=\"ecg\"").first)
        #expect(trace.contains("-1000"))
        #expect(trace.count { $0 == " " } < 3_000)
        millivolts[1_001] = 40
        let cut = ECGStripDrawing(try Self.strip(millivolts, rate: 2_000)).svg
        #expect(cut.contains("cut at the edges") && cut.contains("-7500"))
    }

    @Test func textFromAFileCannotBreakTheDrawing() throws {
        var strip = try Self.strip([0, 1, 0])
        strip.lead = "\u{1B}\"II\"<svg>"
        let svg = ECGStripDrawing(strip, caption: "a < b & c").svg
        #expect(svg.contains("&lt;a &amp; b&gt;") && svg.contains(".&quot;II&quot;&lt;svg&gt;"))
        #expect(svg.contains("a &lt; b &amp; c"))
        #expect(XMLParser(data: Data(svg.utf8)).parse())
    }

    @Test func anAlarmIsPaleUntilItIsRaised() throws {
        let alert = TimedAlert(
            kind: .asystole, priority: .high, onset: 2, raised: 6, end: 9, cleared: 10)
        let svg = ECGStripDrawing(try Self.strip([Float](repeating: 0, count: 1_200), alerts: [alert])).svg
        let bars = Self.elements(svg, containing: "fill=\"#D55E00\"").filter { $0.contains("height=\"4.2\"") }
        // 25 mm/s from the left margin of 25 mm.
        #expect(bars.count == 2 && bars[0].contains("x=\"75\"") && bars[0].contains("width=\"100\""))
        #expect(bars[1].contains("x=\"175\"") && bars[1].contains("width=\"100\""))
        #expect(svg.contains(">asystole</text>"))
        // One that is raised after the stretch is never full.
        let later = TimedAlert(kind: .asystole, priority: .high, onset: 8, raised: 13, end: 20, cleared: 20)
        let pale = ECGStripDrawing(try Self.strip([Float](repeating: 0, count: 1_200), alerts: [later])).svg
        #expect(pale.contains("asystole (raised at 0:13)"))
        #expect(Self.elements(pale, containing: "fill=\"#D55E00\"").filter { $0.contains("height=\"4.2\"") }.count == 1)
    }

    @Test func theCommandWritesTheFileAndNamesWhatIsWrong() throws {
        let folder = try AnnotateTests.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/p.svg"
        try PlotCommand.parse([Checkout.fixture, "--from", "1:36", "-o", file, "--model", Checkout.model]).run()
        let svg = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        #expect(svg.contains("Fixtures/208s, lead MLII, 1:36.0 to 1:46.0"))
        func failure(_ arguments: [String]) -> ToolError? {
            do {
                try PlotCommand.parse(arguments + ["-o", file, "--model", Checkout.model]).run()
                return nil
            } catch { return error as? ToolError }
        }
        #expect(
            failure([Checkout.fixture, "--from", "10:00"])?.problem.contains("nothing of record 208s lies between")
                == true)
        #expect(failure([Checkout.fixture, "--to", "5:00"])?.problem.contains("too long") == true)
        #expect(failure(["none", "--database", folder])?.problem.contains("none") == true)
        #expect(failure([Checkout.fixture, "--lead", "V9"])?.problem.contains("no lead V9") == true)
        #expect(throws: (any Error).self) { try PlotCommand.parse(["a", "-o", file, "--from", "5", "--to", "5"]) }
        #expect(throws: (any Error).self) { try PlotCommand.parse(["a", "-o", file, "--gain", "0"]) }
    }
}
