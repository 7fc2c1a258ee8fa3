import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Addresses to listen on, as people write them.
@Suite(.serialized) struct AddressTests {
    private static let names = HostResolver(
        addresses: { name in
            switch name {
            case "localhost": [IPAddress("::1"), IPAddress("127.0.0.1")].compactMap { $0 }
            case "monitor": [IPAddress("127.0.1.1")].compactMap { $0 }
            case "six": [IPAddress("::1")].compactMap { $0 }
            case "ward": [IPAddress("10.0.0.7")].compactMap { $0 }
            case "many": [IPAddress("127.0.0.1"), IPAddress("10.0.0.7")].compactMap { $0 }
            default: []
            }
        }, isInterface: { ["lo", "eth0"].contains($0) })

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1", true), ("127.1", "127.0.0.1", true), ("[::1]", "[::1]", true),
        ("::1", "[::1]", true), ("[0:0::0:1]", "[::1]", true), ("[::ffff:127.0.0.1]", "127.0.0.1", true),
        ("[::ffff:10.0.0.1]", "10.0.0.1", false), ("localhost", "127.0.0.1", true), ("monitor", "127.0.1.1", true),
        ("six", "[::1]", true), ("ward", "10.0.0.7", false), ("0.0.0.0", "0.0.0.0", false), ("[::]", "[::]", false),
        ("*", "*", false), ("0", "0.0.0.0", false),
    ])
    func aHostStandsForOneAddress(written: String, address: String, isLocal: Bool) throws {
        let endpoint = try Endpoint.resolved("tcp://\(written):5570", Self.names)
        #expect(endpoint == "tcp://\(address):5570")
        #expect(Endpoint.isLocal(endpoint) == isLocal)
        var configuration = DaemonConfiguration()
        configuration.ingest.endpoints = ["tcp://\(written):5580"]
        let problems = ListeningAddresses.resolve(&configuration, Self.names)
        #expect(problems.map(\.key) == (isLocal ? [] : ["ingest.endpoints"]))
        guard written != "*" else { return }
        var pages = DaemonConfiguration()
        pages.http.address = written
        #expect(ListeningAddresses.resolve(&pages, Self.names).map(\.key) == (isLocal ? [] : ["http.address"]))
        #expect("\(IPAddress(pages.http.address).map { "\($0)" } ?? "")" == address)
    }

    @Test(arguments: [
        ("lo", "names a network interface"), ("eth0", "names a network interface"),
        ("nowhere", "names a host that this machine knows no address of"),
        ("many", "names a host with several addresses (127.0.0.1, 10.0.0.7)"),
        ("[127.0.0.1]", "knows no address of"), ("a b", "knows no address of"), ("[::1", "knows no address of"),
    ])
    func invalidHostIsRefusedWithTheReason(host: String, words: String) {
        #expect(throws: HostResolver.Problem.self) { try Endpoint.resolved("tcp://\(host):5570", Self.names) }
        var configuration = DaemonConfiguration()
        configuration.events.endpoints = ["tcp://\(host):5570"]
        configuration.http.address = host
        let problems = ListeningAddresses.resolve(&configuration, Self.names)
        #expect(problems.map(\.key) == ["events.endpoints", "http.address"])
        #expect(problems.allSatisfy { $0.words.contains(words) }, "\(problems)")
    }

    @Test func oneAddressForTwoServicesIsAMistake() {
        var configuration = DaemonConfiguration()
        configuration.ingest.endpoints = ["tcp://localhost:5580", "tcp://127.0.0.1:*", "tcp://127.0.0.1:*"]
        configuration.events.endpoints = ["tcp://127.0.0.1:5580"]
        let problems = ListeningAddresses.resolve(&configuration, Self.names)
        #expect(problems.map(\.key) == ["events.endpoints"])
        #expect(problems.first?.words.contains("is in ingest.endpoints, too") == true)
    }

    /// What the check of the file says, and what the start says to the same on the command line.
    @Test(arguments: ["tcp://lo:5570", "tcp://no-such-host.invalid:5570", "tcp://0.0.0.0:5570", "tcp://[::]:5570"])
    func theCheckAndTheStartRefuseTheSame(endpoint: String) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "ecgmond-\(UUID().uuidString).toml").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        try "[ingest]\nendpoints = [\"\(endpoint)\"]\n".write(toFile: file, atomically: true, encoding: .utf8)
        let check = Process()
        let output = Pipe()
        check.executableURL = URL(filePath: DaemonProcess.executable)
        check.arguments = ["--check-config", file]
        check.standardError = output
        try check.run()
        let words = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        check.waitUntilExit()
        #expect(check.terminationStatus == ExitStatus.configuration)
        let daemon = try DaemonProcess(arguments: ["--ingest", endpoint], waitsUntilReady: false)
        #expect(daemon.exitCode() == ExitStatus.configuration)
        #expect(words == daemon.log.replacing("ecgmond: ", with: "\(file):2: "))
    }

    private static let hasIPv6: Bool = {
        guard let socket = try? IPAddress("::1")?.bind(port: 0, flags: 0) else { return false }
        close(socket)
        return true
    }()

    @Test(
        .enabled(if: AddressTests.hasIPv6, "this machine has no IPv6"),
        arguments: [("tcp://[::1]:*", "[::1]"), ("tcp://localhost:*", "127.0.0.1")])
    func samplesAndPagesGoOverAnAddressAsWritten(endpoint: String, host: String) throws {
        let page = host.filter { $0 != "[" && $0 != "]" }
        let written = host == "[::1]" ? page : "localhost"
        let daemon = try DaemonProcess(
            configuration: "[http]\naddress = \"\(written)\"\n", arguments: ["--ingest", endpoint],
            waitsUntilReady: false)
        #expect(eventually { daemon.log.contains("model_sha256") }, "\(daemon.log)")
        let port = try #require(
            daemon.log.split(separator: "tcp://\(host):").dropFirst().first?.prefix { $0.isNumber })
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: "tcp://\(host):\(port)", context: context)
        let recording = Recording(samplingRate: 360, seconds: 10, seed: 72)
        for block in recording.blocks(stream: "a", size: 360) { _ = try client.send(block, timeout: .seconds(30)) }
        let http = try #require(daemon.log.firstMatch(of: /http_port=(\d+)/).flatMap { UInt16($0.1) })
        let connection = IPAddress(page)
        #expect(throws: SystemCallError.self, "the pages have this address") {
            try connection?.bind(port: http, flags: 0)
        }
        if host == "127.0.0.1" {
            daemon.useHTTPPort(http)
            #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        }
        daemon.signal(SIGTERM)
        #expect(daemon.exitCode() == 0)
        #expect(eventually { daemon.log.contains("samples=\(recording.millivolts.count)") })
    }
}
