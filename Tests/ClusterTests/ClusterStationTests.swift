import DaemonEvaluation
import DaemonHarness
import ECGWire
import Glibc
import MonitorDaemon
import TestSupport
import Testing
import ZeroMQ

/// The central station at the gateways of a cluster: each shows the beds of all, and commands reach the worker that
/// owns the bed.
@Suite(.serialized, .enabled(if: LocalBrokers.isInstalled, "skipped: rabbitmq-server is not installed"))
struct ClusterStationTests {
    private static let token = "nYuSqPkE3dJhGfBa9ZmL2kxVcW7rTqO5"
    private static let script = "sinus@75:25,asystole:8,vt@170:20,sinus"

    private static func cluster(in folder: TemporaryFolder) throws -> LocalCluster {
        try folder.write("token", token)
        chmod("\(folder.path)/token", 0o600)
        return try ClusterBedside.cluster(in: folder) { setup in
            setup.gateways = 2
            setup.servesStation = true
            setup.gatewayConfiguration = "[station]\ncommand_token_file = \"\(folder.path)/token\"\n"
        }
    }

    /// A viewer that has the state.
    private static func viewer(_ gateway: LocalDaemon) throws -> StationClient {
        #expect(ClusterBedside.eventually { gateway.stationPort != nil })
        let port = try #require(gateway.stationPort)
        let client = try #require(StationClient(port: port))
        client.send(#"{"type":"hello","token":"\#(token)"}"#)
        return client
    }

    /// Opens a bed until what comes fulfils a condition.
    private static func open(_ bed: String, _ client: StationClient, where condition: (String) -> Bool) -> String? {
        for _ in 0..<100 {
            client.send(#"{"type":"open","bed":"\#(bed)"}"#)
            let text = client.text(among: 600) { $0.contains(#""type":"bed""#) && $0.contains(#""bed":"\#(bed)""#) }
            guard let text else { return nil }
            if condition(text) { return text }
            usleep(200_000)
        }
        return nil
    }

    private static func command(_ client: StationClient, _ words: String) throws -> String {
        client.send(#"{"type":"command","number":7,"bed":"bed-1","by":"Dr Grey",\#(words)}"#)
        return try #require(client.text(among: 600) { $0.contains(#""type":"reply""#) })
    }

    @Test func everyGatewayShowsTheBedsOfAllAndCommandsThem() throws {
        let folder = try TemporaryFolder("station")
        let cluster = try Self.cluster(in: folder)
        try cluster.start()
        let context = try ZeroMQContext()
        let viewers = try cluster.gateways.map { try Self.viewer($0) }
        // A bed at each gateway.
        for (number, gateway) in cluster.gateways.enumerated() {
            let blocks = try ClusterBedside.blocks("bed-\(number + 1)", script: Self.script, seconds: 90)
            try ClusterBedside.send(blocks, to: gateway, context, speed: 12)
        }
        for client in viewers {
            for bed in ["bed-1", "bed-2"] {
                #expect(
                    client.text(among: 600) { $0.contains(#""name":"\#(bed)""#) && $0.contains(#""strip":[["#) } != nil)
            }
            // The past of a bed of the other gateway: alarms with their strips, trends, beats, limits.
            let bed = try #require(
                Self.open("bed-1", client) { $0.contains("asystole") && $0.contains(#""limits":{"limits""#) })
            #expect(bed.contains(#""trend":[["#) && bed.contains(#""intervals":[["#))
            let id = try #require(bed.firstMatch(of: /"id":"([^"]+asystole[^"]+)"/)?.1)
            client.send(#"{"type":"strip","bed":"bed-1","alarm":"\#(id)"}"#)
            let strip = try #require(client.text(among: 600) { $0.contains(#""type":"strip""#) })
            #expect(strip.contains(#""beats":[["#) && strip.contains(#""values":[["#))
        }
        // By the other gateway, to the worker that owns the bed; others see it.
        #expect(try Self.command(viewers[1], #""action":"pauseAudio""#).contains(#""result":"done""#))
        #expect(viewers[0].text(among: 600) { $0.contains(#""by":"Dr Grey [station token]""#) } != nil)
        let limits = #""action":"limits","limits":{"tachycardia_above":70,"extreme_tachycardia_above":90}"#
        #expect(try Self.command(viewers[1], limits).contains("tachycardia above 70 /min, before 120 /min"))
        #expect(try Self.command(viewers[0], limits).contains("these limits hold already"))
        #expect(Self.open("bed-1", viewers[0]) { $0.contains(#""value":70"#) } != nil)

        // Limits hold at the next owner, and a gateway that was killed knows everything again.
        usleep(1_000_000)
        let status = try ClusterStatus.read(configurationAt: cluster.gateways[0].configurationPath)
        for owner in Set(status.partitions.filter { $0.streams > 0 }.compactMap(\.owner)) {
            let worker = cluster.workers[owner == "worker-1" ? 0 : 1]
            worker.end(SIGKILL)
            try cluster.waitUntilOwned()
            try worker.start()
        }
        cluster.gateways[0].end(SIGKILL)
        try cluster.gateways[0].start()
        #expect(cluster.gateways[0].waitUntilReady())
        let later = try Self.viewer(cluster.gateways[0])
        let isShown = later.text(among: 600) { $0.contains(#""name":"bed-1""#) } != nil
        #expect(isShown, "a bed that sends nothing is shown, too")
        let bed = try #require(
            Self.open("bed-1", later) { $0.contains(#""value":70"#) && $0.contains("asystole") })
        #expect(bed.contains(#""trend":[["#) && bed.contains(#""hasStrip":true"#))
        _ = cluster.stop()
    }

    @Test func withoutBrokersThePageSaysThatItIsCutOff() throws {
        let folder = try TemporaryFolder("station")
        let cluster = try Self.cluster(in: folder)
        try cluster.start()
        let context = try ZeroMQContext()
        let gateway = cluster.gateways[1]
        var waveforms = try SubscriberClient(
            endpoint: gateway.endpoints.events, filters: [.all(.waveform)], context: context)
        // Until the gateway knows of the subscription.
        usleep(2_500_000)
        let blocks = try ClusterBedside.blocks("bed-1", script: "sinus@75", seconds: 20)
        try ClusterBedside.send(blocks, to: cluster.gateways[0], context, speed: 12)
        var next: Int64 = 0
        while next < 20 * 360, let event = try waveforms.receive(timeout: .seconds(10))?.event {
            guard case .waveform(let waveform) = event.payload else { continue }
            #expect(event.sampleIndex == next && waveform.samplingRate == 360)
            next = event.sampleIndex + Int64(waveform.millivolts.count)
        }
        #expect(next == 20 * 360, "every sample once, in order, at the other gateway")
        let client = try Self.viewer(gateway)
        #expect(client.text(among: 600) { $0.contains(#""name":"bed-1""#) } != nil)
        cluster.brokers.kill(0)
        #expect(client.text(among: 600) { $0 == #"{"type":"cut"}"# } != nil)
        try cluster.brokers.start(0)
        try cluster.brokers.waitUntilReady(0)
        #expect(client.text(among: 600) { $0.contains(#""type":"state""#) && $0.contains(#""name":"bed-1""#) } != nil)
        _ = cluster.stop()
    }
}
