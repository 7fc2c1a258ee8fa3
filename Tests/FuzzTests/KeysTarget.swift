import ECGSecurity
import ECGWire
import Foundation
import ZeroMQ

@testable import MonitorDaemon

/// The first byte chooses: the table of keys, a key file, a token, or the bytes of a peer's key and patterns.
enum KeysTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch choice % 4 {
        case 0: table(String(decoding: rest, as: UTF8.self))
        case 1: keyFile(rest)
        case 2: token(rest)
        default: patterns(rest)
        }
    }

    private static func table(_ text: String) {
        let permissions: Permissions
        do throws(SecretFileError) {
            permissions = try AuthorizedKeysFile.parse(text, path: "keys.toml")
        } catch {
            precondition(!"\(error)".isEmpty, "a mistake is told in words")
            return
        }
        _ = permissions.nextExpiry(after: 1_800_000_000)
        for key in permissions.keys.prefix(4) {
            use(.key(key))
            _ = permissions.entry(key.key.z85, at: 1_800_000_000)
            // Nobody else's rights change when one is taken out; where the file does not allow that, it is refused.
            guard let left = try? AuthorizedKeysFile.removing(name: key.name, from: text, path: "keys.toml") else {
                continue
            }
            let others = permissions.keys.filter { $0.name != key.name }
            precondition((try? AuthorizedKeysFile.parse(left, path: "keys.toml"))?.keys == others)
        }
        guard permissions.keys.count < 4, let key = CurvePublicKey(z85: String(repeating: "0", count: 40)) else {
            return
        }
        var entry = AuthorizedKey(name: "fuzz-added", key: key)
        entry.push = permissions.keys.first?.push ?? []
        entry.read = permissions.keys.first?.read ?? []
        let known = permissions.keys.contains { $0.name == entry.name || $0.key == key }
        let more = try? AuthorizedKeysFile.parse(AuthorizedKeysFile.adding(entry, to: text), path: "keys.toml")
        // Behind a table that is written in another way (`key = []`) none can be added, which is said.
        precondition(known || more == nil || more?.keys == permissions.keys + [entry])
    }

    private static func keyFile(_ bytes: [UInt8]) {
        let path = Scratch.write("server.key", bytes)
        chmod(path, 0o600)
        if let pair = try? KeyFile.read(path: path) {
            precondition(CurveKeyPair(secretZ85: pair.secretZ85) == pair)
        }
        _ = try? KeyFile.readPublic(path: path)
        _ = try? KeyFile.publicKey(String(decoding: bytes, as: UTF8.self))
        _ = try? AuthorizedKeysFile.read(path: path)
    }

    private static func token(_ bytes: [UInt8]) {
        let path = Scratch.write("http.token", bytes)
        chmod(path, 0o600)
        if let token = try? HTTPToken(path: path) {
            let line = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
            precondition(token.isCarried(by: "Bearer \(line)"), "a token lets in who carries it")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if let seconds = KeyExpiry.seconds(text) {
            precondition(KeyExpiry.text(seconds).hasPrefix(text), "a moment is written as it was read")
        }
    }

    /// 32 bytes as a peer shows them in the handshake, then names and patterns.
    private static func patterns(_ bytes: [UInt8]) {
        if let key = CurvePublicKey(bytes: bytes.prefix(32)) {
            precondition(CurvePublicKey(z85: key.z85) == key)
            _ = Permissions([AuthorizedKey(name: "a", key: key)]).entry(key.z85, at: 0)
        }
        _ = CurvePublicKey(z85: String(decoding: bytes.prefix(40), as: UTF8.self))
        let words = String(decoding: bytes.dropFirst(32), as: UTF8.self).split(separator: "\n").map(String.init)
        guard let key = CurvePublicKey(z85: String(repeating: "0", count: 40)) else { return }
        var entry = AuthorizedKey(name: "a", key: key)
        entry.read = words.compactMap { TopicPattern($0) }
        entry.push = words.compactMap { StreamPattern($0) }
        for pattern in entry.push { precondition(StreamPattern("\(pattern)") == pattern) }
        for pattern in entry.read { precondition(TopicPattern("\(pattern)") == pattern) }
        use(.key(entry))
        for word in words.prefix(8) {
            for narrowed in Peer.key(entry).narrowed(Array(word.utf8)) {
                precondition(narrowed.starts(with: Array(word.utf8)), "a subscription never becomes wider")
            }
        }
    }

    private static func use(_ peer: Peer) {
        for stream in ["bed-1", "icu-3.a", ""] {
            _ = (peer.mayPush(stream), peer.maySeeAlarms(of: stream))
            for kind in Topic.Kind.allCases {
                let topic = Topic(kind, stream: stream)
                let narrowed = peer.narrowed(Array(topic.name.utf8))
                precondition(
                    !peer.mayRead(topic) || narrowed == [Array(topic.name.utf8)],
                    "what may be read may be subscribed to")
            }
        }
    }
}
