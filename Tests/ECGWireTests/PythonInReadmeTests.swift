import ECGWire
import Foundation
import Testing
import ZeroMQ

private let python = "/usr/bin/python3"

/// Whether this machine has what the README asks for.
private let hasPython: Bool = {
    guard FileManager.default.isExecutableFile(atPath: python),
        FileManager.default.isExecutableFile(atPath: "/usr/bin/protoc")
    else { return false }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", "import zmq, google.protobuf"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

/// The programs in the README, run as they are written there, against this package's own sockets.
@Suite(.enabled(if: hasPython, "needs /usr/bin/python3 with python3-zmq and python3-protobuf, and protoc"))
struct PythonInReadmeTests {
    /// The code blocks under "In Python", by the file name in their first line.
    private func programs() throws -> [String: String] {
        let readme = try String(contentsOf: packageRoot.appendingPathComponent("README.md"), encoding: .utf8)
        let heading = try #require(readme.range(of: "\n## In Python\n") ?? readme.range(of: "## In Python\n"))
        let section = readme[heading.upperBound...].split(separator: "\n## ", maxSplits: 1)[0]
        var programs: [String: String] = [:]
        for part in section.components(separatedBy: "```python\n").dropFirst() {
            let code = part.components(separatedBy: "```")[0]
            let name = code.prefix { $0 != "\n" }.dropFirst(2)
            programs[String(name)] = code
        }
        return programs
    }

    private func start(_ name: String, in folder: URL, _ argument: String, output: Pipe? = nil) throws -> Process {
        let code = try #require(try programs()[name])
        let file = folder.appendingPathComponent(name)
        try code.write(to: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [file.path, argument]
        if let output { process.standardOutput = output }
        try process.run()
        return process
    }

    /// Not with SIGTERM: test runners start with signals blocked, which their children inherit.
    private func end(_ process: Process) {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ecgwire-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test func bothAreThereAndShort() throws {
        let programs = try programs()
        #expect(programs.keys.sorted() == ["acquisition.py", "subscriber.py"])
        for (_, code) in programs {
            #expect(code.split(separator: "\n", omittingEmptySubsequences: false).count <= 20)
        }
    }

    @Test func theAcquisitionPushesBlocksThatAreTaken() async throws {
        try await onThread {
            try withFolder { folder in
                _ = try run(
                    "/usr/bin/protoc", "--python_out=\(folder.path)", "-I",
                    packageRoot.appendingPathComponent("Sources/ECGWire").path, "ecg_monitor.proto")
                let context = try ZeroMQContext()
                let pull = try ZeroMQSocket(context, .pull)
                try pull.bind("tcp://127.0.0.1:*")
                let process = try start("acquisition.py", in: folder, try pull.lastEndpoint())
                defer { end(process) }
                var message = ZeroMQMessage()
                var next: Int64 = 0
                var time: Int64?
                for _ in 0..<4 {
                    #expect(try pull.receive(into: &message, timeout: patience))
                    let block = try message.withFrame(message.frameCount - 1) { try WireSampleBlock(frame: $0) }
                    try block.validate()
                    #expect(block.stream == "bed-1" && block.lead == "II" && block.samplingRate == 250)
                    #expect(block.firstSampleIndex == next)
                    #expect(block.samplesInMillivolts.allSatisfy { abs($0) <= 1 })
                    if let time {
                        #expect(block.acquisitionTimeNs - time == Int64(block.sampleCount) * 1_000_000_000 / 250)
                    }
                    time = block.acquisitionTimeNs
                    next += Int64(block.sampleCount)
                }
            }
        }
    }

    @Test func theSubscriberPrintsAlerts() async throws {
        try await onThread {
            try withFolder { folder in
                let context = try ZeroMQContext()
                let xpub = try ZeroMQSocket(context, .xpub)
                try xpub.bind("tcp://127.0.0.1:*")
                let output = Pipe()
                let process = try start("subscriber.py", in: folder, try xpub.lastEndpoint(), output: output)
                defer { end(process) }
                try xpub.waitForSubscriber()
                var event = PublishedBodyTests.event
                try xpub.publish(.beat(stream: "bed-1"), event)
                try xpub.publish(.alert(stream: "bed-1"), event)
                event.id = "second"
                event.alert.phase = .ended
                event.alert.text = "ventricular tachycardia over"
                try xpub.publish(.alert(stream: "bed-2"), event)
                var printed = ""
                while printed.count(where: { $0 == "\n" }) < 2 {
                    let data = output.fileHandleForReading.availableData
                    try #require(!data.isEmpty, "the subscriber ended")
                    printed += String(decoding: data, as: UTF8.self)
                }
                #expect(
                    printed == """
                        alert.bed-1 \(PublishedBodyTests.event.id) ALERT_PHASE_STARTED ventricular tachycardia, 7 beats at 168/min
                        alert.bed-2 second ALERT_PHASE_ENDED ventricular tachycardia over

                        """)
            }
        }
    }
}
