import ECGMonitor
import Foundation
import Logging
import Testing

@testable import MonitorDaemon

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
        ("[streams]\nmaximum = 5\n\u{0}\n[nonsense]\n", 3, "a NUL"),
        ("\n [.log]\n", 2, "a table's name is missing"),
        ("[ = ]\n", 1, "a table's name is missing"),
        ("\n[[", 2, "a table's name is missing"),
        ("\u{FEFF}[# none\n", 1, "a table's name is missing"),
        ("[log]\nlevel = \"loud\"\n", 2, "log.level must be one of"),
        ("[streams]\n# many\nmaximum = \"many\"\n", 3, "streams.maximum must be a whole number from 1 to 1000000"),
        ("[http]\naddress = \"0.0.0.0\"\n", 2, "http.address: 0.0.0.0 can be reached from the network"),
        ("[http]\naddress = \"lo\"\n", 2, "http.address: \"lo\" names a network interface"),
        ("[events]\nendpoints = [\"tcp://lo:5572\"]\n", 2, "tcp://lo:5572 names a network interface"),
        ("[security]\n\nserver_key = \"/k\"\n", 3, "security.server_key needs security.authorized_keys"),
        ("[security]\nallow_unencrypted_network = true\n", 2, "unknown key security.allow_unencrypted_network"),
        ("[ingest]\nendpoints = [\"tcp://0.0.0.0:5570\"]\n", 2, "can be reached from the network"),
        ("[events]\nendpoints = [\n \"udp://x:1\",\n]\n", 2, "begins with neither tcp:// nor ipc://"),
        ("[events]\nendpoints = [\"tcp://127.0.0.1:70000\"]\n", 2, "whose port is not from 1 to 65535"),
        ("[monitor]\nasystole_seconds = 60\n", 2, "monitor.asystole_seconds must be from 2.5 to 10.0, not 60.0"),
        ("[monitor]\nbradycardia_below = 119\n", 2, "monitor.bradycardia_below must be below"),
        ("[monitor.suspicion]\nwithdraw_at = 11\n", 2, "monitor.suspicion.withdraw_at must be"),
        ("monitor = 3\n", 1, "monitor must be a table"),
        ("[log]\nlevel = \"info\"\nlevel = \"info\"\n", 3, "level"),
        ("[log\n", 1, "expected ']'"),
        ("[commands]\nendpoints = [\"tcp://0.0.0.0:5574\"]\n", 2, "can be reached from the network"),
        (
            "[monitor.alarms]\n\noff = [\"pause\", \"asystole\"]\n", 3,
            "without asystole: this alarm cannot be switched off"
        ),
        ("[monitor.alarms]\noff = [\"ventricular_tachycardia\"]\n", 2, "cannot be switched off"),
        ("[monitor.alarms]\noff = [\"ventricular_fibrillation\"]\n", 2, "cannot be switched off"),
        ("[monitor.alarms]\noff = [\"assystole\"]\n", 2, "must be a list out of"),
        ("[monitor.alarms]\nlongest_pause_seconds = 86400\n", 2, "no pause is for ever"),
        ("[monitor]\nventricular_tachycardia_beats = 16\n", 2, "must be from 3 to 15"),
        (
            "[ward.icu]\nstreams = [\"icu-*\"]\nasystole_seconds = 60\n", 3,
            "ward.icu.asystole_seconds must be from 2.5 to 10.0"
        ),
        ("[ward.icu]\ntachycardia_above = 130\n", 1, "ward.icu.streams must be a list of streams"),
        ("[ward.icu]\nstreams = [\"*-icu\"]\n", 2, "beginnings of names followed by *"),
        ("[ward.a]\nstreams = [\"x\"]\n[ward.b]\nstreams = [\"x\"]\n", 4, "which is ward a's"),
        ("[ward.icu]\nstreams = [\"*\"]\ntachycardia_abov = 130\n", 3, "is tachycardia_above meant?"),
        ("[patient.\"bed 7\"]\n", 1, "no stream has such a name"),
        ("[patient.\"bed-7\"]\n\n[patient.\"bed-7\".alarms]\noff = [\"asystole\"]\n", 4, "cannot be switched off"),
        ("[patient.\"bed-7\"]\nlevel = 3\n", 2, "unknown key patient.bed-7.level"),
        ("ward = 3\n", 1, "must be a table of tables"),
    ])
    func mistakeIsReportedWithItsLine(text: String, line: Int, words: String) {
        let found = mistakes(text)
        #expect(found.count == 1)
        #expect(found.first?.line == line)
        #expect(found.first?.words.contains(words) == true, "\(found)")
    }

    @Test func aModelOnTheCommandLineIsFoundInTheWorkingDirectory() throws {
        let here = FileManager.default.currentDirectoryPath
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: here).first)
        var overrides = ConfigurationOverrides()
        overrides.model = name
        #expect(overrides.applied(to: DaemonConfiguration()).model.path == "\(here)/\(name)")
        overrides.model = "models/none.safetensors"
        #expect(overrides.applied(to: DaemonConfiguration()).model.path == "models/none.safetensors")
    }

    @Test func everyLimitOutOfItsRangeIsReported() {
        let found = mistakes(
            "[monitor]\nbradycardia_below = 500\nasystole_seconds = 99\npause_seconds = \"x\"\nhunger = 1\n")
        #expect(found.map(\.line) == [2, 3, 4, 5])
        #expect(found[0].words == "monitor.bradycardia_below must be from 15.0 to 150.0, not 500.0")
        #expect(found[2].words == "monitor.pause_seconds must be a number")
        let together = mistakes("[monitor]\nbradycardia_below = 100\ntachycardia_above = 90\n")
        #expect(together.count == 1 && together[0].line == 2)
    }

    @Test func allMistakesAreReportedTogetherInLineOrder() {
        let found = mistakes("[log]\nlevel = 1\nperiod_seconds = true\n[http]\nport = -1\nports = 2\n")
        #expect(found.map(\.line) == [2, 3, 5, 6])
    }

    @Test func patientLimitsPrecedeWardsAndLongerPatternsShorterOnes() throws {
        let configuration = try ConfigurationFile.parse(
            """
            [monitor]
            tachycardia_above = 125
            [ward.all]
            streams = ["*"]
            tachycardia_above = 126
            [ward.icu]
            streams = ["icu-*", "bed-9"]
            tachycardia_above = 127
            pause_seconds = 3
            alarms.latching = ["high"]
            [ward.icu-north]
            streams = ["icu-north-*"]
            tachycardia_above = 128
            [patient."icu-3"]
            tachycardia_above = 129
            alarms = { reminder_seconds = 0 }
            """)
        #expect(configuration.limits(of: "bed-1").tachycardiaAbove == 126)
        #expect(configuration.limits(of: "bed-9").tachycardiaAbove == 127)
        #expect(configuration.limits(of: "icu-north-1").tachycardiaAbove == 128)
        #expect(configuration.limits(of: "icu-north-1").pauseSeconds == 2)
        let patient = configuration.limits(of: "icu-3")
        #expect(patient.tachycardiaAbove == 129 && patient.pauseSeconds == 3)
        #expect(patient.alarms.latching == [.high] && patient.alarms.reminderSeconds == 0)
        #expect(configuration.monitor.alarms.latching.isEmpty)
    }

    @Test func otherTOMLSpellingsAreUnderstood() throws {
        let configuration = try ConfigurationFile.parse(
            "http.port = 9000\nlog = { level = \"debug\", period_seconds = 3 }\n[\"streams\"]\n'maximum' = 5\n")
        #expect(configuration.http.port == 9000)
        #expect(configuration.log.level == .debug)
        #expect(configuration.log.periodSeconds == 3)
        #expect(configuration.streams.maximum == 5)
    }

    @Test func nontextOrOverlongFileIsRefused() throws {
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
        // One of a pair of endpoints that is moved does not leave the other where it usually is.
        #expect(names == ["ingest.endpoints", "log.level", "ingest.acknowledged_endpoints"])
    }
}
