import ArgumentParser
import ECGWire
import ToolSupport

struct AlarmLimits: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Show a stream's alarm limits, or set some of them.",
        discussion: """
            Limits that were set hold until they are set anew or taken back, or until the stream is forgotten. The \
            daemon checks their ranges and that they go together. Those that are not named stay as they are.

            Examples:
              ecgmon alarm limits bed-1
              ecgmon alarm limits bed-1 --set tachycardia_above=130 --set bradycardia_below=45 --by "dr. 12"
              ecgmon alarm limits bed-1 --as-configured
            """)

    @OptionGroup var options: AlarmCommandOptions

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "A limit to set, by its name in the configuration file; may be given several times.",
            valueName: "name=value"))
    var assignments: [String] = []

    @Flag(name: .customLong("as-configured"), help: "Let the limits of the daemon's configuration hold again.")
    var asConfigured = false

    func validate() throws {
        if asConfigured, !assignments.isEmpty { throw ValidationError("give either --set or --as-configured") }
        _ = try values()
    }

    func run() throws {
        var wanted = WireCommand.SetLimits()
        wanted.limits = try values()
        wanted.asConfigured = asConfigured
        try options.send(asConfigured || !assignments.isEmpty ? .setLimits(wanted) : .list(.init()), showing: .limits)
    }

    private func values() throws -> [String: Double] {
        var values: [String: Double] = [:]
        for text in assignments {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = Double(parts[1]), value.isFinite else {
                throw ValidationError("\(printable(text)) is not NAME=VALUE, such as tachycardia_above=130")
            }
            guard values.updateValue(value, forKey: String(parts[0])) == nil else {
                throw ValidationError("\(printable(String(parts[0]))) is given twice")
            }
        }
        return values
    }

    /// A line for each limit, and one about who set those that differ from the configuration's.
    static func lines(_ limits: WireAlarmLimits) -> [String] {
        let names = limits.current.keys.sorted()
        let width = names.map(\.count).max() ?? 0
        var lines = names.map { name in
            let (value, configured) = (limits.current[name] ?? 0, limits.configured[name] ?? 0)
            let note = value == configured ? "" : "   configured: \(number(configured))"
            return printable(name) + String(repeating: " ", count: width - name.count + 2) + number(value) + note
        }
        if !limits.setBy.isEmpty { lines.append("set by \(printable(limits.setBy))") }
        return lines
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e9 ? "\(Int(value))" : "\(value)"
    }
}
