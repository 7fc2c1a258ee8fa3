import ECGSecurity
import ZeroMQ

/// Why the daemon does not start.
public struct StartFailure: Error, CustomStringConvertible {
    /// What failed and what to do next: one line, or one for each mistake in a configuration file.
    public let words: String
    /// For the process, after sysexits.h.
    public let exitCode: Int32
    /// The words begin with a file and a line, as compilers write it; they need no program's name before them.
    public let namesFile: Bool

    init(words: String, exitCode: Int32, namesFile: Bool = false) {
        self.words = words
        self.exitCode = exitCode
        self.namesFile = namesFile
    }

    public var description: String { words }

    static func configuration(_ failure: ConfigurationFile.Failure) -> StartFailure {
        switch failure {
        case .unreadable:
            StartFailure(words: "\(failure); check the path given with --config", exitCode: ExitStatus.noInput)
        case .mistakes:
            StartFailure(words: "\(failure)", exitCode: ExitStatus.configuration, namesFile: true)
        }
    }

    static func endpoint(_ endpoint: String, option: String, _ reason: String, next: String) -> StartFailure {
        StartFailure(
            words: "cannot listen on \(endpoint): \(reason); \(next), or choose another with \(option)",
            exitCode: ExitStatus.unavailable)
    }

    static func socket(_ error: ZeroMQError) -> StartFailure {
        StartFailure(
            words: "cannot open a socket: \(error); raise the limit of open files", exitCode: ExitStatus.system)
    }

    static func threads(_ error: SystemCallError) -> StartFailure {
        StartFailure(words: "cannot start a thread: \(error); raise the limit of tasks", exitCode: ExitStatus.system)
    }

    static func security(_ error: SecretFileError) -> StartFailure {
        StartFailure(words: "\(error)", exitCode: ExitStatus.configuration, namesFile: error.line > 0)
    }

    static func model(path: String, _ reason: String) -> StartFailure {
        StartFailure(
            words: "cannot load the model: \(reason); give a weights file with --model or model.path",
            exitCode: ExitStatus.noInput)
    }

    static func station(address: String, port: Int, _ reason: String) -> StartFailure {
        StartFailure(
            words: "cannot serve the central station on \(address):\(port): \(reason); choose another port with "
                + "--station-port, or none with --no-station", exitCode: ExitStatus.unavailable)
    }

    static func http(address: String, port: Int, _ reason: String) -> StartFailure {
        StartFailure(
            words: "cannot serve http on \(address):\(port): \(reason); choose another port with --http-port",
            exitCode: ExitStatus.unavailable)
    }
}
