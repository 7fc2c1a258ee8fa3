import ArgumentParser
import ECGWire
import ToolSupport
import ZeroMQ

/// `ecgmon alarm`: what a person decides about a stream's alarms.
struct AlarmCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarm",
        abstract: "Acknowledge, pause, resume or list a stream's alarms, or set their limits.",
        discussion: """
            The daemon logs every command with the name of who gave it, and publishes the changes to all subscribers.

            Examples:
              ecgmon alarm list bed-1
              ecgmon alarm acknowledge bed-1 --kind asystole --by "nurse 4711"
              ecgmon alarm pause bed-1 --seconds 60
              ecgmon alarm limits bed-1 --set tachycardia_above=130
            """,
        subcommands: [
            AlarmList.self, AlarmAcknowledge.self, AlarmPauseCommand.self, AlarmResume.self, AlarmLimits.self,
        ])
}

/// What the commands have in common.
struct AlarmCommandOptions: ParsableArguments {
    @Argument(help: "The stream.")
    var stream: String

    @Option(help: "The daemon's command endpoint.")
    var commands = "tcp://127.0.0.1:5574"

    @OptionGroup var keyOptions: KeyOptions

    @Option(help: ArgumentHelp("Who gives the command (default: your user name).", valueName: "name"))
    var by: String?

    @Option(help: ArgumentHelp("How long to wait for the daemon.", valueName: "seconds"))
    var timeout = 3.0

    @Flag(help: "Print the reply as JSON.")
    var json = false

    func validate() throws {
        guard StreamName.isValid(stream) else {
            throw ValidationError("\(printable(stream)) is not a valid stream name")
        }
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout takes more than 0 and at most 3600 seconds")
        }
    }

    /// What of a reply is shown beside its text.
    enum Shown { case alarms, limits }

    /// Sends a command and shows the reply.
    /// - Throws: `ToolError` where none comes; `ExitCode` 1 where it was refused.
    func send(_ action: WireCommand.OneOf_Action, showing shown: Shown = .alarms) throws {
        var command = WireCommand()
        command.stream = stream
        command.by = by ?? UserName.current
        command.action = action
        let keys = try keyOptions.load()
        let reply: WireCommandReply?
        do {
            let context = try ZeroMQContext()
            var client = try CommandClient(endpoint: commands, context: context, keys: keys)
            reply = try client.send(command, timeout: .seconds(timeout))
        } catch {
            throw ToolError("\(error)", nextStep: "Give the daemon's command endpoint with --commands")
        }
        guard let reply else {
            throw ToolError(
                "no daemon accepts commands at \(printable(commands))",
                nextStep: "Start the daemon with `ecgmond`, or name its command endpoint with --commands"
                    + keyOptions.hint)
        }
        try show(reply, shown)
    }

    private func show(_ reply: WireCommandReply, _ shown: Shown) throws {
        if json {
            print(String(decoding: try reply.body(as: .json), as: UTF8.self))
        } else if shown == .limits, [.done, .nothingToDo].contains(reply.result) {
            for line in AlarmLimits.lines(reply.limits) { print(line) }
        } else {
            print("\(printable(stream)): \(printable(reply.text))")
            let lines = EventLine(terminal: Terminal())
            for alert in reply.alerts { print("  " + lines.renderActive(alert)) }
            if reply.hasPause { print("  " + lines.render(reply.pause)) }
        }
        switch reply.result {
        case .done, .nothingToDo: break
        default: throw ExitCode(1)
        }
    }
}

struct AlarmList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List a stream's active alerts.",
        discussion: """
            Example:
              ecgmon alarm list bed-1
            """)

    @OptionGroup var options: AlarmCommandOptions

    func run() throws { try options.send(.list(.init())) }
}

struct AlarmAcknowledge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge", abstract: "Acknowledge alerts: they are known and being dealt with.",
        discussion: """
            This ends a latched alert whose condition is over, and silences one whose condition lasts.

            Example:
              ecgmon alarm acknowledge bed-1 --kind asystole --by "nurse 4711"
            """)

    @OptionGroup var options: AlarmCommandOptions

    @Option(
        help: ArgumentHelp(
            "Only alerts of this kind, in full as in JSON, or short: asystole, ventricular_tachycardia.",
            valueName: "kind"))
    var kind: String?

    @Option(help: ArgumentHelp("Only the alert with this number.", valueName: "n"))
    var number: UInt64?

    func validate() throws {
        if let kind, Self.kind(kind) == nil {
            let kinds = WireAlertKind.allCases.filter { $0 != .unspecified }.map(Self.short).joined(separator: ", ")
            throw ValidationError("\(printable(kind)) is not a kind of alert; the kinds are \(kinds)")
        }
    }

    func run() throws {
        var which = WireCommand.Acknowledge()
        which.kind = kind.flatMap(Self.kind) ?? .unspecified
        which.alertNumber = number ?? 0
        try options.send(.acknowledge(which))
    }

    /// "ventricularTachycardia" is ventricular_tachycardia.
    private static func short(_ kind: WireAlertKind) -> String {
        "\(kind)".reduce(into: "") { result, character in
            if character.isUppercase { result += "_" }
            result += character.lowercased()
        }
    }

    private static func kind(_ name: String) -> WireAlertKind? {
        var word = name.lowercased().split(separator: "-").joined(separator: "_")
        let prefix = "alert_kind_"
        if word.hasPrefix(prefix) { word.removeFirst(prefix.count) }
        return WireAlertKind.allCases.first { $0 != .unspecified && short($0) == word }
    }
}

struct AlarmPauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Silence a stream's alarms for a limited time.",
        discussion: """
            Alarms are still detected and published. A new alert of high priority ends the pause unless the \
            daemon is configured otherwise.

            Example:
              ecgmon alarm pause bed-1 --seconds 60
            """
    )

    @OptionGroup var options: AlarmCommandOptions

    @Option(help: ArgumentHelp("Duration (default and maximum: as the daemon is configured).", valueName: "seconds"))
    var seconds: Double?

    @Flag(name: .customLong("all"), help: "Pause lights and sounds (alarm pause), not only sounds (audio pause).")
    var everything = false

    func validate() throws {
        if let seconds, !(seconds >= 1 && seconds.isFinite) { throw ValidationError("--seconds takes 1 or more") }
    }

    func run() throws {
        var pause = WireCommand.Pause()
        pause.kind = everything ? .alarm : .audio
        pause.seconds = seconds ?? 0
        try options.send(.pause(pause))
    }
}

struct AlarmResume: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "End a pause early.",
        discussion: """
            Example:
              ecgmon alarm resume bed-1
            """)

    @OptionGroup var options: AlarmCommandOptions

    func run() throws { try options.send(.resume(.init())) }
}
