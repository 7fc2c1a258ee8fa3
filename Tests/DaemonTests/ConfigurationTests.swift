import Foundation
import Logging
import Testing

@testable import ecgmond

@Suite struct ConfigurationTests {
    private func mistakes(_ text: String) -> [ConfigurationFile.Mistake] {
        do throws(ConfigurationFile.MistakeList) {
            _ = try ConfigurationFile.parse(text)
            return []
        } catch {
            return error.mistakes
        }
    }

    @Test func theShippedFileHoldsEveryKeyWithItsDefault() throws {
        let text = try String(contentsOfFile: "\(DaemonProcess.root)/Config/ecgmond.toml", encoding: .utf8)
        #expect(try ConfigurationFile.parse(text) == DaemonConfiguration())
        var table = ""
        var found: Set<String> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("[") {
                table = String(line.dropFirst().dropLast())
            } else if let key = line.firstMatch(of: #/^([a-z_]+) = /#)?.1 {
                found.insert("\(table).\(key)")
            }
        }
        #expect(found == Set(ConfigurationSchema.keys.map(\.fullName)))
    }

    @Test(arguments: [
        ("[ingest]\n\nendpoint = []\n", 3, "unknown key ingest.endpoint; is ingest.endpoints meant?"),
        ("[ingets]\n", 1, "unknown key ingets; is ingest meant?"),
        ("x = 1\n", 1, "unknown key x"),
        ("[log]\nlevel = \"loud\"\n", 2, "log.level must be one of"),
        ("[streams]\n# many\nmaximum = \"many\"\n", 3, "streams.maximum must be a whole number from 1 to 1000000"),
        ("[http]\naddress = \"0.0.0.0\"\n", 2, "http.address must be a loopback address"),
        ("[ingest]\nendpoints = [\"tcp://0.0.0.0:5570\"]\n", 2, "can be reached from the network"),
        ("[events]\nendpoints = [\n \"udp://x:1\",\n]\n", 2, "begins with neither tcp:// nor ipc://"),
        ("[events]\nendpoints = [\"tcp://127.0.0.1:70000\"]\n", 2, "whose port is not from 1 to 65535"),
        ("[monitor]\nasystole_seconds = 60\n", 2, "monitor.asystole_seconds must be from 2.5 to 10.0, not 60.0"),
        ("[monitor]\nbradycardia_below = 119\n", 2, "monitor.bradycardia_below must be below"),
        ("[monitor.suspicion]\nwithdraw_at = 11\n", 2, "monitor.suspicion.withdraw_at must be"),
        ("monitor = 3\n", 1, "monitor must be a table"),
        ("[log]\nlevel = \"info\"\nlevel = \"info\"\n", 3, "level"),
        ("[log\n", 1, "expected ']'"),
    ])
    func aMistakeIsToldWithItsLine(text: String, line: Int, words: String) {
        let found = mistakes(text)
        #expect(found.count == 1)
        #expect(found.first?.line == line)
        #expect(found.first?.words.contains(words) == true, "\(found)")
    }

    @Test func allMistakesAreToldAtOnceInTheOrderOfTheLines() {
        let found = mistakes("[log]\nlevel = 1\nperiod_seconds = true\n[http]\nport = -1\nports = 2\n")
        #expect(found.map(\.line) == [2, 3, 5, 6])
    }

    @Test func valuesInOtherSpellingsOfTOMLAreUnderstood() throws {
        let configuration = try ConfigurationFile.parse(
            "http.port = 9000\nlog = { level = \"debug\", period_seconds = 3 }\n[\"streams\"]\n'maximum' = 5\n")
        #expect(configuration.http.port == 9000)
        #expect(configuration.log.level == .debug)
        #expect(configuration.log.periodSeconds == 3)
        #expect(configuration.streams.maximum == 5)
    }

    @Test func aFileThatIsNoTextOrTooLongIsRefused() throws {
        let directory = FileManager.default.temporaryDirectory
        let path = directory.appending(path: "ecgmond-\(UUID().uuidString).toml")
        defer { try? FileManager.default.removeItem(at: path) }
        try Data([0xff, 0xfe, 0x00, 0x80]).write(to: path)
        #expect(throws: ConfigurationFile.Failure.self) { try ConfigurationFile.read(path: path.path()) }
        try Data(repeating: UInt8(ascii: "\n"), count: 2 << 20).write(to: path)
        #expect(throws: ConfigurationFile.Failure.self) { try ConfigurationFile.read(path: path.path()) }
        #expect(throws: ConfigurationFile.Failure.self) { try ConfigurationFile.read(path: directory.path()) }
    }

    @Test func changedKeysAreNamedAndOverridesWin() throws {
        let file = try ConfigurationFile.parse("[ingest]\nendpoints = [\"ipc:///a\"]\n[log]\nlevel = \"debug\"\n")
        var overrides = ConfigurationOverrides()
        overrides.ingest = ["ipc:///b"]
        let merged = overrides.applied(to: file)
        #expect(merged.ingest.endpoints == ["ipc:///b"])
        #expect(merged.log.level == .debug)
        let names = ConfigurationSchema.differences(DaemonConfiguration(), merged).map(\.fullName)
        #expect(names == ["ingest.endpoints", "log.level"])
    }
}
