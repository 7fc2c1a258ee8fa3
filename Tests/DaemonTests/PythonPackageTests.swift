import Foundation
import TestSupport
import Testing

/// The Python package's own tests, with real daemons: clients/python/tests.
@Suite(.serialized) struct PythonPackageTests {
    /// An interpreter with what the bridges are checked with, if `make test` could make one; else the system's.
    private static let python = [
        ProcessInfo.processInfo.environment["ECGMON_PYTHON"], "\(Checkout.root).build/python/bin/python3",
        "/usr/bin/python3",
    ].compactMap(\.self).first { FileManager.default.isExecutableFile(atPath: $0) }

    private static let needsPython: Comment = "needs python3 with python3-zmq and python3-protobuf"

    private static let hasPython: Bool = {
        guard let python else { return false }
        return (try? run(python, ["-c", "import zmq, google.protobuf"]))?.code == 0
    }()

    private static func run(_ program: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: "\(Checkout.root)clients/python/tests")
        var environment = ProcessInfo.processInfo.environment
        environment["ECGMON_PROGRAMS"] = URL(filePath: DaemonProcess.executable).deletingLastPathComponent().path()
        environment["SWIFT_BACKTRACE"] = "enable=no"
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        process.environment = environment
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    @Test(.enabled(if: hasPython, needsPython), arguments: ["test_clients", "test_bridges", "test_files"])
    func pythonTestsPass(module: String) throws {
        let (code, output) = try Self.run(Self.python ?? "", ["-W", "ignore", "-m", "unittest", "-v", module])
        #expect(code == 0, "\(output.suffix(4000))")
        // What this machine lacks is said, not passed over in silence.
        for line in output.split(separator: "\n") where line.contains("skipped") { print(line) }
    }

    @Test(.enabled(if: hasPython, needsPython)) func packageInstallsWithItsTypesAndTable() throws {
        let folder = try TemporaryFolder("package")
        let (code, output) = try Self.run(
            "/usr/bin/python3",
            [
                "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target",
                folder.path, "\(Checkout.root)clients/python",
            ])
        guard code == 0 else {
            // Debian's python3-pip and python3-setuptools; elsewhere pip fetches the latter.
            #expect(output.contains("No module named"), "\(output)")
            print("skipped: needs python3-pip and python3-setuptools")
            return
        }
        for name in ["ecg_monitor_pb2.pyi", "py.typed", "bridges/codes.json"] {
            #expect(FileManager.default.fileExists(atPath: "\(folder.path)/ecg_monitor/\(name)"))
        }
        for command in ["ecgmon-hl7", "ecgmon-fhir", "ecgmon-lsl", "ecgmon-sdc"] {
            #expect(FileManager.default.isExecutableFile(atPath: "\(folder.path)/bin/\(command)"))
        }
    }
}
