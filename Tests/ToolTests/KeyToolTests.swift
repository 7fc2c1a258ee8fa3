import Foundation
import Glibc
import Testing

/// `ecgmon keys`, and the keys of the commands that connect.
@Suite struct KeyToolTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "keytool-\(UUID().uuidString.prefix(8))").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func keys(_ arguments: String...) throws -> ToolProcess.Outcome {
        try ToolProcess.run(["keys"] + arguments)
    }

    @Test func aKeyIsMadeAuthorizedListedAndRevoked() throws {
        let (key, table) = ("\(folder)/icu.key", "\(folder)/table.toml")
        let made = try keys("generate", key)
        let publicKey = made.output.trimmingCharacters(in: .newlines)
        #expect(made.exitCode == 0 && publicKey.count == 40)
        #expect(try keys("show", key).output == made.output)
        #expect(try keys("show", key + ".pub").output == made.output)
        #expect(try keys("generate", key).exitCode == 1, "nothing is overwritten")
        let authorized = try keys(
            "authorize", table, "icu gateway", key + ".pub", "--push", "icu-*", "--read", "alert.icu-*", "--history",
            "--expires", "2099-01-01")
        #expect(authorized.exitCode == 0, "\(authorized.errors)")
        var status = stat()
        #expect(stat(table, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let list = try keys("list", table)
        #expect(
            list.output
                == "\(publicKey)  icu gateway  push: icu-*  read: alert.icu-*  history  expires 2099-01-01T00:00:00Z\n")
        #expect(try keys("authorize", table, "again", key + ".pub").exitCode == 1, "the key is there already")
        #expect(try keys("authorize", table, "bad\nname", publicKey).exitCode != 0)
        let exact = try keys("authorize", table, "x", publicKey, "--read", "alert.bed-1")
        #expect(exact.exitCode != 0 && exact.errors.contains("end it in the *"))
        #expect(try keys("revoke", table, "nobody").exitCode == 1)
        #expect(try keys("revoke", table, "icu gateway").exitCode == 0)
        #expect(try keys("list", table).output.isEmpty)
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
    func everyConnectingCommandWorksOnlyWithKeys() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["server", "gate", "desk"] { #expect(try keys("generate", "\(folder)/\(name)").exitCode == 0) }
        let table = "\(folder)/table.toml"
        #expect(try keys("authorize", table, "gate", "\(folder)/gate.pub", "--push", "icu-*").exitCode == 0)
        #expect(
            try keys("authorize", table, "desk", "\(folder)/desk.pub", "--read", "beat.*", "--acknowledge", "icu-*")
                .exitCode
                == 0)
        let daemon = try DaemonForTool(
            settings: "[security]\nserver_key = \"\(folder)/server\"\nauthorized_keys = \"\(table)\"\n")
        func own(_ name: String) -> [String] { ["--server-key", "\(folder)/server.pub", "--key", "\(folder)/\(name)"] }
        let watch = try ToolProcess(
            ["watch", "--events", daemon.events, "--topic", "beat", "--count", "5"] + own("desk"))
        #expect(watch.wait(until: { watch.errors.contains("watching") }))
        let replay = [
            "replay", "--simulate", "sinus@75", "--duration", "20", "--speed", "max", "--ingest", daemon.ingest,
        ]
        #expect(try ToolProcess.run(replay + ["--stream", "icu-1"] + own("gate")).exitCode == 0)
        #expect(watch.outcome().exitCode == 0)
        let alarm = ["alarm", "pause", "icu-1", "--by", "Nurse", "--commands", daemon.commands]
        #expect(try ToolProcess.run(alarm + own("desk")).exitCode == 0)
        let refused = try ToolProcess.run(alarm + own("gate"))
        #expect(refused.exitCode == 1 && refused.output.contains("this key has no right to it"))
        for arguments in [replay + ["--connect-timeout", "1"], alarm + ["--timeout", "1"]] {
            let bare = try ToolProcess.run(arguments)
            #expect(bare.exitCode == 1 && bare.errors.contains("needs --server-key and --key"))
        }
        #expect(daemon.stop() == 0)
    }

    @Test func secretReadableByOthersIsRefusedAndKeysMustMatch() throws {
        let key = "\(folder)/a.key"
        let made = try keys("generate", key)
        let publicKey = made.output.trimmingCharacters(in: .newlines)
        chmod(key, 0o644)
        for arguments in [["watch", "--events", "ipc://\(folder)/e"], ["alarm", "list", "bed-1"]] {
            let open = try ToolProcess.run(arguments + ["--server-key", publicKey, "--key", key])
            #expect(open.exitCode == 1 && open.errors.contains("others can read it"))
            let half = try ToolProcess.run(arguments + ["--key", key])
            #expect(half.exitCode == 64 && half.errors.contains("belong together"))
        }
        try FileManager.default.removeItem(atPath: folder)
    }
}
