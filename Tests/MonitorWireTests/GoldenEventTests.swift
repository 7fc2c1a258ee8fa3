import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGSignal
import Foundation
import MonitorWire
import NeuralNetwork
import Testing
import WFDB

/// Events as they were when the digests in `Golden` were made: a guard against changes that nobody meant. Where a change
/// of events is meant, ECGMON_RECORD_GOLDEN=1 writes the digests anew.
@Suite(.enabled(if: GoldenFile.hasModel, "skipped: no weights at Config/models/default.safetensors"))
struct GoldenEventTests {
    @Test(arguments: GoldenScenario.all) func eventsAreThoseOfTheRecordedDigest(scenario: GoldenScenario) throws {
        let events = try scenario.events(BeatClassifier(contentsOf: GoldenFile.model))
        let digest = try EventDigest(of: events, stream: scenario.name)
        let kernel = NetworkKernel.inUse.rawValue
        if ProcessInfo.processInfo.environment["ECGMON_RECORD_GOLDEN"] != nil {
            return try GoldenFile(digest).write(scenario.name, kernel: kernel)
        }
        let golden = try GoldenFile.read(scenario.name, kernel: kernel)
        #expect(digest.events == golden.events)
        #expect(digest.ids == golden.ids, "the decisions are others than those recorded")
        #expect(digest.bodies == golden.bodies, "the figures are others than those recorded")
    }

    @Test func digestsTellEventsApart() throws {
        let scenario = try #require(GoldenScenario.all.first)
        var events = try scenario.events(BeatClassifier(contentsOf: GoldenFile.model))
        let digest = try EventDigest(of: events, stream: "a")
        events[10].acquisitionTimeNanoseconds += 1
        let changed = try EventDigest(of: events, stream: "a")
        #expect(changed.ids == digest.ids && changed.bodies != digest.bodies)
        events[10].sampleIndex += 1
        #expect(try EventDigest(of: events, stream: "a").ids != digest.ids)
    }
}

/// A recorded digest: one JSON file for each scenario and kernel.
struct GoldenFile: Codable {
    var events: Int
    var ids: String
    var bodies: String

    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()
    static let model = packageRoot + "Config/models/default.safetensors"
    static let hasModel = FileManager.default.fileExists(atPath: model)

    init(_ digest: EventDigest) { (events, ids, bodies) = (digest.events, digest.ids, digest.bodies) }

    private static func path(_ name: String, _ kernel: String) -> String {
        packageRoot + "Tests/MonitorWireTests/Golden/\(name)-\(kernel).json"
    }

    static func read(_ name: String, kernel: String) throws -> GoldenFile {
        try JSONDecoder().decode(GoldenFile.self, from: Data(contentsOf: URL(filePath: path(name, kernel))))
    }

    func write(_ name: String, kernel: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        var data = try encoder.encode(self)
        data.append(UInt8(ascii: "\n"))
        try data.write(to: URL(filePath: Self.path(name, kernel)))
    }
}
