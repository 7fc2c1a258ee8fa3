import ECGSecurity
import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

/// Files with keys and rights, and what the rights mean.
@Suite struct KeysAndRightsTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString.prefix(8))").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private static let table = """
        # ours
        [[key]]
        name = "icu gateway"   # in the cellar
        public = "\(Self.keys[0].publicKey)"
        push = ["icu-*", "bed-1"]

        [[key]]
        name = "desk"
        public = "\(Self.keys[1].publicKey)"
        read = ["alert.icu-*", "beat.*", "health"]
        acknowledge = ["icu-*"]
        history = true
        expires = "2030-02-28T12:00:00Z"
        # nobody else

        """
    private static let keys: [CurveKeyPair] = (0..<3).compactMap { _ in try? CurveKeyPair.generate() }

    private func peer(_ name: String, at now: Int64 = 0) throws -> Peer {
        let permissions = try AuthorizedKeysFile.parse(Self.table, path: "t")
        let key = try #require(permissions.keys.first { $0.name == name })
        return try #require(permissions.entry(key.key.z85, at: now).map { Peer.key($0) })
    }

    @Test func aKeyFileIsForItsOwnerOnlyAndReadsBack() throws {
        let path = "\(folder)/a.key"
        let pair = try CurveKeyPair.generate()
        try KeyFile.write(pair, path: path)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try KeyFile.read(path: path) == pair)
        #expect(try KeyFile.readPublic(path: path + ".pub") == pair.publicKey)
        #expect(!(try String(contentsOfFile: path + ".pub", encoding: .utf8)).contains(pair.secretZ85))
        #expect(throws: SecretFileError.self, "nothing is overwritten") { try KeyFile.write(pair, path: path) }
        #expect(!"\(pair) \(String(reflecting: pair))".contains(pair.secretZ85))
        for mode: mode_t in [0o640, 0o604, 0o666] {
            chmod(path, mode)
            let error = #expect(throws: SecretFileError.self) { try KeyFile.read(path: path) }
            #expect(error?.reason.contains("others can read it") == true)
        }
    }

    @Test(arguments: [
        "", "x", "public = \"a\"", "secret = \"\(String(repeating: "a", count: 39))\"",
        "secret = \"\(String(repeating: "\\", count: 40))\"", "secret = \"\(String(repeating: "ü", count: 20))\"",
    ])
    func invalidKeyFileIsRefused(text: String) throws {
        let path = "\(folder)/bad-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o600)
        #expect(throws: SecretFileError.self) { try KeyFile.read(path: path) }
        #expect(throws: SecretFileError.self) { try KeyFile.read(path: folder) }
        #expect(throws: SecretFileError.self) { try KeyFile.read(path: "/dev/zero") }
    }

    @Test func mismatchedHalvesAreRefused() throws {
        let path = "\(folder)/mixed"
        try "public = \"\(Self.keys[0].publicKey)\"\nsecret = \"\(Self.keys[1].secretZ85)\"\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o600)
        #expect(throws: SecretFileError.self) { try KeyFile.read(path: path) }
    }

    @Test func aKeyMayDoWhatItsEntrySaysAndNothingElse() throws {
        let gateway = try peer("icu gateway")
        #expect(gateway.mayPush("icu-7") && gateway.mayPush("bed-1"))
        #expect(!gateway.mayPush("bed-10") && !gateway.mayPush("ward-icu-7"))
        #expect(
            !gateway.mayRead(.alert(stream: "icu-7")) && !gateway.mayAcknowledge("icu-7") && !gateway.mayAskForHistory)
        let desk = try peer("desk")
        #expect(desk.mayRead(.alert(stream: "icu-7")) && desk.mayRead(.beat(stream: "bed-1")) && desk.mayRead(.health))
        #expect(!desk.mayRead(.alert(stream: "bed-1")) && !desk.mayRead(.waveform(stream: "icu-7")))
        #expect(desk.mayAcknowledge("icu-7") && !desk.mayAcknowledge("bed-1") && desk.mayAskForHistory)
        #expect(!desk.mayPush("icu-7"))
        #expect(!Peer.removed.mayPush("a") && !Peer.removed.mayRead(.health) && !Peer.removed.mayAcknowledge("a"))
        #expect(Peer.local.mayPush("a") && Peer.local.mayRead(.health) && Peer.local.mayAcknowledge("a"))
    }

    @Test func subscriptionIsNarrowedToWhatMayBeRead() throws {
        let desk = try peer("desk")
        func narrowed(_ text: String) -> Set<String> {
            Set(desk.narrowed(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) })
        }
        #expect(narrowed("") == ["alert.icu-", "beat.", "health"])
        #expect(narrowed("alert.") == ["alert.icu-"])
        #expect(narrowed("alert.icu-7") == ["alert.icu-7"])
        #expect(narrowed("alert.bed-1").isEmpty && narrowed("waveform.").isEmpty)
        #expect(Peer.removed.narrowed([]).isEmpty && Peer.local.narrowed([]) == [[]])
    }

    @Test func expiredKeyCountsAsAbsent() throws {
        let permissions = try AuthorizedKeysFile.parse(Self.table, path: "t")
        let end = try #require(KeyExpiry.seconds("2030-02-28T12:00:00Z"))
        let key = Self.keys[1].publicKey.z85
        #expect(permissions.entry(key, at: end - 1) != nil && permissions.entry(key, at: end) == nil)
        #expect(permissions.nextExpiry(after: end - 1) == end && permissions.nextExpiry(after: end) == nil)
    }

    @Test func momentsReadBack() {
        for text in [
            "1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-11-25T17:00:00Z", "2100-03-01T00:00:00Z",
            "9999-12-31T00:00:00Z",
        ] {
            #expect(KeyExpiry.seconds(text).map(KeyExpiry.text) == text)
        }
        #expect(KeyExpiry.seconds("2001-09-09T01:46:40Z") == 1_000_000_000)
        #expect(KeyExpiry.seconds("2026-11-25") == KeyExpiry.seconds("2026-11-25T00:00:00Z"))
        for text in [
            "", "2026-04-31", "2026-13-01", "2026-00-10", "2026-1-1", "2026-01-01T24:00:00Z", "now",
            "2026-01-01T٢٣:00:00Z",
        ] {
            #expect(KeyExpiry.seconds(text) == nil)
        }
    }

    @Test(arguments: [
        "[[key]]\nname = \"a\"\n", "[[key]]\nname = \"a\\nb\"\npublic = \"K\"\n",
        "[[key]]\nname = \"local\"\npublic = \"K\"\n",
        "[[key]]\nname = \"a\"\npublic = \"K\"\npsh = [\"*\"]\n",
        "[[key]]\nname = \"a\"\npublic = \"K\"\npush = \"*\"\n",
        "[[key]]\nname = \"a\"\npublic = \"K\"\nread = [\"alert.bed-1\"]\n",
        "[[key]]\nname = \"a\"\npublic = \"K\"\nread = [\"foo*\"]\n",
        "[[key]]\nname = \"a\"\npublic = \"K\"\nexpires = 5\n", "[[key]]\nname = \"a\"\npublic = \"K\"\nhistory = 1\n",
        "[[key]]\nname = \"a\"\npublic = \"K\"\n[[key]]\nname = \"b\"\npublic = \"K\"\n", "key = 7\n", "[other]\n",
        "[.key]\n", "[[=]]\n",
        "[[key", "\u{0}",
    ])
    func aTableWithAMistakeIsRefusedAsAWhole(text: String) {
        let text = text.replacing("\"K\"", with: "\"\(Self.keys[2].publicKey)\"")
        #expect(throws: SecretFileError.self) { try AuthorizedKeysFile.parse(text, path: "t") }
    }

    /// The parser would end the process there, or, at a NUL, read no further without a word.
    @Test(
        arguments: [
            ("x = 1979-05-27Tx:", 1), ("\n# 1979-05-27Tx: 3p1\ny = [1, \n3p1]", 4), ("x = { a = 3p1 }", 1), ("[.a]", 1),
            ("x = \"\"\"\n1\\\n\"\"\"\"\ny = 2p", 4), ("a = '''x''', 4p", nil), ("a = ['''x''', 4p]", 1),
            ("# a\u{2028}x = 3p1", 1), ("a = [}", 1), ("a = ]", 1), ("\na = [1,,]", 2),
            ("a = [[1], [{ b = 2 }, {}, ], []]", nil),
            ("a = 1\n# \u{0}\nb = 2", 2), ("\u{0}", 1),
            ("1979-05-27 = -1_000.5e-3\nb = [+inf, 0, 1e3, '3p1', \"1979-05-27Tx\"]  # 3p1\n[3p1]\n3p1 = true", nil),
        ] as [(String, Int?)])
    func inputThatTheParserCannotTakeIsCaughtFirst(text: String, line: Int?) {
        #expect(TOMLPitfalls.first(in: text)?.line == line)
    }

    @Test func aTableThatOthersCanChangeIsRefused() throws {
        let path = "\(folder)/table"
        try Self.table.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o644)
        #expect(try AuthorizedKeysFile.read(path: path).keys.count == 2)
        for mode: mode_t in [0o664, 0o646] {
            chmod(path, mode)
            #expect(throws: SecretFileError.self) { try AuthorizedKeysFile.read(path: path) }
        }
    }

    @Test func addingAndRemovingKeysLeavesOtherEntriesAndCommentsAlone() throws {
        var third = AuthorizedKey(name: "third", key: Self.keys[2].publicKey)
        third.push = ["a-*", "b"].compactMap(StreamPattern.init)
        third.read = ["*", "health"].compactMap(TopicPattern.init)
        third.acknowledge = ["*"].compactMap(StreamPattern.init)
        third.history = true
        third.expires = 2_000_000_000
        let more = AuthorizedKeysFile.adding(third, to: Self.table)
        #expect(more.hasPrefix(Self.table))
        let permissions = try AuthorizedKeysFile.parse(more, path: "t")
        #expect(permissions.keys.count == 3 && permissions.keys.last == third)
        let removed = try #require(try AuthorizedKeysFile.removing(name: "icu gateway", from: more, path: "t"))
        #expect(try AuthorizedKeysFile.parse(removed, path: "t").keys == Array(permissions.keys.dropFirst()))
        #expect(removed.contains("# ours") && removed.contains("# nobody else"))
        #expect(try AuthorizedKeysFile.removing(name: "nobody", from: more, path: "t") == nil)
    }
}
