import ECGSecurity
import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Nobody in: who has no key gets no connection, and who has one does what it is for and nothing else.
@Suite(.serialized) struct SecurityTests {
    private static let rights = [
        "gateway": "push = [\"icu-*\"]",
        "desk": "read = [\"alert.icu-*\", \"status.icu-*\"]\nacknowledge = [\"icu-*\"]",
        "display": "read = [\"*\"]",
    ]
    private static let recording = Recording(samplingRate: 360, seconds: 60, seed: 3)

    private func push(_ stream: String, _ range: Range<Int>, _ client: borrowing AcquisitionClient) throws {
        for block in Self.recording.blocks(stream: stream, size: 360)[range] {
            #expect(try client.send(block, timeout: .seconds(30)))
        }
    }

    private func command(_ stream: String, _ action: WireCommand.OneOf_Action) -> WireCommand {
        var command = WireCommand()
        command.stream = stream
        command.by = "Nurse"
        command.action = action
        return command
    }

    private func reload(_ daemon: DaemonProcess) {
        let before = daemon.metric("ecgmon_reloads_total{result=\"ok\"}") ?? 0
        daemon.signal(SIGHUP)
        #expect(daemon.wait(for: "ecgmon_reloads_total{result=\"ok\"}") { $0 > before })
    }

