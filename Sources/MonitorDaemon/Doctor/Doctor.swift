import Glibc

/// Looks at everything that the daemon needs to start and to go on, without starting it or changing anything.
package struct Doctor {
    /// Of the configuration file; nil: there is none, and the defaults hold.
    let path: String?
    let configuration: DaemonConfiguration

    /// - Parameter path: of the configuration file; nil: `Daemon.defaultConfigurationPath`, if it exists.
    /// - Returns: what was found, in the order in which it was looked at.
    package static func examine(configurationAt given: String?) -> [Finding] {
        let standard = Daemon.defaultConfigurationPath
        let path = given ?? (access(standard, F_OK) == 0 ? standard : nil)
        var findings: [Finding] = []
        var configuration = DaemonConfiguration()
        if let path {
            do throws(ConfigurationFile.Failure) {
                configuration = try ConfigurationFile.read(path: path)
                findings.append(.ok("configuration", path))
            } catch {
                // Without it nothing else can be judged.
                return mistakes(error)
            }
        } else {
            let note = DefaultSockets.place(&configuration)
            findings.append(
                .ok("configuration", "no file at \(standard): the defaults hold" + (note.map { "; \($0)" } ?? "")))
        }
        let doctor = Doctor(path: path, configuration: configuration)
        findings += doctor.keys() + doctor.model() + doctor.endpoints() + doctor.journal() + doctor.machine()
        return findings
    }

    private static func mistakes(_ failure: ConfigurationFile.Failure) -> [Finding] {
        switch failure {
        case .unreadable(let path, let reason):
            [.problem("configuration", "\(path): \(reason)", next: "check the path, and who may read it")]
        case .mistakes(let path, let mistakes):
            mistakes.map {
                .problem("configuration", "\(path):\($0.line): \($0.words)", next: "correct the line")
            }
        }
    }

    /// The account that the service runs as, if it exists; asked for because an administrator looks as root.
    static let serviceUser: uid_t? = getpwnam("ecgmon").map { $0.pointee.pw_uid }
}
