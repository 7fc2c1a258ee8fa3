import ECGSignal
import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// The central station over real sockets: its page, who may look and command, and what hostile and slow viewers can do.
@Suite(.serialized) struct StationTests {
    static let viewToken = "5OqTr7WcVxk2LmZ9aBfGhJd3eKpQsUyN"
    static let commandToken = "nYuSqPkE3dJhGfBa9ZmL2kxVcW7rTqO5"

    /// A daemon whose station asks for tokens.
    private func daemonWithTokens(_ more: String = "") throws -> (daemon: DaemonProcess, folder: TemporaryFolder) {
        let folder = try TemporaryFolder()
        for (name, token) in [("view", Self.viewToken), ("command", Self.commandToken)] {
            let path = "\(folder.path)/\(name)"
            try "\(token)\n".write(toFile: path, atomically: true, encoding: .utf8)
            chmod(path, 0o600)
        }
        let configuration = """
            [station]
            view_token_file = "\(folder.path)/view"
            command_token_file = "\(folder.path)/command"
            \(more)
            """
        return (try DaemonProcess(configuration: configuration, hasStation: true), folder)
    }

    private func ask(_ port: UInt16, _ request: String) throws -> String {
        let connection = try #require(RawConnection(port: port))
        connection.send(Array(request.utf8))
        return try #require(connection.readToEnd(), "the station answers and ends the connection")
    }

    /// A viewer that has the state.
    private func viewer(_ daemon: DaemonProcess, token: String = "", receiveBuffer: Int32? = nil) throws
        -> StationClient
    {
        let client = try #require(StationClient(port: daemon.stationPort, receiveBuffer: receiveBuffer))
        #expect(client.isUpgraded)
        client.send(#"{"type":"hello","token":"\#(token)"}"#)
        return client
    }

    static func send(_ blocks: [WireSampleBlock], to daemon: DaemonProcess) throws {
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in blocks { #expect(try client.send(block, timeout: .seconds(30))) }
        let samples = Double(blocks.reduce(0) { $0 + $1.millivolts.count })
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 >= samples })
    }

    // MARK: The page

