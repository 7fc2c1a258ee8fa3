import ArgumentParser
import ECGSecurity
import Glibc
import ToolSupport
import ZeroMQ

/// `ecgmon keys`: who may connect to a daemon, and for what.
struct KeyCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make CURVE keys and manage what their owners may do.",
        discussion: """
            A key pair is a file that only its owner can read, with its public half beside it as FILE.pub. The daemon \
            has one, and so has every source, display and recorder. The daemon's table of keys says who may connect; \
            send it SIGHUP (systemctl reload ecgmond) after a change.

            Examples:
              ecgmon keys generate /etc/ecgmon/server.key
              ecgmon keys generate ~/icu.key
              ecgmon keys authorize /etc/ecgmon/authorized_keys.toml "icu gateway" ~/icu.key.pub --push "icu-*"
              ecgmon keys authorize /etc/ecgmon/authorized_keys.toml desk desk.pub --read "alert.*" --acknowledge "*"
              ecgmon keys list /etc/ecgmon/authorized_keys.toml
              ecgmon keys revoke /etc/ecgmon/authorized_keys.toml desk
            """,
        subcommands: [KeyGenerate.self, KeyShow.self, KeyList.self, KeyAuthorize.self, KeyRevoke.self])
}

struct KeyGenerate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Make a key pair: FILE is secret, FILE.pub is for everybody.",
        discussion: """
            Example:
              ecgmon keys generate icu.key
            """)

    @Argument(help: "The file to create; an existing file is never overwritten.")
    var file: String

    func run() throws {
        do {
            var pair = try CurveKeyPair.generate()
            // One that begins so would be taken for an option wherever it is given as an argument.
            while pair.publicKey.z85.hasPrefix("-") { pair = try CurveKeyPair.generate() }
            try KeyFile.write(pair, path: file)
            print(pair.publicKey)
        } catch let error as SecretFileError {
            throw ToolError(error)
        }
    }
}

struct KeyShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the public half of a key file.",
        discussion: """
            Example:
              ecgmon keys show icu.key
            """)

    @Argument(help: "A key file, or a file with a public half.")
    var file: String

    func run() throws {
        do throws(SecretFileError) {
            // A secret that others can read is told here, too.
            let text = try ProtectedFile.read(path: file, .unprotected)
            if text.contains("secret") {
                print(try KeyFile.read(path: file).publicKey)
            } else {
                print(try KeyFile.readPublic(path: file))
            }
        } catch {
            throw ToolError(error)
        }
    }
}

struct KeyList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show who may do what according to a daemon's table of keys.",
        discussion: """
            Example:
              ecgmon keys list /etc/ecgmon/authorized_keys.toml
            """)

    @Argument(help: "The table: the file in security.authorized_keys.")
    var table: String

    func run() throws {
        let permissions: Permissions
        do throws(SecretFileError) { permissions = try AuthorizedKeysFile.read(path: table) } catch {
            throw ToolError(error)
        }
        let now = wallClockNanoseconds() / 1_000_000_000
        for key in permissions.keys {
            print(Self.line(key, now: now))
        }
        if permissions.keys.isEmpty { Terminal.note("\(printable(table)) has no keys: nobody may connect") }
    }

    static func line(_ key: AuthorizedKey, now: Int64) -> String {
        var words = ["\(key.key)", key.name]
        func add(_ name: String, _ patterns: [some CustomStringConvertible]) {
            if !patterns.isEmpty { words.append("\(name): \(patterns.map { "\($0)" }.joined(separator: ", "))") }
        }
        add("push", key.push)
        add("read", key.read)
        add("acknowledge", key.acknowledge)
        if key.history { words.append("history") }
        if words.count == 2 { words.append("no rights") }
        if let expires = key.expires {
            words.append((now >= expires ? "EXPIRED " : "expires ") + KeyExpiry.text(expires))
        }
        return words.joined(separator: "  ")
    }
}

