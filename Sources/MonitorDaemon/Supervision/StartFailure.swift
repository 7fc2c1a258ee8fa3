import ECGSecurity
import ZeroMQ

/// Why the daemon does not start: one line that names it and the next step, and an exit code after sysexits.h.
struct StartFailure: Error, CustomStringConvertible {
    var words: String
    var exitCode: Int32
    /// The words begin with a file and a line, as compilers write it, rather than with the program's name.
    var namesFile = false

    var description: String { words }

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

    static func http(address: String, port: Int, _ reason: String) -> StartFailure {
        StartFailure(
            words: "cannot serve http on \(address):\(port): \(reason); choose another port with --http-port",
            exitCode: ExitStatus.unavailable)
    }
}
