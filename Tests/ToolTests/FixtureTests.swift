import Foundation
import Testing
import WFDB

@testable import ECGReplay
@testable import ecgmon

struct FixtureTests {
    static let original = ToolProcess.databases + "/mitdb"

    @Test func theFixtureHoldsFiveMinutesOfOneLead() throws {
        let material = try ReplayMaterial(recordPath: ToolProcess.fixture)
        #expect(material.counts.count == 108_000)
        #expect(material.samplingRate == 360)
        #expect(material.lead == "MLII")
        #expect(material.gain == 200)
        #expect(material.baseline == 1024)
        #expect(material.countRange == 0...2047)
        #expect(material.invalidIndices.isEmpty)
    }

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: original + "/208.dat"),
            "record 208 of mitdb is not here: set ECGMON_DATABASES to the folder that holds mitdb"))
    func theFixtureIsRecord208FromSample422820() throws {
        let record = try Record.read("208", in: Self.original)
        let fixture = try Record.read("208s", in: ToolProcess.root + "/Fixtures")
        #expect(Array(record.samples[0][422_820..<530_820]) == fixture.samples[0])
        #expect(record.header.signals[0].description == fixture.header.signals[0].description)
        #expect(record.header.signals[0].gain == fixture.header.signals[0].gain)
        #expect(record.header.signals[0].baseline == fixture.header.signals[0].baseline)
    }

    @Test func attributionIsNextToTheFixture() throws {
        let text = try String(contentsOfFile: ToolProcess.root + "/Fixtures/ATTRIBUTION.md", encoding: .utf8)
        for needed in ["ODC-BY", "10.13026/C2F305", "Goldberger", "SciPy Developers", "scipy 1.11.4"] {
            #expect(text.contains(needed))
        }
    }
}
