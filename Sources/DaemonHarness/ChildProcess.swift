import FoundationEssentials
package import Glibc
package import ToolSupport

/// A program started by this one, in its own process group, so that Ctrl-C at the terminal reaches only this process,
/// which then stops the child in its own way.
package final class ChildProcess {
    package enum Ending: Equatable, CustomStringConvertible, Sendable {
        case exited(code: Int32)
        case killed(signal: Int32)

        package var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .killed(let signal): "ended by signal \(signal)"
            }
        }
    }

    package let processID: pid_t
    private var ending: Ending?

    /// Starts `executable` with standard input closed and standard output and error appended to `logPath`. The child
    /// inherits no other open file of this process.
    /// - Parameters:
    ///   - environment: changes to this process's environment; nil removes a variable.
    ///   - standardError: an open file for its standard error; nil: `logPath` as well.
    /// - Throws: `ToolError` with the system's error message.
    package init(
        executable: String, arguments: [String], environment: [String: String?] = [:], logPath: String,
        standardError: Int32? = nil
    ) throws(ToolError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, standardError ?? STDOUT_FILENO, STDERR_FILENO)
        _ = Self.closeFrom?(&actions, STDERR_FILENO + 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var variables: [String: String] = ProcessInfo.processInfo.environment
        for (name, value) in environment { variables[name] = value }
        let argumentPointers = Self.pointers([executable] + arguments)
        let variablePointers = Self.pointers(variables.map { "\($0)=\($1)" })
        defer { (argumentPointers + variablePointers).forEach { free($0) } }
        var identifier: pid_t = 0
        let code = posix_spawn(
            &identifier, executable, &actions, &attributes, argumentPointers, variablePointers)
        guard code == 0 else {
            throw ToolError(
                "\(executable) cannot be started: \(String(cString: strerror(code)))",
                nextStep: "Build it with `swift build -c release`, or name another with --daemon")
        }
        processID = identifier
    }

    private typealias CloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// posix_spawn_file_actions_addclosefrom_np of glibc 2.34, whose declaration is not visible to Swift.
    ///
    /// The system closes the files in the child; if this process closed them beforehand, a file opened meanwhile by
    /// another thread would slip through, and a pipe that a child holds open never reaches its end for the reader.
    private static let closeFrom: CloseFrom? = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
        unsafeBitCast($0, to: CloseFrom.self)
    }

    /// The strings as a C array with a null pointer at the end; the caller frees them.
    private static func pointers(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        texts.map { strdup($0) } + [nil]
    }

    /// How it ended; nil while it is running.
    package func poll() -> Ending? {
        if let ending { return ending }
        var status: Int32 = 0
        guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
        let signal = status & 0x7F
        ending = signal == 0 ? .exited(code: (status >> 8) & 0xFF) : .killed(signal: signal)
        return ending
    }

    /// Sends SIGTERM and waits; a process that has not ended after `seconds` is killed.
    package func stop(within seconds: Double) -> Ending {
        if let ending = poll() { return ending }
        kill(processID, SIGTERM)
        if let ending = wait(seconds: seconds) { return ending }
        kill(processID, SIGKILL)
        return wait(seconds: 10) ?? .killed(signal: SIGKILL)
    }

    /// Waits up to `seconds` for the process to end.
    package func wait(seconds: Double) -> Ending? {
        let deadline = monotonicNanoseconds() + Int64(seconds * 1e9)
        while monotonicNanoseconds() < deadline {
            if let ending = poll() { return ending }
            usleep(5_000)
        }
        return poll()
    }
}
