import ECGSecurity
import ECGWire
import Foundation
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// The acknowledged endpoint and the history ask for keys and rights like all others.
@Suite(.serialized) struct RecoverySecurityTests {
    private static let rights = [
        "gateway": "push = [\"*\"]",
        "icu": "push = [\"icu-*\"]",
        "archive": "read = [\"*\"]\nhistory = true",
        "desk": "read = [\"alert.icu-*\", \"status.icu-*\"]\nhistory = true",
        "display": "read = [\"*\"]",
    ]
    private static let recording = Recording(samplingRate: 360, seconds: 30, seed: 4)

    private func push(
        _ stream: String, _ daemon: DaemonProcess, _ context: ZeroMQContext, _ keys: CurveClientKeys
    ) throws -> (isAcknowledged: Bool, problems: [AcknowledgedAcquisitionClient.Problem]) {
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context, keys: keys)
        for block in Self.recording.blocks(stream: stream, size: 360) {
            #expect(try client.send(block, timeout: .seconds(30)))
        }
        let isAcknowledged = try client.waitUntilAcknowledged(timeout: .seconds(stream.hasPrefix("icu") ? 30 : 3))
        return (isAcknowledged, client.takeProblems())
    }

    @Test func acknowledgedSamplesNeedAKeyThatMayPushThem() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration, hasJournal: true)
        let context = try ZeroMQContext()
        #expect(try push("icu-1", daemon, context, try ring.client("icu")).isAcknowledged)
        #expect(try !push("bed-1", daemon, context, try ring.client("icu")).isAcknowledged)
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"not_permitted\"}") { $0 >= 1 })
        #expect(daemon.metric("ecgmon_streams") == 1)
        #expect(eventually { daemon.log.contains("key=icu") })
        #expect(daemon.terminate() == 0)
    }

    @Test func historyShowsAKeyOnlyWhatItMayRead() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration, hasJournal: true)
        let context = try ZeroMQContext()
        for stream in ["icu-1", "icubed-1"] {
            #expect(try push(stream, daemon, context, try ring.client("gateway")).isAcknowledged)
        }
        func ask(_ name: String, _ question: WireHistoryRequest.OneOf_Question) throws -> WireHistoryReply {
            var client = try HistoryClient(endpoint: daemon.history, context: context, keys: try ring.client(name))
            return try #require(try client.ask(question, timeout: .seconds(20)))
        }
        var find = WireHistoryRequest.Find()
        find.kind = "status"
        #expect(try Set(ask("archive", .find(find)).events.map(\.stream)) == ["icu-1", "icubed-1"])
        #expect(try Set(ask("desk", .find(find)).events.map(\.stream)) == ["icu-1"])
        find.kind = "beat"
        #expect(try !ask("archive", .find(find)).events.isEmpty)
        #expect(try ask("desk", .find(find)).events.isEmpty)
        let positions = try ask("desk", .positions(WireHistoryRequest.Positions())).positions.map(\.topic)
        #expect(!positions.isEmpty && positions.allSatisfy { $0 == "alert.icu-1" || $0 == "status.icu-1" })
        var after = WireHistoryRequest.After()
        after.positions = [WireTopicPosition(topic: "status.icubed-1", sequence: 0)]
        #expect(try !ask("archive", .after(after)).events.isEmpty)
        let refused = try ask("desk", .after(after))
        #expect(refused.events.isEmpty && refused.error.contains("no right"))
        #expect(try ask("display", .find(find)).error.contains("no right"))
        #expect(daemon.terminate() == 0)
    }

    @Test func subscriberWithAKeyGetsPastAndPresentEventsOnce() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration, hasJournal: true)
        let context = try ZeroMQContext()
        #expect(try push("icu-1", daemon, context, try ring.client("gateway")).isAcknowledged)
        var client = try HistorySubscriberClient(
            endpoint: daemon.events, history: daemon.history, filters: [.all(.status), .all(.beat)], start: .beginning,
            context: context, keys: try ring.client("archive"))
        #expect(try push("icu-2", daemon, context, try ring.client("gateway")).isAcknowledged)
        var seen: [String: Int] = [:]
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end,
            Set(seen.keys.compactMap { $0.split(separator: "/").first }).count < 2
                || !seen.keys.contains(where: { $0.hasPrefix("icu-2/") && $0.contains("/beat/") })
        {
            guard let event = try client.receive(timeout: .milliseconds(200))?.event else { continue }
            seen[event.id, default: 0] += 1
        }
        #expect(seen.keys.contains { $0.hasPrefix("icu-1/") } && seen.keys.contains { $0.hasPrefix("icu-2/") })
        #expect(seen.values.allSatisfy { $0 == 1 })
        #expect(daemon.terminate() == 0)
    }

    @Test func keyTableWithoutAServerKeyOpensNothing() throws {
        let ring = try Keyring(Self.rights)
        let table = try #require(ring.configuration.split(separator: "\n").first { $0.hasPrefix("authorized_keys") })
        let daemon = try DaemonProcess(configuration: "[security]\n\(table)\n", waitsUntilReady: false)
        #expect(daemon.exitCode() == ExitStatus.configuration)
        #expect(eventually { daemon.log.contains("no key of the server's") })
    }
}
