import DaemonHarness
import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

/// An example program that runs until it is ended, with its standard output in a file.
private final class ExampleProcess {
    private let process = Process()
    private let outputPath: String

    init(
        _ command: [String], in folder: TemporaryFolder, output: String = "output", environment: [String: String] = [:]
    ) throws {
        outputPath = "\(folder.path)/\(output)"
        #expect(FileManager.default.createFile(atPath: outputPath, contents: nil))
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: outputPath))
        try process.run()
    }

    deinit { end() }

    /// Not with SIGTERM: test runners start with signals blocked, which their children inherit.
    func end() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func exitCode() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// The whole lines that it has printed so far.
    var lines: [String] {
        let text = (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? ""
        return text.components(separatedBy: "\n").dropLast()
    }
}

private let python = "/usr/bin/python3"

/// Whether this machine has what the examples in Python need.
private let hasPython: Bool = {
    guard FileManager.default.isExecutableFile(atPath: python),
        FileManager.default.isExecutableFile(atPath: "/usr/bin/protoc")
    else { return false }
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = ["-c", "import zmq, google.protobuf"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

/// The programs in Docs/Examples, as they are, with a real daemon.
@Suite(.serialized) struct ExampleTests {
    private static let needsPython: Comment = "needs /usr/bin/python3 with python3-zmq and python3-protobuf, and protoc"
    private static let examples = "\(Checkout.root)Docs/Examples"

    /// Where the programs that use the package find it, and the daemon.
    private func environment(_ daemon: DaemonProcess) -> [String: String] {
        [
            "PYTHONPATH": "\(Checkout.root)clients/python/src", "ECGMON_ACKNOWLEDGED": daemon.acknowledged,
            "ECGMON_EVENTS": daemon.events, "ECGMON_HISTORY": daemon.history,
        ]
    }

    /// A folder with the example programs and the compiled schema.
    private func pythonFolder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder("examples")
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(Self.examples)/python")
        where name.hasSuffix(".py") {
            try FileManager.default.copyItem(
                atPath: "\(Self.examples)/python/\(name)", toPath: "\(folder.path)/\(name)")
        }
        let protoc = Process()
        protoc.executableURL = URL(filePath: "/usr/bin/protoc")
        protoc.arguments = ["--python_out=\(folder.path)", "-I", "\(Checkout.root)Sources/ECGWire", "ecg_monitor.proto"]
        try protoc.run()
        protoc.waitUntilExit()
        try #require(protoc.terminationStatus == 0)
        return folder
    }

    /// What subscriber.py and history.py print for these events.
    private func lines(_ alerts: [WireEvent]) -> [String] {
        let phases: [WireAlertPhase: String] = [
            .started: "ALERT_PHASE_STARTED", .updated: "ALERT_PHASE_UPDATED", .ended: "ALERT_PHASE_ENDED",
        ]
        return alerts.map { "alert.\($0.stream) \($0.id) \(phases[$0.alert.phase] ?? "?") \($0.alert.text)" }
    }

    @Test func readmeShowsTheExamplesAsTheyAre() throws {
        let readme = try String(contentsOfFile: "\(Checkout.root)README.md", encoding: .utf8)
        let shown = readme.components(separatedBy: "```python\n").dropFirst()
            .map { $0.components(separatedBy: "```")[0] }
        let names = shown.map { String($0.prefix { $0 != "\n" }.dropFirst(2)) }
        #expect(names == ["acquisition.py", "subscriber.py"])
        for (name, code) in zip(names, shown) {
            #expect(try code == String(contentsOfFile: "\(Self.examples)/python/\(name)", encoding: .utf8))
            #expect(code.split(separator: "\n").count { !$0.hasPrefix("#") } <= 5)
        }
    }

    @Test(.enabled(if: hasPython, needsPython)) func pythonAcquisitionArrivesSampleBySample() throws {
        let folder = try pythonFolder()
        let daemon = try DaemonProcess(hasJournal: true)
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, prefixes: ["waveform."], context: context)
        let acquisition = try ExampleProcess(
            [python, "\(folder.path)/acquisition.py"], in: folder, environment: environment(daemon))
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 >= 500 })
        acquisition.end()
        var samples: [Float] = []
        #expect(
            eventually {
                samples = (try? recorder.events(of: "bed-1", except: []))?.flatMap(\.waveform.millivolts) ?? []
                return samples.count >= 500
            })
        let isSine = samples.enumerated().allSatisfy { index, sample in
            abs(sample - Float(sin(2 * Double.pi * Double(index) / 250))) < 1e-5
        }
        #expect(isSine, "the samples are those sent, without a gap")
        #expect(daemon.terminate() == 0)
    }

    @Test(.enabled(if: hasPython, needsPython)) func pythonSubscriberPrintsTheAlerts() throws {
        let folder = try pythonFolder()
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let subscriber = try ExampleProcess(
            [python, "\(folder.path)/subscriber.py"], in: folder, environment: environment(daemon))
        #expect(daemon.wait(for: "ecgmon_subscriptions") { $0 == 1 })
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 51)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in recording.blocks(stream: "bed", size: 360) { _ = try client.send(block, timeout: .seconds(30)) }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        #expect(daemon.terminate() == 0)
        let expected = lines(try recording.expectedEvents(stream: "bed").filter { $0.id.contains("/alert/") })
        #expect(expected.count > 2)
        _ = eventually { subscriber.lines.count >= expected.count }
        #expect(subscriber.lines == expected)
    }

    /// Kills the daemon twice while a source sends 15 s at 250 Hz; nothing may be missing.
    private func killTwice(
        _ daemon: inout DaemonProcess, under source: ExampleProcess, _ context: ZeroMQContext
    ) throws -> Past {
        for _ in 0..<2 {
            #expect(daemon.wait(for: "ecgmon_samples_total") { $0 >= 500 })
            daemon.signal(SIGKILL)
            #expect(daemon.exitCode() == SIGKILL)
            daemon = try DaemonProcess(hasJournal: true, after: daemon)
        }
        #expect(source.exitCode() == 0)
        #expect(source.lines == ["3750 samples sent, all acknowledged"])
        let past = Past(daemon, context)
        #expect(try past.events("status").allSatisfy { !$0.status.hasGap })
        return past
    }

    @Test(.enabled(if: hasPython, needsPython)) func pythonAcknowledgedSourceLosesNothingInKills() throws {
        let folder = try pythonFolder()
        let context = try ZeroMQContext()
        var daemon = try DaemonProcess(hasJournal: true)
        let source = try ExampleProcess(
            [python, "\(folder.path)/acknowledged.py", daemon.acknowledged, "15"], in: folder)
        let past = try killTwice(&daemon, under: source, context)
        // A heartbeat a second: a block that was lost, or taken twice, would move those after it.
        let beats = try past.events("beat").map(\.sampleIndex)
        #expect(beats.count >= 10)
        #expect(beats.allSatisfy { abs($0 % 250 - 100) <= 3 })
        #expect(zip(beats, beats.dropFirst()).allSatisfy { (247...253).contains($1 - $0) })
        #expect(daemon.terminate() == 0)
    }

    @Test(.enabled(if: hasPython, needsPython)) func pythonHistoryPrintsEveryAlertOnce() throws {
        let folder = try pythonFolder()
        let context = try ZeroMQContext()
        var daemon = try DaemonProcess(hasJournal: true)
        func start(_ output: String) throws -> ExampleProcess {
            try ExampleProcess(
                [
                    python, "\(folder.path)/history.py", daemon.events, daemon.history, "\(folder.path)/seen.json",
                ], in: folder, output: output)
        }
        func send(_ streams: [String]) throws {
            var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
            let recording = Recording(samplingRate: 360, seconds: 60, seed: 52)
            for stream in streams {
                for block in recording.blocks(stream: stream, size: 360) {
                    while try !client.send(block, timeout: .seconds(1)) {}
                }
            }
            #expect(try client.waitUntilAcknowledged(timeout: .seconds(60)) == true)
        }
        func seen() -> [String: Int] {
            let data = (try? Data(contentsOf: URL(filePath: "\(folder.path)/seen.json"))) ?? Data()
            return (try? JSONDecoder().decode([String: Int].self, from: data)) ?? [:]
        }
        /// Waits until it has printed, and remembered, whatever the daemon has of these streams.
        func waitUntilSeen(_ streams: [String]) throws {
            let alerts = try Past(daemon, context).events("alert")
            let counts = streams.map { stream in alerts.count { $0.stream == stream } }
            #expect(counts.allSatisfy { $0 > 2 })
            #expect(eventually { streams.map { seen()["alert.\($0)"] ?? 0 } == counts })
        }
        // Before it starts, while it runs, while it is away, and while the daemon was killed.
        try send(["before"])
        let first = try start("first")
        try waitUntilSeen(["before"])
        try send(["during"])
        try waitUntilSeen(["before", "during"])
        first.end()
        try send(["away"])
        let second = try start("second")
        daemon.signal(SIGKILL)
        #expect(daemon.exitCode() == SIGKILL)
        daemon = try DaemonProcess(hasJournal: true, after: daemon)
        try send(["after"])
        try waitUntilSeen(["before", "during", "away", "after"])
        let printed = first.lines + second.lines
        let alerts = try Past(daemon, context).events("alert")
        for stream in ["before", "during", "away", "after"] {
            let own = printed.filter { $0.hasPrefix("alert.\(stream) ") }
            #expect(own == lines(alerts.filter { $0.stream == stream }))
        }
        #expect(printed.count == alerts.count)
        #expect(daemon.terminate() == 0)
    }

    @Test(.enabled(if: CPlusPlus.isThere, CPlusPlus.need))
    func cPlusPlusLosesNoSampleAndNoAlertInKills() throws {
        let folder = try TemporaryFolder("examples")
        let program = try CPlusPlus.build(in: folder)
        let context = try ZeroMQContext()
        var daemon = try DaemonProcess(hasJournal: true)
        let watch = try ExampleProcess(
            [program, "watch", daemon.events, daemon.history], in: folder, output: "alerts")
        let source = try ExampleProcess([program, "send", daemon.acknowledged, "bed-c", "15"], in: folder)
        let past = try killTwice(&daemon, under: source, context)
        let beats = try past.events("beat").map(\.sampleIndex)
        #expect(beats.count >= 10)
        #expect(beats.allSatisfy { abs($0 % 250 - 100) <= 3 })
        // Alerts of a recording that comes while the watcher's connection is new.
        var client = try AcknowledgedAcquisitionClient(endpoint: daemon.acknowledged, context: context)
        for block in Recording(samplingRate: 360, seconds: 60, seed: 53).blocks(stream: "bed-d", size: 360) {
            while try !client.send(block, timeout: .seconds(1)) {}
        }
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(60)) == true)
        let expected = lines(try past.events("alert"))
        #expect(expected.count > 2)
        _ = eventually { watch.lines.count >= expected.count }
        #expect(watch.lines.sorted() == expected.sorted())
        #expect(daemon.terminate() == 0)
    }

    @Test func swiftBedsidePrintsTheAsystoleItSends() throws {
        let folder = try TemporaryFolder("examples")
        let daemon = try DaemonProcess()
        let bedside = try ExampleProcess(
            [Checkout.program("bedside-example"), daemon.ingest, daemon.events], in: folder)
        #expect(bedside.exitCode() == 0)
        let asystole = bedside.lines.filter { $0.contains("/asystole/") }
        #expect(asystole.contains { $0.contains(" started ") })
        #expect(asystole.contains { $0.contains(" ended ") })
        #expect(daemon.terminate() == 0)
    }
}

/// Builds the example in C++ as its page says.
private enum CPlusPlus {
    static let need: Comment = "needs g++, libzmq3-dev, libprotobuf-dev and protobuf-compiler"
    static let isThere = [
        "/usr/bin/g++", "/usr/bin/protoc", "/usr/include/zmq.h", "/usr/include/google/protobuf/message.h",
    ].allSatisfy { FileManager.default.fileExists(atPath: $0) }

    static func build(in folder: TemporaryFolder) throws -> String {
        func run(_ command: [String]) throws {
            let process = Process()
            process.executableURL = URL(filePath: command[0])
            process.arguments = Array(command.dropFirst())
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
        }
        try run(
            ["/usr/bin/protoc", "--cpp_out=\(folder.path)", "-I", "\(Checkout.root)Sources/ECGWire", "ecg_monitor.proto"])
        let program = "\(folder.path)/bedside"
        try run([
            "/usr/bin/g++", "-O1", "-std=c++17", "-Wall", "-Werror", "-I", folder.path, "-o", program,
            "\(Checkout.root)Docs/Examples/cpp/bedside.cpp", "\(folder.path)/ecg_monitor.pb.cc", "-lzmq", "-lprotobuf",
            "-lpthread",
        ])
        return program
    }
}
