import DaemonHarness
import FoundationEssentials
import Glibc
import ToolSupport

/// The programs that set up networks on this machine: ip(8), unshare(1) and nsenter(1).
struct NetworkPrograms {
    /// Where their output goes.
    let logPath: String
    /// What the user has called, for the next step.
    let command: String

    func run(_ name: String, _ arguments: String...) throws(ToolError) { try run(name, arguments) }

    /// In the network namespace of another process.
    func run(in process: ChildProcess, _ name: String, _ arguments: String...) throws(ToolError) {
        try run("nsenter", ["--net=/proc/\(process.processID)/ns/net", try Self.path(name)] + arguments)
    }

    private func run(_ name: String, _ arguments: [String]) throws(ToolError) {
        let ending = try ChildProcess(executable: Self.path(name), arguments: arguments, logPath: logPath).wait(
            seconds: 30)
        guard ending != .exited(code: 0) else { return }
        let said = (try? Data(contentsOf: URL(filePath: logPath))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let reason = said.split(whereSeparator: \.isNewline).last.map { ": \(printable(String($0)))" } ?? ""
        throw ToolError(
            "\(name) \(arguments.joined(separator: " ")) does not work\(reason)",
            nextStep: "Start it in a network of its own: unshare --user --map-root-user --net \(command)")
    }

    /// The command that starts another program in a process's network namespace, keeping the process number.
    static func there(_ process: ChildProcess, _ command: [String]) throws(ToolError) -> [String] {
        [try path("nsenter"), "--net=/proc/\(process.processID)/ns/net"] + command
    }

    static func path(_ name: String) throws(ToolError) -> String {
        for folder in ["/usr/sbin", "/usr/bin", "/sbin", "/bin"] where access("\(folder)/\(name)", X_OK) == 0 {
            return "\(folder)/\(name)"
        }
        throw ToolError("there is no \(name)", nextStep: "Install iproute2 and util-linux")
    }

    /// Waits until a process that unshare(1) has started is in a namespace of its own.
    static func waitForNamespace(of process: ChildProcess) throws(ToolError) {
        let own = try namespace(of: getpid())
        for _ in 0..<500 where (try? namespace(of: process.processID)) ?? own == own { usleep(10_000) }
    }

    private static func namespace(of process: pid_t) throws(ToolError) -> String {
        guard let name = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/net") else {
            throw ToolError("/proc/\(process)/ns/net cannot be read", nextStep: "Mount /proc")
        }
        return name
    }
}
