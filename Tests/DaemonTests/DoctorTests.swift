import Foundation
import Glibc
import TestSupport
import Testing

@testable import MonitorDaemon

/// What the doctor says of set-ups that are broken in one way each.
@Suite struct DoctorTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("doctor") }

    /// A set-up in which everything is in order, on sockets of its own, with `more` at its end.
    private func examine(_ more: String = "", journal: String? = nil, model: String? = nil) throws -> [Finding] {
        let sockets = ["ingest", "acknowledged", "events", "history", "command"].map { "\"ipc://\(folder.path)/\($0)\"" }
        let text = """
            [ingest]
            endpoints = [\(sockets[0])]
            acknowledged_endpoints = [\(sockets[1])]
            [events]
            endpoints = [\(sockets[2])]
            [history]
            endpoints = [\(sockets[3])]
            [commands]
            endpoints = [\(sockets[4])]
            [journal]
            path = "\(journal ?? "\(folder.path)/journal.sqlite")"
            maximum_bytes = 1000000
            [model]
            path = "\(model ?? Checkout.model)"
            [http]
            port = 0
            [station]
            port = 0

            """
        let path = "\(folder.path)/ecgmond.toml"
        try (text + more).write(toFile: path, atomically: true, encoding: .utf8)
        return Doctor.examine(configurationAt: path)
    }

    private func problems(_ findings: [Finding], _ subject: String) -> [Finding] {
        findings.filter { $0.subject == subject && $0.verdict == .problem }
    }

    private func expectOne(_ findings: [Finding], _ subject: String, _ words: String, next: String) {
        let found = problems(findings, subject)
        #expect(found.count == 1, "\(findings)")
        #expect(found.first?.text.contains(words) == true, "\(found)")
        #expect(found.first?.nextStep.contains(next) == true, "\(found)")
    }

    @Test func everythingInOrderIsOk() throws {
        let findings = try examine()
        #expect(findings.allSatisfy { $0.verdict != .problem }, "\(findings)")
        for subject in ["configuration", "keys", "model", "endpoints", "journal", "disk", "clock", "limits"] {
            #expect(findings.contains { $0.subject == subject }, "nothing is said of \(subject)")
        }
        // Looking leaves nothing behind.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ecgmond.toml"])
    }

    @Test func everyMistakeOfTheConfigurationIsToldWithItsLine() throws {
        let findings = try examine("[log]\nlevel = \"loud\"\nperiod = 3\n")
        #expect(problems(findings, "configuration").count == 2, "\(findings)")
        #expect(findings.allSatisfy { $0.text.contains("ecgmond.toml:2") }, "\(findings)")
        let missing = Doctor.examine(configurationAt: "\(folder.path)/nowhere.toml")
        expectOne(missing, "configuration", "there is no such file", next: "check the path")
    }

    @Test func keysThatOthersCanReadAreAProblem() throws {
        let ring = try Keyring(["desk": "read = [\"alert.bed-*\"]\nexpires = \"2020-01-01\""])
        let findings = try examine(ring.configuration)
        #expect(findings.contains { $0.text.contains("desk has expired") && $0.verdict == .warning }, "\(findings)")
        #expect(findings.contains { $0.subject == "station" && $0.verdict == .warning }, "\(findings)")
        chmod("\(ring.folder)/server", 0o644)
        expectOne(try examine(ring.configuration), "keys", "others can read it", next: "chmod 600")
        chmod("\(ring.folder)/server", 0o600)
        try "nonsense".write(toFile: "\(ring.folder)/keys.toml", atomically: true, encoding: .utf8)
        #expect(problems(try examine(ring.configuration), "keys").count == 1)
    }

    @Test func aModelThatItsCardDoesNotDescribeIsAProblem() throws {
        let weights = "\(folder.path)/m.safetensors"
        for (from, to) in [(Checkout.model, weights), (ModelCardPath.of(Checkout.model), "\(folder.path)/m.json")] {
            try FileManager.default.copyItem(atPath: from, toPath: to)
        }
        #expect(problems(try examine(model: weights), "model").isEmpty)
        let file = try #require(FileHandle(forUpdatingAtPath: weights))
        try file.seekToEnd()
        try file.seek(toOffset: try file.offset() - 3)
        try file.write(contentsOf: Data([1, 2, 3]))
        try file.close()
        expectOne(try examine(model: weights), "model", "SHA-256", next: "install it anew")
        // Beside a sound model it is a warning.
        try FileManager.default.moveItem(atPath: weights, toPath: "\(folder.path)/other.safetensors")
        try FileManager.default.moveItem(atPath: "\(folder.path)/m.json", toPath: "\(folder.path)/other.json")
        try FileManager.default.copyItem(atPath: Checkout.model, toPath: weights)
        try FileManager.default.copyItem(atPath: ModelCardPath.of(Checkout.model), toPath: "\(folder.path)/m.json")
        let findings = try examine(model: weights)
        #expect(problems(findings, "model").isEmpty)
        #expect(findings.contains { $0.verdict == .warning && $0.text.contains("other.safetensors") }, "\(findings)")
        expectOne(try examine(model: "\(folder.path)/none.safetensors"), "model", "none", next: "model.path")
    }

    @Test func endpointsThatCannotBeHadAreProblems() throws {
        #expect(FileManager.default.createFile(atPath: "\(folder.path)/ingest", contents: Data("mine".utf8)))
        expectOne(try examine(), "endpoints", "is no socket", next: "move it away")
        try FileManager.default.removeItem(atPath: "\(folder.path)/ingest")

        let address = try #require(IPAddress("127.0.0.1"))
        var (taken, port): (Int32, UInt16) = (-1, 0)
        while taken < 0 {
            port = .random(in: 20_000...60_000)
            taken = (try? address.bind(port: port, flags: 0)) ?? -1
        }
        defer { close(taken) }
        #expect(listen(taken, 1) == 0)
        let text = try String(contentsOfFile: "\(folder.path)/ecgmond.toml", encoding: .utf8)
        let path = "\(folder.path)/ecgmond.toml"
        try text.replacingOccurrences(of: "ipc://\(folder.path)/events", with: "tcp://127.0.0.1:\(port)")
            .write(toFile: path, atomically: true, encoding: .utf8)
        expectOne(Doctor.examine(configurationAt: path), "endpoints", "it is in use", next: "ss -ltnp")
        try text.replacingOccurrences(of: "ipc://\(folder.path)/events", with: "ipc:///nowhere/at/all")
            .write(toFile: path, atomically: true, encoding: .utf8)
        expectOne(Doctor.examine(configurationAt: path), "endpoints", "there is no folder", next: "mkdir -p")
    }

    @Test func aRunningDaemonIsFoundAndItsEndpointsAreNotInTheWay() throws {
        let daemon = try DaemonProcess(hasJournal: true)
        var text = try String(contentsOfFile: daemon.configurationPath, encoding: .utf8)
        text += "\n[http]\nport = \(daemon.httpPort)\n"
        let path = "\(folder.path)/running.toml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let findings = Doctor.examine(configurationAt: path)
        #expect(findings.contains { $0.subject == "daemon" && $0.verdict == .ok }, "\(findings)")
        #expect(problems(findings, "endpoints").isEmpty, "\(findings)")
        #expect(daemon.terminate() == 0)
    }

    @Test func aJournalThatIsNoneIsAProblem() throws {
        let path = "\(folder.path)/journal.sqlite"
        try String(repeating: "nonsense ", count: 1000).write(toFile: path, atomically: true, encoding: .utf8)
        expectOne(try examine(), "journal", "no journal, or is damaged", next: "move it away")
        expectOne(
            try examine(journal: "/nowhere/journal.sqlite"), "journal", "there is no folder", next: "mkdir -p /nowhere")
        #expect(try examine(journal: "").contains { $0.subject == "journal" && $0.verdict == .warning })
    }

    @Test func aJournalThatMayGrowBeyondTheDiskIsAWarning() throws {
        _ = try examine()
        let path = "\(folder.path)/ecgmond.toml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacingOccurrences(of: "maximum_bytes = 1000000", with: "maximum_bytes = 17000000000000")
            .write(toFile: path, atomically: true, encoding: .utf8)
        let disk = Doctor.examine(configurationAt: path).filter { $0.subject == "disk" }
        #expect(disk.map(\.verdict) == [.warning], "\(disk)")
        #expect(disk.first?.nextStep.contains("journal.maximum_bytes") == true)
    }
}

private enum ModelCardPath {
    static func of(_ model: String) -> String { String(model.dropLast(".safetensors".count)) + ".json" }
}
