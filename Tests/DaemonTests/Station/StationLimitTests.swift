import ECGSignal
import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Limits of a bed that are set on the central station.
@Suite(.serialized) struct StationLimitTests {
    @Test func limitsAreSetByTheCommandTokenAndOutliveAKill() throws {
        let folder = try TemporaryFolder()
        try folder.write("token", StationDaemon.commandToken)
        chmod("\(folder.path)/token", 0o600)
        let configuration = "[station]\ncommand_token_file = \"\(folder.path)/token\"\n"
        let first = try DaemonProcess(configuration: configuration, hasJournal: true, hasStation: true)
        let recording = Recording(samplingRate: 250, seconds: 40, seed: 5)
        try StationDaemon.send(recording.blocks(stream: "bed-1", size: 250), to: first)
        let client = try StationDaemon.viewer(first, token: StationDaemon.commandToken)
        #expect(client.text { $0.contains(#""name":"bed-1""#) } != nil)
        client.send(#"{"type":"open","bed":"bed-1"}"#)
        #expect(client.text { $0.contains(#""limits":{"limits":[{"configured":140"#) } != nil)
        func answer(_ client: StationClient, _ limits: String) throws -> String {
            client.send(#"{"type":"command","number":7,"bed":"bed-1","action":"limits","by":"Dr Grey"\#(limits)}"#)
            return try #require(client.text { $0.contains(#""type":"reply""#) })
        }
        let set = #","limits":{"tachycardia_above":70,"extreme_tachycardia_above":90}"#
        #expect(try answer(client, set).contains("tachycardia above 70 /min, before 120 /min"))
        #expect(client.text { $0.contains(#""by":"Dr Grey [station token]""#) } != nil)
        #expect(eventually { first.log.contains("limits set") && first.log.contains("Dr Grey [station token]") })
        for (bad, words) in [
            (#","limits":{"tachycardia_above":20}"#, "the limit of tachycardia must be a whole number from 50 /min"),
            (#","limits":{"hunger":20}"#, "no such limit of a bed"),
            (#","limits":{"bradycardia_below":100}"#, "The limit of bradycardia must be below the limit of tachycardia"),
        ] {
            let text = try answer(client, bad)
            #expect(text.contains(#""result":"invalid""#) && text.contains(words), "\(bad): \(text)")
        }
        let again = try answer(client, set)
        #expect(again.contains("nothing_to_do") && again.contains("these limits hold already"), "\(again)")
        let watching = try StationDaemon.viewer(first)
        #expect(watching.text { $0.contains(#""type":"state""#) } != nil)
        #expect(try answer(watching, set).contains("not_permitted"))
        first.signal(SIGKILL)
        _ = first.exitCode()
        let second = try DaemonProcess(configuration: configuration, hasJournal: true, hasStation: true, after: first)
        let other = try StationDaemon.viewer(second, token: StationDaemon.commandToken)
        #expect(other.text { $0.contains(#""name":"bed-1""#) } != nil)
        other.send(#"{"type":"open","bed":"bed-1"}"#)
        let bed = try #require(other.text { $0.contains(#""limits":{"#) })
        #expect(bed.contains(#""by":"Dr Grey [station token]""#) && bed.contains(#""value":70"#))
        // Back to what is configured.
        #expect(try answer(other, "").contains("tachycardia above 120 /min, before 70 /min"))
        #expect(other.text { $0.contains(#""value":120"#) && !$0.contains(#""value":70"#) } != nil)
        #expect(eventually { (try? JournalReader(path: second.journal).limits(of: "bed-1")) == .some(nil) })
        #expect(second.terminate() == 0)
    }

    @Test func limitsThatAreSetDecideWhatIsAnAlarm() throws {
        let folder = try TemporaryFolder()
        try folder.write("token", StationDaemon.commandToken)
        chmod("\(folder.path)/token", 0o600)
        let daemon = try DaemonProcess(
            configuration: "[station]\ncommand_token_file = \"\(folder.path)/token\"\n", hasStation: true)
        var simulator = ECGSimulator(.init(samplingRate: 250, script: [.init(.sinus(rate: 75), seconds: .infinity)]))
        let millivolts = simulator.record(seconds: 80).millivolts
        let blocks = stride(from: 0, to: millivolts.count, by: 250).map { start -> WireSampleBlock in
            var block = WireSampleBlock()
            (block.schemaVersion, block.stream, block.session) = (1, "bed-1", 3)
            (block.firstSampleIndex, block.samplingRate, block.lead) = (Int64(start), 250, "II")
            block.millivolts = Array(millivolts[start..<start + 250])
            return block
        }
        try StationDaemon.send(Array(blocks.prefix(40)), to: daemon)
        let client = try StationDaemon.viewer(daemon, token: StationDaemon.commandToken)
        #expect(client.text { $0.contains(#""name":"bed-1""#) } != nil)
        client.send(
            #"{"type":"command","number":1,"bed":"bed-1","action":"limits","by":"x","limits":{"tachycardia_above":65}}"#
        )
        #expect(try #require(client.text { $0.contains(#""type":"reply""#) }).contains(#""result":"done""#))
        #expect(daemon.metric("ecgmon_alerts_started_total{kind=\"tachycardia\"}") ?? 0 == 0)
        let context = try ZeroMQContext()
        let source = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in blocks.dropFirst(40) { #expect(try source.send(block, timeout: .seconds(30))) }
        #expect(daemon.wait(for: "ecgmon_alerts_started_total{kind=\"tachycardia\"}") { $0 == 1 })
        #expect(daemon.terminate() == 0)
    }
}
