import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// What hostile and slow viewers of the central station can do.
@Suite(.serialized) struct HostileViewerTests {
    @Test func connectionsBeyondTheLimitAreClosed() throws {
        let daemon = try DaemonProcess(configuration: "[station]\nmaximum_connections = 3\n", hasStation: true)
        let viewers = try (0..<3).map { _ in try StationDaemon.viewer(daemon) }
        for viewer in viewers { #expect(viewer.text { $0.contains(#""type":"state""#) } != nil) }
        let fourth = RawConnection(port: daemon.stationPort)
        fourth?.send(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        #expect(fourth.map { $0.readToEnd() == "" } ?? true)
        #expect(daemon.wait(for: "ecgmon_station_connections_refused_total") { $0 >= 1 })
        #expect(viewers[0].text { _ in true } != nil, "those who are in are not disturbed")
        #expect(daemon.terminate() == 0)
    }

    @Test func whatNoBrowserSendsEndsTheConnection() throws {
        let daemon = try DaemonProcess(hasStation: true)
        func ends(_ act: (StationClient) -> Void) throws -> Int? {
            let client = try StationDaemon.viewer(daemon)
            _ = client.text { $0.contains(#""type":"state""#) }
            act(client)
            return client.endCode()
        }
        #expect(try ends { $0.send("no JSON") } == 1007)
        #expect(try ends { $0.send(#"{"type":"dance"}"#) } == 1007)
        #expect(try ends { $0.send(opcode: 2, [1, 2, 3]) } == 1007)
        #expect(try ends { $0.send(opcode: 1, Array("{".utf8), isFinal: false) } == 1007)
        #expect(try ends { $0.send(String(repeating: "[", count: 4000)) } == 1007)
        #expect(try ends { client in for _ in 0..<50 { client.send(#"{"type":"close"}"#) } } == 1008)
        // Above the limit of a frame: not even read.
        #expect(try ends { $0.send(opcode: 1, Array(repeating: 0x20, count: 100_000)) } != nil)
        let silent = try #require(StationClient(port: daemon.stationPort))
        #expect(silent.endCode() == 4401, "one that does not sign in is sent away")
        let endless = try #require(RawConnection(port: daemon.stationPort))
        endless.flood(Array(repeating: UInt8(ascii: "a"), count: 4096), atMost: 100)
        #expect(endless.isClosedByPeer(), "a request without end is cut off")
        let slow = try #require(RawConnection(port: daemon.stationPort))
        slow.send(Array("GET / HTTP/1.1\r\n".utf8))
        #expect(slow.isClosedByPeer(), "a request that does not end is cut off")
        #expect(daemon.terminate() == 0)
    }

    @Test func aViewerThatDoesNotReadIsSentAwayAndCounted() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let slow = try StationDaemon.viewer(daemon, receiveBuffer: 4096)
        #expect(slow.text { $0.contains(#""type":"state""#) } != nil)
        // Twelve leads, off: much to tell, little to analyse.
        var block = WireSampleBlock()
        (block.schemaVersion, block.stream, block.session, block.samplingRate) = (1, "bed-1", 1, 239)
        block.leads = (1...12).map { number in
            var lead = WireSampleBlock.Lead()
            (lead.name, lead.leadOff) = ("lead \(number)", true)
            lead.millivolts = Array(repeating: 0, count: 6000)
            return lead
        }
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        #expect(try client.send(block, timeout: .seconds(30)))
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 >= 6000 })
        // It asks and never reads: what waits for it reaches its limit.
        #expect(
            eventually {
                for _ in 0..<5 { slow.send(#"{"type":"open","bed":"bed-1"}"#) }
                usleep(500_000)
                return (daemon.metric("ecgmon_station_viewers_behind_total") ?? 0) >= 1
            })
        #expect(daemon.wait(for: "ecgmon_station_viewers_too_slow_total") { $0 == 1 })
        #expect(daemon.wait(for: "ecgmon_station_viewers") { $0 == 0 })
        let other = try StationDaemon.viewer(daemon)
        #expect(try #require(other.text { _ in true }).contains("bed-1"), "others are served")
        #expect(daemon.terminate() == 0)
    }

    @Test func bedsBeyondTheLimitAreCountedAndTakeFreePlaces() throws {
        let daemon = try DaemonProcess(
            configuration:
                "[station]\nmaximum_beds = 2\n[streams]\nsilent_after_seconds = 0.5\nforgotten_after_seconds = 4\n",
            hasStation: true)
        let recording = Recording(samplingRate: 250, seconds: 12, seed: 5)
        for name in ["a", "b", "c"] { try StationDaemon.send(recording.blocks(stream: name, size: 250), to: daemon) }
        #expect(daemon.wait(for: "ecgmon_station_beds_not_shown") { $0 == 1 })
        let client = try StationDaemon.viewer(daemon)
        let state = try #require(client.text { _ in true })
        #expect(state.contains(#""bedsNotShown":1"#) && !state.contains(#""name":"c""#))
        #expect(client.text { $0.contains(#""gone":["#) } != nil, "streams that are forgotten leave the page")
        #expect(daemon.wait(for: "ecgmon_station_beds_not_shown") { $0 == 0 })
        #expect(daemon.terminate() == 0)
    }
}
