import Foundation
import FoundationXML
import TestSupport
import Testing

@testable import ECGEvaluation
@testable import ecgmon

/// The tables of the evaluations as SVG.
struct TableDrawingTests {
    @Test func everyTableOfATextIsDrawnUnderItsTitle() throws {
        var first = TextTable(["record", "Q Se", "beats"])
        first.rows = [["100", "99.951", "1902"], ["<a>", "99.800", "12"], ["gross", "-", "1914"]]
        var second = TextTable(["SNR dB", "noise"])
        second.rows = [["6", "white"], ["0", "em"]]
        let (text, svg) = TableSketchbook.draw { "by record:\n\(first.text)\n\nnoise stress\n\n\(second.text)" }
        #expect(text.contains("99.951") && text.contains("noise stress"))
        let drawn = try #require(svg)
        #expect(drawn.contains("<title>by record; noise stress</title>"))
        #expect(drawn.contains("&lt;a&gt;") && !drawn.contains("<a>") && drawn.contains(">99.951<"))
        // Far apart from 0 on: bars, as long as the share of the greatest. Close together: dots.
        #expect(drawn.matches(of: /<rect [^>]*fill="#9CC7E4"\/>/).count == 3)
        #expect(drawn.matches(of: /<rect [^>]*fill="#0072B2"\/>/).count == 2)
        #expect(XMLParser(data: Data(drawn.utf8)).parse())
        #expect(TableSketchbook.draw { "no table" }.svg == nil)
        #expect(TableSketchbook.current == nil, "outside nothing is noted")
    }

    @Test(
        arguments: [
            ("12", 12.0), ("-0.5", -0.5), ("99.9 %", 99.9), ("3 of 9", 3), ("1e3", nil), ("-", nil), ("", nil),
            ("0.5-1", nil), ("abc", nil), ("12ms", nil), (" 7", 7), ("45%", 45),
        ] as [(String, Double?)]) func numbersOfCellsAreRead(cell: String, value: Double?)
    {
        #expect(TableDrawing.number(cell) == value)
    }

    @Test(.enabled(if: ToolProcess.hasModel)) func anEvaluationDrawsWhatItPrints() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: "\(folder.path)/mitdb", withIntermediateDirectories: true)
        for kind in ["hea", "dat"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/mitdb/208s.\(kind)", withDestinationPath: "\(ToolProcess.fixture).\(kind)")
        }
        let plot = "\(folder.path)/speed.svg"
        let outcome = try ToolProcess.run([
            "evaluate", "speed", "208s", "--database", "\(folder.path)/mitdb", "--runs", "1", "--plot", plot, "--json",
        ])
        #expect(outcome.exitCode == 0 && outcome.output.hasPrefix("["), "\(outcome.errors)")
        let drawn = try String(contentsOfFile: plot, encoding: .utf8)
        #expect(drawn.contains(">208s<") && drawn.contains("matrix kernel"))
        for (name, words) in [
            ("x.png", "ends in .svg"), ("\(folder.path)/none/x.svg", "no folder that can be written"),
        ] {
            let refused = try ToolProcess.run(["evaluate", "alarms", "--plot", name])
            #expect(refused.exitCode != 0 && refused.errors.contains(words), "\(refused.errors)")
        }
    }
}
