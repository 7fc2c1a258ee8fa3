import ArgumentParser
import FoundationEssentials
import MonitorDaemon

/// `ecgmon doctor`: whether the daemon can start and go on, and what to do where it cannot.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at the daemon's configuration, keys, model, endpoints, journal and clock; say what to do.",
        discussion: """
            One line for each thing: ok, warning or problem, with the next step. Nothing is changed. The exit code is \
            1 if there is a problem. Look as the service's user, or as root, who sees everything: sudo ecgmon doctor.

            Examples:
              ecgmon doctor
              ecgmon doctor --config Config/ecgmond.toml
              ecgmon doctor --json | jq '.[] | select(.verdict != "ok")'
            """)

    @Option(
        help: ArgumentHelp(
            "The daemon's configuration file; default: \(Daemon.defaultConfigurationPath), if there is one.",
            valueName: "file"))
    var config: String?

    @Flag(help: "A JSON array of objects with verdict, subject, text and next_step.")
    var json = false

    private struct Row: Encodable {
        var verdict, subject, text, nextStep: String

        enum CodingKeys: String, CodingKey {
            case verdict, subject, text
            case nextStep = "next_step"
        }
    }

    func run() throws {
        let findings = Doctor.examine(configurationAt: config)
        let terminal = Terminal()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let rows = findings.map {
                Row(verdict: $0.verdict.rawValue, subject: $0.subject, text: $0.text, nextStep: $0.nextStep)
            }
            terminal.line(String(decoding: try encoder.encode(rows), as: UTF8.self))
        } else {
            for finding in findings { terminal.line(line(finding, terminal)) }
        }
        if findings.contains(where: { $0.verdict == .problem }) { throw ExitCode(1) }
    }

    private func line(_ finding: Finding, _ terminal: Terminal) -> String {
        let colour: Terminal.Colour = finding.verdict == .ok ? .green : finding.verdict == .warning ? .yellow : .red
        let word = finding.verdict.rawValue.padding(to: 8)
        let next = finding.nextStep.isEmpty ? "" : " -> \(finding.nextStep)"
        return "\(terminal.styled(word, colour)) \(finding.subject.padding(to: 14))\(finding.text)\(next)"
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}