struct KeyAuthorize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authorize", abstract: "Add a key to the table, with the rights in the options and no others.",
        discussion: """
            Example:
              ecgmon keys authorize /etc/ecgmon/authorized_keys.toml desk desk.key.pub --read "alert.*" --history
            """)

    @Argument(help: "The table; it is created if needed.")
    var table: String

    @Argument(
        help: "The owner's name in logs and acknowledgements: 1 to 32 letters, digits, spaces, - _ . @")
    var name: String

    @Argument(help: "The public key: a file, or its 40 characters.")
    var publicKey: String

    @Option(
        help: ArgumentHelp(
            "Streams it may send, such as bed-1 or icu-*; may be given several times.", valueName: "stream"))
    var push: [String] = []

    @Option(
        help: ArgumentHelp(
            "Topics it may read, such as alert.icu-*, beat.* or health; may be given several times.",
            valueName: "topic"))
    var read: [String] = []

    @Option(
        help: ArgumentHelp(
            "Streams whose alarms it may acknowledge and pause; may be given several times.", valueName: "stream"))
    var acknowledge: [String] = []

    @Flag(help: "It may query past events on the topics that it may read.")
    var history = false

    @Option(help: ArgumentHelp("When it expires, YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ, UTC.", valueName: "time"))
    var expires: String?

    func run() throws {
        do {
            try authorize()
        } catch let error as SecretFileError {
            throw ToolError(error)
        }
    }

    private func authorize() throws {
        guard AuthorizedKey.isValid(name: name) else {
            throw ValidationError(
                "a name has 1 to 32 letters, digits, spaces, - _ . @, and is not \(Permissions.localName)")
        }
        var entry = AuthorizedKey(name: name, key: try KeyFile.publicKey(publicKey))
        entry.push = try push.map { try pattern($0, StreamPattern.init, "stream, such as bed-1 or icu-*") }
        entry.acknowledge = try acknowledge.map {
            try pattern($0, StreamPattern.init, "stream, such as bed-1 or icu-*")
        }
        entry.read = try read.map {
            try pattern(
                $0, TopicPattern.init,
                "prefix of topics such as alert.icu-*, or health; a topic also matches every longer one, "
                    + "so end it in the * that says so")
        }
        entry.history = history
        if let expires {
            guard let seconds = KeyExpiry.seconds(expires) else {
                throw ValidationError("--expires takes YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")
            }
            entry.expires = seconds
        }
        try KeyTable.change(table) { (text) throws(SecretFileError) in
            let before = try AuthorizedKeysFile.parse(text, path: table)
            if let other = before.keys.first(where: { $0.name == name || $0.key == entry.key }) {
                throw SecretFileError(
                    path: table,
                    reason: "\(other.name) is already in the table" + (other.key == entry.key ? " with this key" : ""),
                    nextStep: "revoke it first, or choose another name")
            }
            let after = AuthorizedKeysFile.adding(entry, to: text)
            _ = try AuthorizedKeysFile.parse(after, path: table)
            return after
        }
        Terminal.note("\(name) was added to the table; the daemon reads it on SIGHUP")
    }

    private func pattern<Pattern>(_ text: String, _ make: (String) -> Pattern?, _ words: String) throws -> Pattern {
        guard let pattern = make(text) else { throw ValidationError("\(printable(text)) is not a \(words)") }
        return pattern
    }
}

struct KeyRevoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Remove a key and its rights from the table.",
        discussion: """
            Example:
              ecgmon keys revoke /etc/ecgmon/authorized_keys.toml desk
            """)

    @Argument(help: "The table.")
    var table: String

    @Argument(help: "The key's name in the table.")
    var name: String

    func run() throws {
        do throws(SecretFileError) {
            try KeyTable.change(table) { (text) throws(SecretFileError) in
                guard let after = try AuthorizedKeysFile.removing(name: name, from: text, path: table) else {
                    throw SecretFileError(
                        path: table, reason: "it has no key named \(printable(name))",
                        nextStep: "list the names with `ecgmon keys list`")
                }
                return after
            }
        } catch {
            throw ToolError(error)
        }
        Terminal.note("\(name) was removed from the table; it loses its rights when the daemon gets SIGHUP")
    }
}

/// Changes a table of keys as a whole, one change at a time.
enum KeyTable {
    static func change(
        _ path: String, _ edit: (String) throws(SecretFileError) -> String
    ) throws(SecretFileError) {
        // The folder is what is locked, since the table itself is replaced by another file.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0, flock(lock, LOCK_EX) == 0 else {
            throw SecretFileError(
                path: path, reason: "its folder cannot be opened: \(String(cString: strerror(errno)))",
                nextStep: "check the path")
        }
        defer { close(lock) }
        let text = access(path, F_OK) == 0 ? try ProtectedFile.read(path: path, .unchangeable) : ""
        try ProtectedFile.replace(path: path, mode: 0o600, text: try edit(text))
    }
}
