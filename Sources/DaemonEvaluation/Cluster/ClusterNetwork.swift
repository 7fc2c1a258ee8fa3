import DaemonHarness
import Glibc
package import ToolSupport

/// A network of several hosts on this machine, each a namespace behind a virtual cable (veth) to one bridge, whose
/// cables can be unplugged. This process is at the bridge.
///
/// Needs a network namespace of its own, with the rights to set this up: `unshare --user --map-root-user --net`.
package final class ClusterNetwork {
    private let programs: NetworkPrograms
    private let hosts: [ChildProcess]
    private static let device = "eth0"

    package init(hosts count: Int, directory: String) throws(ToolError) {
        programs = NetworkPrograms(
            logPath: "\(directory)/network.log", command: "ecgmon evaluate recovery --cluster --disturb cut")
        try programs.run("ip", "link", "set", "lo", "up")
        try programs.run("ip", "link", "add", "ecgmon", "type", "bridge")
        try programs.run("ip", "address", "add", "192.0.2.254/24", "dev", "ecgmon")
        try programs.run("ip", "link", "set", "ecgmon", "up")
        var hosts: [ChildProcess] = []
        for number in 0..<count {
            let holder = try ChildProcess(
                executable: try NetworkPrograms.path("unshare"), arguments: ["--net", "sleep", "86400"],
                logPath: programs.logPath)
            hosts.append(holder)
            try NetworkPrograms.waitForNamespace(of: holder)
            try programs.run(
                "ip", "link", "add", "ecgmon\(number)", "type", "veth", "peer", "name", Self.device, "netns",
                "\(holder.processID)")
            try programs.run("ip", "link", "set", "ecgmon\(number)", "master", "ecgmon", "up")
            try programs.run(
                in: holder, "ip", "address", "add", "\(Self.address(number))/24", "dev", Self.device)
            try programs.run(in: holder, "ip", "link", "set", "lo", "up")
            try programs.run(in: holder, "ip", "link", "set", Self.device, "up")
        }
        self.hosts = hosts
    }

    deinit {
        for host in hosts {
            kill(host.processID, SIGKILL)
            _ = host.wait(seconds: 5)
        }
    }

    package static func address(_ host: Int) -> String { "192.0.2.\(host + 1)" }

    /// Unplugs a host's cable: nobody is told.
    package func cut(_ host: Int) throws(ToolError) {
        try programs.run(in: hosts[host], "ip", "link", "set", Self.device, "down")
    }

    package func mend(_ host: Int) throws(ToolError) {
        try programs.run(in: hosts[host], "ip", "link", "set", Self.device, "up")
    }

    /// The command that starts another program on a host.
    package func command(on host: Int, _ command: [String]) throws(ToolError) -> [String] {
        try NetworkPrograms.there(hosts[host], command)
    }
}
