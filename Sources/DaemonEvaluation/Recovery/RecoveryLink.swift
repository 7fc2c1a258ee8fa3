package import DaemonHarness
import ECGSecurity
import Glibc
package import ToolSupport
package import ZeroMQ

/// A network of two hosts whose link can be cut: this process is at one end of a virtual cable (veth), and a namespace
/// for the daemon at the other. Traffic over it is encrypted, as between two machines.
///
/// Needs a network namespace of its own, with the rights to set this up: `unshare --user --map-root-user --net`.
package final class RecoveryLink {
    package static let ownAddress = "192.0.2.1"
    package static let daemonAddress = "192.0.2.2"
    private static let ports = (acknowledged: 5571, events: 5572, history: 5573)
    private static let names = (own: "ecgmon0", daemon: "ecgmon1")

    /// Where the daemon listens: samples and events over the link, everything else in the folder.
    package func endpoints(in directory: String) -> LocalDaemon.Endpoints {
        var endpoints = LocalDaemon.Endpoints(in: directory)
        endpoints.acknowledged = "tcp://\(Self.daemonAddress):\(Self.ports.acknowledged)"
        endpoints.events = "tcp://\(Self.daemonAddress):\(Self.ports.events)"
        endpoints.history = "tcp://\(Self.daemonAddress):\(Self.ports.history)"
        return endpoints
    }
    /// The keys of the source and the subscriber, which are the same peer here.
    package let keys: CurveClientKeys
    /// Lines for the daemon's configuration.
    package let configuration: String

    /// Keeps the daemon's namespace alive while no daemon is running.
    private let holder: ChildProcess
    private let programs: NetworkPrograms

    /// - Parameter directory: the folder for the keys and for the output of the programs that set up the link.
    /// - Throws: `ToolError` if the system does not permit it, or lacks ip(8), unshare(1) or nsenter(1).
    package init(directory: String) throws(ToolError) {
        programs = NetworkPrograms(
            logPath: "\(directory)/link.log", command: "ecgmon evaluate recovery --by cut")
        (keys, configuration) = try Self.makeKeys(directory)
        holder = try ChildProcess(
            executable: try NetworkPrograms.path("unshare"), arguments: ["--net", "sleep", "3600"],
            logPath: programs.logPath)
        try NetworkPrograms.waitForNamespace(of: holder)
        try programs.run(
            "ip", "link", "add", "name", Self.names.own, "type", "veth", "peer", "name", Self.names.daemon, "netns",
            "\(holder.processID)")
        try programs.run("ip", "address", "add", "\(Self.ownAddress)/24", "dev", Self.names.own)
        try programs.run("ip", "link", "set", Self.names.own, "up")
        try programs.run(in: holder, "ip", "address", "add", "\(Self.daemonAddress)/24", "dev", Self.names.daemon)
        try programs.run(in: holder, "ip", "link", "set", "lo", "up")
        try mend()
    }

    deinit {
        kill(holder.processID, SIGKILL)
        _ = holder.wait(seconds: 5)
    }

    /// Cuts the link without notifying either end: the daemon's end of the cable is unplugged.
    package func cut() throws(ToolError) {
        try programs.run(in: holder, "ip", "link", "set", Self.names.daemon, "down")
    }

    package func mend() throws(ToolError) { try programs.run(in: holder, "ip", "link", "set", Self.names.daemon, "up") }

    /// The command that starts another program at the daemon's end, keeping the process number.
    package func there(_ command: [String]) throws(ToolError) -> [String] {
        try NetworkPrograms.there(holder, command)
    }

    private static func makeKeys(_ directory: String) throws(ToolError) -> (CurveClientKeys, String) {
        do {
            let (server, client) = (try CurveKeyPair.generate(), try CurveKeyPair.generate())
            try KeyFile.write(server, path: "\(directory)/server.key")
            var entry = AuthorizedKey(name: "recovery", key: client.publicKey)
            entry.push = [StreamPattern("*")].compactMap(\.self)
            entry.read = [TopicPattern("*")].compactMap(\.self)
            entry.history = true
            try ProtectedFile.replace(
                path: "\(directory)/keys.toml", mode: 0o600, text: AuthorizedKeysFile.adding(entry, to: ""))
            let lines =
                "\n[security]\nserver_key = \"\(directory)/server.key\"\nauthorized_keys = \"\(directory)/keys.toml\"\n"
            return (CurveClientKeys(own: client, server: server.publicKey), lines)
        } catch {
            throw ToolError("no keys can be made: \(error)", nextStep: "Set TMPDIR to a folder with room")
        }
    }
}
