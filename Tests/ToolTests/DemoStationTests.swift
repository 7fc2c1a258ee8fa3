import ECGReplay
import ECGWire
import Foundation
import TestSupport
import Testing

@testable import ecgmon

/// `ecgmon demo --serve`: the ward, and its way to the page.
@Suite(.serialized, .enabled(if: ToolProcess.hasModel)) struct DemoStationTests {
    @Test func serveTellsTheAddressAndEndsWithCtrlC() throws {
        let folder = "/tmp/ecgmon-ward-\(UUID().uuidString.prefix(6))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let demo = try ToolProcess(["demo", "--serve", "--station-port", "0"], environment: ["TMPDIR": folder])
        try #require(demo.wait { demo.output.contains("bed-8") }, "\(demo.output) \(demo.errors)")
        let address = try #require(demo.output.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)\/#token=([0-9a-f]{32})/))
        let port = try #require(Int(address.1))
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/"))
        #expect(try String(contentsOf: url, encoding: .utf8).contains("<title>Central station</title>"))
        demo.signal(SIGINT)
        #expect(demo.outcome().exitCode == 130)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [], "nothing is left behind")
    }

    @Test func everyBedSendsValidBlocksWithoutGapsForEver() throws {
        let ward = try DemoWard(
            record: try ReplayMaterial(recordPath: ToolProcess.fixture), modelPath: ToolProcess.model)
        #expect(Set(ward.beds.map(\.stream)).count == 8)
        for number in ward.beds.indices {
            var next: Int64 = 0
            // Past the end of what is repeated.
            for turn in -ward.beds[number].blocksAhead..<1300 {
                let block = ward.block(
                    ofBed: number, turn: turn, session: 1, startNanoseconds: 1_700_000_000_000_000_000)
                try block.validate()
                #expect(block.firstSampleIndex == next)
                next += Int64(block.sampleCount)
            }
        }
        let off = ward.block(ofBed: 4, turn: 35 * DemoWard.blocksPerSecond, session: 1, startNanoseconds: 0)
        #expect(off.leadOff && ward.block(ofBed: 1, turn: 0, session: 1, startNanoseconds: 0).leads.count == 2)
    }
}
