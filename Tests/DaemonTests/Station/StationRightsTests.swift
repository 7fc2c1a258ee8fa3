import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Who may look at the central station, and who may command.
@Suite(.serialized) struct StationRightsTests {
    @Test func withoutTheTokenNothingIsShown() throws {
        let (daemon, _) = try StationDaemon.withTokens()
        for token in ["", "wrong", String(StationDaemon.viewToken.reversed()) + "x", StationDaemon.viewToken + "x"] {
            let client = try StationDaemon.viewer(daemon, token: token)
            #expect(
                client.receive() == .text(#"{"reason":"token","type":"refused"}"#)
                    || client.receive() == .end(code: 4401), "\(token)")
            #expect(client.endCode() ?? 4401 == 4401)
        }
        for (token, mayCommand) in [(StationDaemon.viewToken, false), (StationDaemon.commandToken, true)] {
            let client = try StationDaemon.viewer(daemon, token: token)
            let state = try #require(client.text { $0.contains(#""type":"state""#) })
            #expect(state.contains("\"mayCommand\":\(mayCommand)"))
        }
        #expect(daemon.metric("ecgmon_station_viewers_refused_total") == 4)
        #expect(!daemon.log.contains(StationDaemon.viewToken) && !daemon.log.contains(StationDaemon.commandToken))
        #expect(daemon.terminate() == 0)
    }

    @Test func onlyTheCommandTokenAcknowledges() throws {
        let (daemon, _) = try StationDaemon.withTokens()
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        try StationDaemon.send(recording.blocks(stream: "bed-1", size: 250), to: daemon)
        let watching = try StationDaemon.viewer(daemon, token: StationDaemon.viewToken)
        #expect(watching.text { $0.contains(#""type":"state""#) } != nil)
        let command = #"{"type":"command","number":3,"bed":"bed-1","action":"pauseAudio","by":"Dr Grey"}"#
        watching.send(command)
        let refusal = try #require(watching.text { $0.contains(#""type":"reply""#) })
        #expect(refusal.contains("not_permitted") && refusal.contains(#""number":3"#))

        let commanding = try StationDaemon.viewer(daemon, token: StationDaemon.commandToken)
        #expect(commanding.text { $0.contains(#""type":"state""#) } != nil)
        commanding.send(command)
        #expect(try #require(commanding.text { $0.contains(#""type":"reply""#) }).contains(#""result":"done""#))
        #expect(watching.text { $0.contains(#""by":"Dr Grey [station token]""#) } != nil, "all viewers see who paused")
        for bad in [
            #"{"type":"command","number":4,"bed":"bed-1","action":"explode","by":"x"}"#,
            #"{"type":"command","number":4,"bed":"no bed","action":"resume","by":"x"}"#,
            #"{"type":"command","number":4,"bed":"bed-1","action":"acknowledge","kind":"hunger","by":"x"}"#,
            #"{"type":"command","number":4,"bed":"bed-1","action":"resume","by":""}"#,
            #"{"type":"command","number":4,"bed":"bed-1","action":"resume","by":"\u0007"}"#,
            #"{"type":"command","number":4,"bed":"bed-1","action":"resume"}"#,
        ] {
            commanding.send(bad)
            #expect(
                try #require(commanding.text { $0.contains(#""type":"reply""#) }).contains(#""result":"invalid""#),
                "\(bad)")
        }
        #expect(daemon.terminate() == 0)
    }

    @Test func aChangedTokenHoldsForThoseWhoAreInToo() throws {
        let (daemon, folder) = try StationDaemon.withTokens()
        let client = try StationDaemon.viewer(daemon, token: StationDaemon.viewToken)
        #expect(client.text { $0.contains(#""type":"state""#) } != nil)
        try "\(String(StationDaemon.viewToken.reversed()))\n".write(
            toFile: "\(folder.path)/view", atomically: true, encoding: .utf8)
        chmod("\(folder.path)/view", 0o600)
        daemon.signal(SIGHUP)
        #expect(client.endCode() == 4401)
        #expect(daemon.terminate() == 0)
    }

    @Test func whereKeysAreAskedForTheStationNeedsAToken() {
        var configuration = DaemonConfiguration()
        #expect(StationService.obstacle(configuration) == nil)
        configuration.security.serverKey = "/somewhere"
        #expect(StationService.obstacle(configuration)?.contains("view_token_file") == true)
        configuration.station.viewTokenFile = "/elsewhere"
        #expect(StationService.obstacle(configuration) == nil)
        configuration = DaemonConfiguration()
        configuration.station.address = "0.0.0.0"
        #expect(ListeningAddresses.resolve(&configuration).map(\.key) == ["station.address"])
    }
}
