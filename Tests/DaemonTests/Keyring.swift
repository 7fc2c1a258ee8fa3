import ECGSecurity
import Foundation
import Glibc
import Testing
import ZeroMQ

/// Keys for a daemon and those who connect to it, in files as `ecgmon keys` makes them.
final class Keyring {
    let folder: String
    private var pairs: [String: CurveKeyPair] = [:]
    private var serverName = "server"

    /// - Parameter rights: TOML behind a name and a key, by the name.
    init(_ rights: [String: String]) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ring-\(UUID().uuidString.prefix(8))").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try KeyFile.write(try pair("server"), path: "\(folder)/server")
        try write(rights)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func pair(_ name: String) throws -> CurveKeyPair {
        if let pair = pairs[name] { return pair }
        let pair = try CurveKeyPair.generate()
        pairs[name] = pair
        return pair
    }

    func write(_ rights: [String: String]) throws {
        let blocks = try rights.map { "[[key]]\nname = \"\($0)\"\npublic = \"\(try pair($0).publicKey)\"\n\($1)\n" }
        try ProtectedFile.replace(path: "\(folder)/keys.toml", mode: 0o600, text: blocks.joined())
    }

    /// Gives the server another key.
    func rotateServerKey() throws {
        serverName += "+"
        try ProtectedFile.replace(
            path: "\(folder)/server", mode: 0o600, text: "secret = \"\(try pair(serverName).secretZ85)\"\n")
    }

    var configuration: String {
        """
        [security]
        server_key = "\(folder)/server"
        authorized_keys = "\(folder)/keys.toml"

        """
    }

    func client(_ name: String) throws -> CurveClientKeys {
        CurveClientKeys(own: try pair(name), server: try pair(serverName).publicKey)
    }
}
