import ECGATKGAN
import Foundation
import FoundationXML
import TestSupport
import Testing

@testable import ECGEvaluation
@testable import ToolSupport
@testable import ecgmon

struct OverlaidBeatsTests {
    /// Counts the curves of a drawing.
    private final class Reader: NSObject, XMLParserDelegate {
        var curves: [String: Int] = [:]
        var pointCounts: Set<Int> = []

        func parser(
            _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String] = [:]
        ) {
            guard element == "polyline" else { return }
            curves[attributes["class"] ?? "", default: 0] += 1
            pointCounts.insert(attributes["points"]?.split(separator: " ").count ?? 0)
        }
    }

    @Test func drawingIsWellFormedWithBothCurvesForEachAttack() throws {
        let folder = try TemporaryFolder("figure")
        let model = try WindowEvaluationTests.model(folder, seed: 3)
        let windows = WindowEvaluationTests.windows(12, rightFor: model)
        let beatClass = try #require(BeatClass(rawValue: windows.labels[0]))
        let figure = try OverlaidBeats.figure2(
            windows, beatClass, by: model.network.replica(), epsilon: 0.01, seed: 4, caption: "a <model> & more")
        #expect(figure.panels.map(\.title) == ["FGSM", "BIM", "PGD", "CW"])
        #expect(figure.clean.beatClass == beatClass)
        for panel in figure.panels {
            #expect(panel.samples != figure.samples)
            #expect(zip(panel.samples, figure.samples).allSatisfy { abs($0 - $1) <= 0.01 + 1e-6 })
        }
        let parser = XMLParser(data: Data(figure.svg.utf8))
        let reader = Reader()
        parser.delegate = reader
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        #expect(reader.curves == ["clean": 4, "attacked": 4, "difference": 4])
        #expect(reader.pointCounts == [280])
        #expect(figure.svg.contains("a &lt;model&gt; &amp; more"))
    }

    @Test func classThatTheModelNeverGetsRightIsReported() throws {
        let folder = try TemporaryFolder("figure")
        let model = try WindowEvaluationTests.model(folder, seed: 3)
        let windows = WindowEvaluationTests.windows(4, rightFor: model)
        let missing = try #require(BeatClass.allCases.first { windows.count(of: $0) == 0 })
        #expect(throws: ToolError.self) {
            try OverlaidBeats.figure2(
                windows, missing, by: model.network.replica(), epsilon: 0.01, seed: 1, caption: "")
        }
    }
}