    @Test func thePageComesWithAStrictPolicy() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let page = try ask(daemon.stationPort, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(page.hasPrefix("HTTP/1.1 200 ") && page.contains("<title>Central station</title>"))
        // Before it is connected it says so.
        #expect(page.contains("Connecting to the daemon ...</div>") && page.contains("<noscript>"))
        let policy = try #require(page.split(separator: "\r\n").first { $0.hasPrefix("Content-Security-Policy: ") })
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
        // Nothing that the policy would stop.
        #expect(!page.contains("style=") && !page.contains("onclick") && !page.contains("<script>"))
        for file in page.matches(of: /(?:src|href)="(\/[^"]+)"/).map({ String($0.1) }) {
            let answer = try ask(daemon.stationPort, "GET \(file) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("X-Content-Type-Options: nosniff"), "\(file)")
        }
        #expect(daemon.terminate() == 0)
    }

    @Test func onlyItsOwnFilesAreServedUnderItsOwnName() throws {
        let daemon = try DaemonProcess(
            configuration: "[station]\nhost_names = [\"station.ward.example\"]\n", hasStation: true)
        let port = daemon.stationPort
        for path in ["/../etc/passwd", "/%2e%2e/etc/passwd", "/app.js/", "//", "/nothing"] {
            #expect(
                try ask(port, "GET \(path) HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").hasPrefix("HTTP/1.1 404 "), "\(path)")
        }
        #expect(try ask(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").hasPrefix("HTTP/1.1 421 "))
        #expect(try ask(port, "DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").hasPrefix("HTTP/1.1 405 "))
        #expect(try ask(port, "HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").hasSuffix("\r\n\r\n"))
        // A page elsewhere that has its name point here gets nothing.
        for host in ["evil.example", "evil.example:\(port)", "127.0.0.1.evil.example", "localhost.evil", ""] {
            let answer = try ask(port, "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 421 "), "\(host)")
        }
        #expect(try ask(port, "GET / HTTP/1.1\r\nHost: Station.Ward.Example:443\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
        #expect(daemon.terminate() == 0)
    }

    @Test func otherOriginsCannotOpenTheSocket() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let port = daemon.stationPort
        for (host, origin) in [
            ("127.0.0.1:\(port)", "http://evil.example"), ("127.0.0.1:\(port)", "null"), ("127.0.0.1:\(port)", nil),
            ("evil.example:\(port)", "http://evil.example:\(port)"), ("127.0.0.1:\(port)", "http://127.0.0.1:1"),
        ] as [(String, String?)] {
            let client = try #require(StationClient(port: port, host: host, origin: origin))
            #expect(!client.isUpgraded && !client.answer.contains("Sec-WebSocket-Accept"), "\(origin ?? "no origin")")
        }
        #expect(try #require(StationClient(port: port)).isUpgraded)
        #expect(daemon.terminate() == 0)
    }

    // MARK: Rights

    @Test func withoutTheTokenNothingIsShown() throws {
        let (daemon, _) = try daemonWithTokens()
        for token in ["", "wrong", String(Self.viewToken.reversed()) + "x", Self.viewToken + "x"] {
            let client = try viewer(daemon, token: token)
            #expect(
                client.receive() == .text(#"{"reason":"token","type":"refused"}"#)
                    || client.receive() == .end(code: 4401), "\(token)")
            #expect(client.endCode() ?? 4401 == 4401)
        }
        for (token, mayCommand) in [(Self.viewToken, false), (Self.commandToken, true)] {
            let client = try viewer(daemon, token: token)
            let state = try #require(client.text { $0.contains(#""type":"state""#) })
            #expect(state.contains("\"mayCommand\":\(mayCommand)"))
        }
        #expect(daemon.metric("ecgmon_station_viewers_refused_total") == 4)
        #expect(!daemon.log.contains(Self.viewToken) && !daemon.log.contains(Self.commandToken))
        #expect(daemon.terminate() == 0)
    }

    @Test func onlyTheCommandTokenAcknowledges() throws {
        let (daemon, _) = try daemonWithTokens()
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        try Self.send(recording.blocks(stream: "bed-1", size: 250), to: daemon)
        let watching = try viewer(daemon, token: Self.viewToken)
        #expect(watching.text { $0.contains(#""type":"state""#) } != nil)
        let command = #"{"type":"command","number":3,"bed":"bed-1","action":"pauseAudio","by":"Dr Grey"}"#
        watching.send(command)
        let refusal = try #require(watching.text { $0.contains(#""type":"reply""#) })
        #expect(refusal.contains("not_permitted") && refusal.contains(#""number":3"#))

        let commanding = try viewer(daemon, token: Self.commandToken)
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
        let (daemon, folder) = try daemonWithTokens()
        let client = try viewer(daemon, token: Self.viewToken)
        #expect(client.text { $0.contains(#""type":"state""#) } != nil)
        try "\(String(Self.viewToken.reversed()))\n".write(
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

    // MARK: What viewers see

    @Test func samplesBeatsAndAlarmsReachThePage() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let client = try viewer(daemon)
        #expect(try #require(client.text { _ in true }).contains(#""beds":[]"#))
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        try Self.send(recording.blocks(stream: "bed-1", size: 250), to: daemon)
        let (beats, strips) = (Mutex2(0), Mutex2(0))
        #expect(
            client.text { text in
                beats.value += text.contains(#""beats":[["#) ? 1 : 0
                strips.value += text.contains(#""strip":[["#) ? 1 : 0
                return text.contains(#""kind":"ventricularTachycardia""#) || text.contains(#""kind":"asystole""#)
            } != nil)
        #expect(beats.value > 0 && strips.value > 0)
        // Who comes later gets it all at once, and the strip around an alarm on request.
        let later = try viewer(daemon)
        let state = try #require(later.text { _ in true })
        #expect(state.contains(#""name":"bed-1""#) && state.contains(#""strip":[["#))
        later.send(#"{"type":"open","bed":"bed-1"}"#)
        let bed = try #require(later.text { $0.contains(#""type":"bed""#) })
        #expect(bed.contains(#""intervals":[["#) && bed.contains(#""trend":[["#))
        let id = try #require(bed.firstMatch(of: /"id":"([^"]+asystole[^"]+)"/)?.1)
        later.send(#"{"type":"strip","bed":"bed-1","alarm":"\#(id.replacing("\\/", with: "/"))"}"#)
        let strip = try #require(later.text { $0.contains(#""type":"strip""#) })
        #expect(strip.contains(#""beats":[["#) && strip.contains(#""values":[["#))
        #expect(daemon.terminate() == 0)
    }

    @Test func afterARestartThePageKnowsTheAlarmsThatAreOn() throws {
        let first = try DaemonProcess(hasJournal: true)
        // It ends in tachycardia.
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        let blocks = recording.blocks(stream: "bed-1", size: 250).prefix(75)
        try Self.send(Array(blocks), to: first)
        #expect(first.wait(for: "ecgmon_alerts_started_total{kind=\"ventricularTachycardia\"}") { $0 >= 1 })
        #expect(first.terminate() == 0)
        let second = try DaemonProcess(hasJournal: true, hasStation: true, after: first)
        let client = try viewer(second)
        #expect(client.text { $0.contains(#""kind":"ventricularTachycardia""#) } != nil)
        #expect(second.terminate() == 0)
    }

    @Test func afterAKillThePastOfABedIsThereWithStripsAndTrends() throws {
        let first = try DaemonProcess(hasJournal: true, hasStation: true)
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        let blocks = recording.blocks(stream: "bed-1", size: 250)
        // In two parts: what comes faster than in real time runs ahead of what is decided about it.
        try Self.send(Array(blocks.prefix(58)), to: first)
        #expect(first.wait(for: "ecgmon_alerts_started_total{kind=\"asystole\"}") { $0 == 1 })
        let context = try ZeroMQContext()
        let source = try AcquisitionClient(endpoint: first.ingest, context: context)
        for block in blocks.dropFirst(58) { #expect(try source.send(block, timeout: .seconds(30))) }
        // The whole strip: written once more when all of it had come.
        let reader = try JournalReader(path: first.journal)
        func asystole() throws -> StoredStrip? {
            try reader.strips(of: "bed-1").first { $0.key.contains("asystole") }.flatMap {
                StoredStrip(stored: $0.value)
            }
        }
        #expect(eventually { (try? asystole())?.millivolts[0].last?.isNaN == false })
        let strip = try #require(try asystole())
        #expect(strip.beatSeconds.count > 5 && (9.5...10.5).contains(strip.onsetSeconds))
        first.signal(SIGKILL)
        _ = first.exitCode()
        let second = try DaemonProcess(hasJournal: true, hasStation: true, after: first)
        let client = try viewer(second)
        #expect(client.text { $0.contains(#""name":"bed-1""#) } != nil)
        // It is read from the journal a little after the bed is known.
        client.send(#"{"type":"open","bed":"bed-1"}"#)
        #expect(client.text { $0.contains("asystole") && $0.contains(#""history":[{"#) } != nil)
        client.send(#"{"type":"open","bed":"bed-1"}"#)
        let bed = try #require(client.text { $0.contains(#""type":"bed""#) && $0.contains("asystole") })
        #expect(bed.contains(#""trend":[["#) && bed.contains(#""intervalTrend":[["#))
        let id = try #require(bed.firstMatch(of: /"id":"([^"]+asystole[^"]+)"/)?.1)
        client.send(#"{"type":"strip","bed":"bed-1","alarm":"\#(id)"}"#)
        #expect(try #require(client.text { $0.contains(#""type":"strip""#) }).contains(#""beats":[["#))
        #expect(second.terminate() == 0)
    }

    // MARK: Limits

    @Test func limitsAreSetByTheCommandTokenAndOutliveAKill() throws {
        let folder = try TemporaryFolder()
        try folder.write("token", Self.commandToken)
        chmod("\(folder.path)/token", 0o600)
        let configuration = "[station]\ncommand_token_file = \"\(folder.path)/token\"\n"
        let first = try DaemonProcess(configuration: configuration, hasJournal: true, hasStation: true)
        let recording = Recording(samplingRate: 250, seconds: 40, seed: 5)
        try Self.send(recording.blocks(stream: "bed-1", size: 250), to: first)
        let client = try viewer(first, token: Self.commandToken)
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
            (#","limits":{"hunger":20}"#, "no limit of a bed"), (set, "these limits hold already"),
            (#","limits":{"bradycardia_below":100}"#, "The limit of bradycardia must be below the limit of tachycardia"),
        ] {
            let text = try answer(client, bad)
            #expect(text.contains(#""result":"invalid""#) && text.contains(words), "\(bad): \(text)")
        }
        let watching = try viewer(first)
        #expect(watching.text { $0.contains(#""type":"state""#) } != nil)
        #expect(try answer(watching, set).contains("not_permitted"))
        first.signal(SIGKILL)
        _ = first.exitCode()
        let second = try DaemonProcess(configuration: configuration, hasJournal: true, hasStation: true, after: first)
        let other = try viewer(second, token: Self.commandToken)
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
        try folder.write("token", Self.commandToken)
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
        try Self.send(Array(blocks.prefix(40)), to: daemon)
        let client = try viewer(daemon, token: Self.commandToken)
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

    // MARK: Hostile and slow viewers

    @Test func connectionsBeyondTheLimitAreClosed() throws {
        let daemon = try DaemonProcess(configuration: "[station]\nmaximum_connections = 3\n", hasStation: true)
        let viewers = try (0..<3).map { _ in try viewer(daemon) }
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
            let client = try viewer(daemon)
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
        let slow = try viewer(daemon, receiveBuffer: 4096)
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
        let other = try viewer(daemon)
        #expect(try #require(other.text { _ in true }).contains("bed-1"), "others are served")
        #expect(daemon.terminate() == 0)
    }

    @Test func bedsBeyondTheLimitAreCountedAndTakeFreePlaces() throws {
        let daemon = try DaemonProcess(
            configuration:
                "[station]\nmaximum_beds = 2\n[streams]\nsilent_after_seconds = 0.5\nforgotten_after_seconds = 4\n",
            hasStation: true)
        let recording = Recording(samplingRate: 250, seconds: 12, seed: 5)
        for name in ["a", "b", "c"] { try Self.send(recording.blocks(stream: name, size: 250), to: daemon) }
        #expect(daemon.wait(for: "ecgmon_station_beds_not_shown") { $0 == 1 })
        let client = try viewer(daemon)
        let state = try #require(client.text { _ in true })
        #expect(state.contains(#""bedsNotShown":1"#) && !state.contains(#""name":"c""#))
        #expect(client.text { $0.contains(#""gone":["#) } != nil, "streams that are forgotten leave the page")
        #expect(daemon.wait(for: "ecgmon_station_beds_not_shown") { $0 == 0 })
        #expect(daemon.terminate() == 0)
    }
}

/// A number that a closure changes.
private final class Mutex2 {
    var value: Int
    init(_ value: Int) { self.value = value }
}