    @Test func missingUnknownWrongOrExpiredKeysGetNoConnection() throws {
        let ring = try Keyring(Self.rights.merging(["old": "push = [\"*\"]\nexpires = \"2020-01-01\""]) { $1 })
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        let wrongServer = CurveClientKeys(own: try ring.pair("gateway"), server: try ring.pair("other").publicKey)
        for keys in [nil, try ring.client("stranger"), wrongServer, try ring.client("old")] {
            let client = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: keys, linger: .zero)
            let block = Self.recording.block(stream: "icu-1", 0..<360)
            #expect(try !client.send(block, timeout: .milliseconds(700)), "nothing can be sent")
            _ = consume client
        }
        try push("icu-1", 0..<5, gateway)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 1800 })
        #expect(daemon.metric("ecgmon_messages_received_total") == 5, "nothing else came in")
        #expect((daemon.metric("ecgmon_handshakes_refused_total{cause=\"unknown_key\"}") ?? 0) >= 1)
        #expect((daemon.metric("ecgmon_handshakes_refused_total{cause=\"expired_key\"}") ?? 0) >= 1)
        #expect((daemon.metric("ecgmon_handshakes_failed_total") ?? 0) >= 2)
        #expect(eventually { daemon.log.contains("connection refused") })
        #expect(daemon.terminate() == 0)
    }

    @Test func keyPushesOnlyItsOwnStreamsAndOthersContinue() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        let desk = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("desk"))
        try push("icu-1", 0..<10, gateway)
        try push("bed-1", 0..<10, gateway)
        try push("icu-1", 10..<15, desk)
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"not_permitted\"}") { $0 == 15 })
        try push("icu-1", 10..<20, gateway)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 7200 })
        #expect(daemon.metric("ecgmon_streams") == 1 && daemon.metric("ecgmon_gaps_total") == 0)
        #expect(eventually { daemon.log.contains("cause=not_permitted") && daemon.log.contains("key=gateway") })
        #expect(daemon.terminate() == 0)
    }

    @Test func subscriberGetsOnlyTheTopicsItsKeyMayRead() throws {
        let ring = try Keyring(Self.rights.merging(["gateway": "push = [\"*\"]"]) { $1 })
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let all = try Recorder(daemon, context: context, keys: try ring.client("display"))
        let desk = try Recorder(
            daemon, prefixes: ["", "beat."], context: context, keys: try ring.client("desk"), isNew: 1)
        let none = try Recorder(daemon, prefixes: ["al"], context: context, keys: try ring.client("gateway"), isNew: 1)
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        for stream in ["icu-1", "bed-1"] { try push(stream, 0..<60, gateway) }
        #expect(daemon.terminate() == 0)
        for stream in ["icu-1", "bed-1"] {
            let expected = try Self.recording.expectedEvents(stream: stream)
            #expect(eventually { (try? all.events(of: stream).count) == expected.count })
            let readable =
                stream == "icu-1"
                ? expected.filter { event in
                    switch event.payload {
                    case .alert, .status: return true
                    default: return false
                    }
                } : []
            #expect(eventually { (try? desk.events(of: stream).count) == readable.count })
        }
        #expect(desk.topics.allSatisfy { $0.hasPrefix("alert.icu-") || $0.hasPrefix("status.icu-") })
        #expect(none.count == 0)
        #expect(eventually { daemon.log.contains("subscription refused") })
    }

    @Test func onlyPermittedKeysAcknowledgeAndTheirNamesArePublished() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        try push("icu-1", 0..<20, gateway)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 7200 })
        var pause = WireCommand.Pause()
        pause.kind = .audio
        pause.seconds = 60
        for name in ["gateway", "display"] {
            var client = try CommandClient(endpoint: daemon.commands, context: context, keys: try ring.client(name))
            let reply = try client.send(command("icu-1", .pause(pause)), timeout: .seconds(30))
            #expect(reply?.result == .notPermitted, "\(name)")
        }
        var desk = try CommandClient(endpoint: daemon.commands, context: context, keys: try ring.client("desk"))
        let foreign = try desk.send(command("bed-1", .pause(pause)), timeout: .seconds(30))
        #expect(foreign?.result == .notPermitted)
        let reply = try desk.send(command("icu-1", .pause(pause)), timeout: .seconds(30))
        #expect(reply?.result == .done && reply?.pause.by == "Nurse [desk]")
        var display = try CommandClient(endpoint: daemon.commands, context: context, keys: try ring.client("display"))
        let list = try display.send(command("icu-1", .list(.init())), timeout: .seconds(30))
        #expect(list?.result == .nothingToDo || list?.result == .done, "who may read alerts may list them")
        #expect(daemon.metric("ecgmon_commands_total{result=\"not_permitted\"}") == 3)
        #expect(eventually { daemon.log.contains("Nurse [desk]") })
        #expect(daemon.terminate() == 0)
    }

    @Test func keysChangeUnderLoadWithoutDisturbingOthers() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        try push("icu-1", 0..<20, gateway)
        // One more comes: it is let in without a restart, and the other does not notice.
        var rights = Self.rights
        rights["second"] = "push = [\"bed-*\"]"
        try ring.write(rights)
        daemon.signal(SIGHUP)
        try push("icu-1", 20..<40, gateway)
        #expect(daemon.wait(for: "ecgmon_reloads_total{result=\"ok\"}") { $0 == 1 })
        let second = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("second"))
        try push("bed-1", 0..<10, second)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 18_000 })
        // The first goes: its connection stands, and everything on it is refused.
        rights["gateway"] = nil
        try ring.write(rights)
        reload(daemon)
        try push("icu-1", 40..<45, gateway)
        try push("bed-1", 10..<60, second)
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"not_permitted\"}") { $0 == 5 })
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 36_000 })
        #expect(daemon.metric("ecgmon_gaps_total") == 0)
        // A table with a mistake changes nothing.
        try ProtectedFile.replace(path: "\(ring.folder)/keys.toml", mode: 0o600, text: "[[key]]\nname = 7\n")
        daemon.signal(SIGHUP)
        #expect(daemon.wait(for: "ecgmon_reloads_total{result=\"failed\"}") { $0 == 1 })
        #expect(eventually { daemon.log.contains("keys.toml:1: name must hold") })
        try push("bed-2", 0..<10, second)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 39_600 })
        #expect(daemon.terminate() == 0)
    }

    @Test func removedReaderGetsNothingMoreAndOthersReconnect() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let display = try Recorder(daemon, context: context, keys: try ring.client("display"))
        let desk = try Recorder(daemon, prefixes: ["status."], context: context, keys: try ring.client("desk"))
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        try push("icu-1", 0..<10, gateway)
        #expect(eventually { desk.count > 0 })
        var rights = Self.rights
        rights["desk"] = nil
        try ring.write(rights)
        reload(daemon)
        #expect(
            daemon.wait(for: "ecgmon_handshakes_refused_total{cause=\"unknown_key\"}") { $0 >= 1 }, "desk comes again")
        #expect(daemon.wait(for: "ecgmon_subscriptions") { $0 == 1 }, "display has come again")
        let (deskBefore, displayBefore) = (desk.count, display.count)
        try push("icu-1", 10..<60, gateway)
        #expect(daemon.terminate() == 0)
        #expect(eventually { display.count > displayBefore })
        #expect(desk.count == deskBefore)
    }

    @Test func serverKeyIsRotatedWithoutARestart() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let before = try ring.client("gateway")
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: before)
        try push("icu-1", 0..<10, gateway)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 3600 })
        try ring.rotateServerKey()
        reload(daemon)
        let after = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        try push("icu-1", 10..<20, after)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 7200 })
        let late = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: before, linger: .zero)
        #expect(try !late.send(Self.recording.block(stream: "icu-1", 0..<360), timeout: .milliseconds(700)))
        var desk = try CommandClient(endpoint: daemon.commands, context: context, keys: try ring.client("desk"))
        #expect(try desk.send(command("icu-1", .list(.init())), timeout: .seconds(30)) != nil)
        #expect(daemon.terminate() == 0)
    }

    @Test func openIPCReliesOnFilePermissionsWhileTCPStillNeedsKeys() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(
            configuration: ring.configuration + "ipc_without_curve = true\n",
            arguments: ["--ingest", "tcp://127.0.0.1:*"])
        let tcp = try #require(daemon.log.firstMatch(of: /ingest=.*(tcp:\/\/127.0.0.1:\d+)/).map { String($0.1) })
        let context = try ZeroMQContext()
        let local = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        try push("anything-1", 0..<10, local)
        let bare = try AcquisitionClient(endpoint: tcp, context: context, linger: .zero)
        #expect(try !bare.send(Self.recording.block(stream: "icu-1", 0..<360), timeout: .milliseconds(700)))
        let gateway = try AcquisitionClient(endpoint: tcp, context: context, keys: try ring.client("gateway"))
        try push("icu-1", 0..<10, gateway)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 7200 })
        var client = try CommandClient(endpoint: daemon.commands, context: context)
        var pause = WireCommand.Pause()
        pause.kind = .audio
        let reply = try client.send(command("icu-1", .pause(pause)), timeout: .seconds(30))
        #expect(reply?.result == .done && reply?.pause.by == "Nurse [local]")
        #expect(daemon.terminate() == 0)
    }

    /// libzmq's manual mode would give another connection's subscription to this one: see `SubscriberAdmission`.
    @Test func subscriberThatSendsGarbageIsBannedAndOthersReconnect() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let display = try Recorder(daemon, prefixes: ["status."], context: context, keys: try ring.client("display"))
        let hostile = try ZeroMQSocket(context, .xsub)
        try hostile.useCurve(try ring.client("desk"))
        try hostile.connect(daemon.events)
        #expect(daemon.wait(for: "ecgmon_subscriber_connections") { $0 == 2 })
        try hostile.send([2, 1, 1], timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_subscriber_resets_total{cause=\"no_subscription\"}") { $0 == 1 })
        #expect(daemon.wait(for: "ecgmon_handshakes_refused_total{cause=\"banned_key\"}") { $0 >= 1 })
        #expect(daemon.wait(for: "ecgmon_subscriptions") { $0 == 1 })
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        try push("icu-1", 0..<20, gateway)
        #expect(eventually { display.count > 0 })
        #expect(daemon.terminate() == 0)
    }

    @Test func repeatOffendersAreBannedForTwiceAsLong() {
        var bans = KeyBans()
        var now: UInt64 = 1000
        var lengths: [UInt64] = []
        for _ in 0..<13 {
            #expect(!bans.isBanned("k", at: now))
            lengths.append(bans.add("k", at: now))
            #expect(bans.isBanned("k", at: now + lengths[lengths.count - 1] - 1) && !bans.isBanned("other", at: now))
            now += lengths[lengths.count - 1]
        }
        #expect(lengths == (0..<11).map { 60 << $0 } + [86_400, 86_400])
        bans.removeAll()
        #expect(bans.add("k", at: now) == KeyBans.firstSeconds, "a table that was read again forgives")
    }

    @Test func endlessSubscriptionsAreClosed() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(configuration: ring.configuration)
        let context = try ZeroMQContext()
        let hostile = try ZeroMQSocket(context, .xsub)
        try hostile.set(.sendHighWaterMark(0))
        try hostile.useCurve(try ring.client("desk"))
        try hostile.connect(daemon.events)
        for number in 0...SubscriptionLedger.maximumPerKey {
            try hostile.send([1] + Array("alert.icu-\(number)".utf8), timeout: .seconds(30))
        }
        #expect(daemon.wait(for: "ecgmon_subscriber_resets_total{cause=\"too_many_subscriptions\"}") { $0 >= 1 })
        #expect(daemon.wait(for: "ecgmon_subscriptions") { $0 == 0 }, "they are all gone")
        #expect(daemon.terminate() == 0)
    }

    @Test func garbageForeignMechanismsAndManyConnectionsHarmNobody() throws {
        let ring = try Keyring(Self.rights)
        let daemon = try DaemonProcess(
            configuration: ring.configuration,
            arguments: [
                "--ingest", "tcp://127.0.0.1:*", "--events", "tcp://127.0.0.1:*", "--commands", "tcp://127.0.0.1:*",
            ])
        let context = try ZeroMQContext()
        let gateway = try AcquisitionClient(endpoint: daemon.ingest, context: context, keys: try ring.client("gateway"))
        try push("icu-1", 0..<5, gateway)
        let ports = daemon.log.matches(of: /tcp:\/\/127.0.0.1:(\d+)/).compactMap { UInt16($0.1) }
        try #require(ports.count == 3)
        var generator = SystemRandomNumberGenerator()
        func greeting(_ mechanism: String) -> [UInt8] {
            let name = Array(mechanism.utf8) + Array(repeating: 0, count: 20 - mechanism.utf8.count)
            return [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + name + Array(repeating: 0, count: 32)
        }
        for port in ports {
            for _ in 0..<50 {
                let garbage = (0..<Int.random(in: 0...2000, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                RawConnection(port: port)?.send(garbage)
            }
            for mechanism in ["NULL", "PLAIN", "GSSAPI", "CURVEX"] {
                let connection = try #require(RawConnection(port: port))
                connection.send(greeting(mechanism) + [4, 25] + Array("\u{5}HELLO\u{1}a\u{1}b".utf8) + [0, 0, 0, 0])
                #expect(connection.isClosedByPeer(), "\(mechanism)")
            }
        }
        var idle = ports.flatMap { port in (0..<100).compactMap { _ in RawConnection(port: port) } }
        #expect(idle.count == 300)
        try push("icu-1", 5..<20, gateway)
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 7200 })
        idle.removeAll()
        #expect(daemon.wait(for: "ecgmon_source_connections") { $0 == 1 })
        #expect(daemon.metric("ecgmon_messages_received_total") == 20)
        #expect(daemon.terminate() == 0)
    }
}
