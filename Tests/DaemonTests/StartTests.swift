import Foundation
import Glibc
import Testing

@testable import MonitorDaemon

/// What keeps the daemon from starting is said in one line that names it and the next step, with an exit code.
@Suite(.serialized) struct StartTests {
    /// Runs the daemon to its end.
    private func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: DaemonProcess.executable)
        // The usual port may be somebody else's.
        process.arguments = arguments + (arguments.contains("--station-port") ? [] : ["--no-station"])
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    private func temporaryDirectory() throws -> String {
        let name = "ecgmond-\(UUID().uuidString.prefix(8))"
        let path = FileManager.default.temporaryDirectory.appending(path: name).path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test func checkConfigAcceptsAValidFileAndNamesTheLineOfAMistake() throws {
        let right = try run(["--check-config", "\(DaemonProcess.root)/Config/ecgmond.toml"])
        #expect(right.code == 0)
        #expect(right.output.hasSuffix("ecgmond.toml: ok\n"))
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try "[log]\n\nlevle = \"info\"\n".write(toFile: "\(directory)/bad.toml", atomically: true, encoding: .utf8)
        let wrong = try run(["--check-config", "\(directory)/bad.toml"])
        #expect(wrong.code == ExitStatus.configuration)
        #expect(wrong.output == "\(directory)/bad.toml:3: unknown key log.levle; is log.level meant?\n")
        let absent = try run(["--check-config", "\(directory)/absent.toml"])
        #expect(absent.code == ExitStatus.noInput)
        #expect(absent.output.contains("there is no such file"))
        #expect(try run(["--check-config", directory]).output.contains("it is a directory"))
        #expect(try run(["--check-config", "/dev/zero"]).output.contains("it is no regular file"))
    }

    @Test func errorsNameBusyMissingAndExposedEndpoints() throws {
        let daemon = try DaemonProcess()
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let own = "ipc://\(directory)/own"
        let commands = "ipc://\(directory)/commands"
        let model = ["--model", DaemonProcess.model, "--http-port", "0", "--commands", commands]
        let twice = try run(["--ingest", own, "--events", daemon.events] + model)
        #expect(twice.code == ExitStatus.unavailable)
        #expect(twice.output.contains("cannot listen on \(daemon.events): it is in use already; "))
        let nowhere = try run(["--ingest", "ipc://\(directory)/no/where", "--events", own] + model)
        #expect(nowhere.code == ExitStatus.unavailable)
        #expect(nowhere.output.contains("there is no directory \(directory)/no; create it"))
        let exposed = try run(["--ingest", "tcp://0.0.0.0:5570", "--events", own] + model)
        #expect(exposed.code == ExitStatus.configuration)
        #expect(exposed.output.contains("can be reached from the network"))
        let page = try run([
            "--ingest", own, "--events", own + "2", "--commands", commands, "--model", DaemonProcess.model,
            "--http-port",
            "\(daemon.httpPort)",
        ])
        #expect(page.code == ExitStatus.unavailable)
        #expect(page.output.contains("cannot serve http on 127.0.0.1:\(daemon.httpPort): the port is in use; "))
        #expect(!page.output.contains("info ready"))
        for line in [twice.output, nowhere.output, exposed.output] {
            #expect(line.split(separator: "\n").count == 1 && line.hasPrefix("ecgmond: "))
        }
        #expect(daemon.terminate() == 0)
    }

    @Test func startingBeyondLoopbackNeedsKeysInPrivateFiles() throws {
        let ring = try Keyring(["a": "push = [\"*\"]"])
        let arguments = [
            "--events", "ipc://\(ring.folder)/e", "--commands", "ipc://\(ring.folder)/c", "--no-http", "--model",
            DaemonProcess.model, "--config", "\(ring.folder)/conf",
        ]
        func start(
            _ configuration: String, ingest: String = "tcp://0.0.0.0:0"
        ) throws -> (code: Int32, output: String) {
            try configuration.write(toFile: "\(ring.folder)/conf", atomically: true, encoding: .utf8)
            return try run(arguments + ["--ingest", ingest])
        }
        for host in ["0.0.0.0", "*", "10.0.0.1", "[::]"] {
            let ingest = "tcp://\(host):5570"
            let bare = try start("", ingest: ingest)
            #expect(bare.code == ExitStatus.configuration && bare.output.contains("can be reached from the network"))
        }
        for (file, mode, words) in [
            ("server", mode_t(0o640), "others can read it"), ("keys.toml", 0o660, "others can change it"),
        ] {
            chmod("\(ring.folder)/\(file)", mode)
            let open = try start(ring.configuration)
            #expect(open.code == ExitStatus.configuration && open.output.contains("\(ring.folder)/\(file): \(words)"))
            chmod("\(ring.folder)/\(file)", 0o600)
        }
        let half = try start("[security]\nserver_key = \"\(ring.folder)/server\"\n")
        #expect(half.code == ExitStatus.configuration && half.output.contains("needs security.authorized_keys"))
        let absent = try start(ring.configuration.replacing("keys.toml", with: "none.toml"))
        #expect(absent.code == ExitStatus.configuration && absent.output.contains("none.toml: No such file"))
        let page = try start("[http]\naddress = \"0.0.0.0\"\n")
        #expect(page.code == ExitStatus.configuration && page.output.contains("or set http.token_file"))
        // With keys it listens everywhere.
        let daemon = try DaemonProcess(configuration: ring.configuration, arguments: ["--ingest", "tcp://0.0.0.0:*"])
        #expect(eventually { daemon.log.contains("tcp://0.0.0.0:") })
        #expect(daemon.terminate() == 0)
    }

    @Test func anAbsentOrAlteredModelIsNamed() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let endpoints = [
            "--ingest", "ipc://\(directory)/i", "--events", "ipc://\(directory)/e", "--commands",
            "ipc://\(directory)/c",
            "--http-port", "0",
        ]
        let absent = try run(endpoints + ["--model", "\(directory)/absent.safetensors"])
        #expect(absent.code == ExitStatus.noInput)
        #expect(absent.output.contains("\(directory)/absent.safetensors"))
        #expect(absent.output.contains("give a weights file with --model"))
        var weights = try Data(contentsOf: URL(filePath: DaemonProcess.model))
        weights[weights.count - 1] ^= 1
        try weights.write(to: URL(filePath: "\(directory)/altered.safetensors"))
        try FileManager.default.copyItem(
            atPath: DaemonProcess.model.replacing(".safetensors", with: ".json"), toPath: "\(directory)/altered.json")
        let altered = try run(endpoints + ["--model", "\(directory)/altered.safetensors"])
        #expect(altered.code == ExitStatus.noInput)
        #expect(altered.output.contains("SHA-256"))
        #expect(altered.output.split(separator: "\n").count == 1)
    }

    @Test(
        .enabled(if: access("/usr/bin/systemd-analyze", X_OK) == 0, "systemd-analyze is not installed"),
        arguments: [("ecgmond.service", "ecgmond.service"), ("ecgmond@.service", "ecgmond@worker.service")])
    func theUnitIsRightAndConfined(file: String, name: String) throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let unit = try String(contentsOfFile: "\(DaemonProcess.root)/Systemd/\(file)", encoding: .utf8)
        // The unit names where the program is installed; here it lies elsewhere.
        try unit.replacing("/usr/bin/ecgmond", with: DaemonProcess.executable).write(
            toFile: "\(directory)/\(name)", atomically: true, encoding: .utf8)
        func analyze(_ arguments: [String]) throws -> (Int32, String) {
            let process = Process()
            let output = Pipe()
            process.executableURL = URL(filePath: "/usr/bin/systemd-analyze")
            process.arguments = arguments
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text)
        }
        let verify = try analyze(["verify", "--man=no", "\(directory)/\(name)"])
        #expect(verify.0 == 0, "\(verify.1)")
        #expect(!verify.1.contains(name), "\(verify.1)")
        let security = try analyze(
            ["security", "--offline=true", "--threshold=13", "--no-pager", "\(directory)/\(name)"])
        #expect(security.0 == 0, "\(security.1)")
    }
}
