import ArgumentParser
import DaemonHarness
import ECGWire
import ToolSupport
import ZeroMQ

/// `ecgmon watch`: what a daemon publishes, as lines in a terminal.
struct Watch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show beats, alerts, suspicions and states as a daemon publishes them.",
        discussion: """
            Times are acquisition times in UTC. A lost connection is restored as soon as the daemon is back, and \
            events published in the meantime are fetched. On a terminal every bed has its strip and its alarms, and keys \
            acknowledge and pause them; into a pipe, or with --plain, --json or --count, there is a line for each event.

            Examples:
              ecgmon watch
              ecgmon watch --plain
              ecgmon watch bed-1 bed-2 --topic alert --topic status
              ecgmon watch --json | jq .alert
            """)

    private static let usualEvents = "tcp://127.0.0.1:5572"
    private static let usualHistory = "tcp://127.0.0.1:5573"

    @Argument(help: "Streams to watch; default: all.")
    var streams: [String] = []

    @Option(name: .long, help: "The daemon's events endpoint.")
    var events = Self.usualEvents

    @Option(
        help: ArgumentHelp(
            "The daemon's history endpoint, so that nothing is missed. Default: the default one if --events is, too.",
            valueName: "endpoint"))
    var history: String?

    @OptionGroup var keyOptions: KeyOptions

    @Option(
        name: .long, parsing: .upToNextOption,
        help:
            """
            Kinds (alert, beat, suspicion, status, waveform, health) or whole topics (alert.bed-1); default: all kinds \
            but waveform and health.
            """
    )
    var topic: [String] = []

    @Flag(name: .long, help: "One JSON object per line, as published.")
    var json = false

    @Flag(help: "A line for each event, also on a terminal.")
    var plain = false

    @Option(
        help: ArgumentHelp(
            "The daemon's command endpoint, for the keys. Default: the default one if --events is, too.",
            valueName: "endpoint"))
    var commands: String?

    @Option(help: ArgumentHelp("Who acknowledges and pauses (default: your user name).", valueName: "name"))
    var by: String?

    @Flag(name: .long, help: "Wait for a daemon that is not running yet.")
    var wait = false

    @Option(name: .long, help: ArgumentHelp("Stop after n lines.", valueName: "n"))
    var count: Int?

    @Option(name: .long, help: ArgumentHelp("How long to wait for the daemon.", valueName: "seconds"))
    var connectTimeout = 3.0

    mutating func validate() throws {
        if let count, count < 1 { throw ValidationError("--count takes 1 or more") }
        guard connectTimeout > 0, connectTimeout <= 3600 else {
            throw ValidationError("--connect-timeout takes more than 0 and at most 3600 seconds")
        }
        _ = try filters()
    }

    mutating func run() throws {
        Interruption.install()
        let keys = try keyOptions.load()
        let context = try ZeroMQContext.orToolError()
        var connection = try ConnectionWatch(eventsEndpoint: events, context: context, keys: keys)
        let isLineByLine = plain || json || count != nil || !topic.isEmpty
        let isScreen = !isLineByLine && RawTerminal.isPossible
        var client: HistorySubscriberClient
        do {
            client = try HistorySubscriberClient(
                endpoint: events, history: history ?? (events == Self.usualEvents ? Self.usualHistory : nil),
                filters: try filters(withWaveforms: isScreen), context: context, keys: keys)
        } catch let error as WireError {
            throw ToolError("\(error)", nextStep: "Give the daemon's events endpoint with --events")
        }
        let timeout: Duration = wait ? .seconds(1_000_000) : .seconds(connectTimeout)
        guard connection.waitUntilConnected(timeout: timeout) || Interruption.requested else {
            throw ToolError(
                "no daemon publishes events at \(printable(events))",
                nextStep: "Start the daemon with `ecgmond`, name its events endpoint with --events, or --wait for it"
                    + keyOptions.hint)
        }
        if isScreen, let screen = RawTerminal() {
            var display = FullScreenWatch(screen, commands: try commandClient(context, keys), by: by ?? UserName.current)
            try display.run(from: &client, connection: &connection)
        } else {
            Terminal.note("watching \(events)")
            try show(from: &client, connection: &connection)
        }
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
    }

    private func commandClient(
        _ context: ZeroMQContext, _ keys: CurveClientKeys?
    ) throws(ToolError) -> CommandClient? {
        guard let endpoint = commands ?? (events == Self.usualEvents ? "tcp://127.0.0.1:5574" : nil) else { return nil }
        do throws(WireError) {
            return try CommandClient(endpoint: endpoint, context: context, keys: keys)
        } catch {
            throw ToolError("\(error)", nextStep: "Give the daemon's command endpoint with --commands")
        }
    }

    private func show(from client: inout HistorySubscriberClient, connection: inout ConnectionWatch) throws(ToolError) {
        let terminal = Terminal()
        let lines = EventLine(terminal: terminal)
        var shown = 0
        while !Interruption.requested {
            while let change = connection.next(timeout: .zero) {
                Terminal.note(change == .lost ? "the connection broke; trying again" : "connected again")
            }
            let publication: Publication
            do throws(WireError) {
                guard let received = try client.receive(timeout: .milliseconds(100)) else { continue }
                publication = received
            } catch {
                if case .unreadable = error {
                    Terminal.note("\(error)")
                    continue
                }
                throw ToolError("\(error)", nextStep: "Start watching again")
            }
            if publication.missedBefore > 0 {
                Terminal.note(
                    "\(publication.missedBefore) messages on \(publication.topic.name) were lost before this one")
            }
            guard let line = line(for: publication, lines) else { continue }
            terminal.line(line)
            shown += 1
            if shown == count { return }
        }
    }

    private func line(for publication: Publication, _ lines: EventLine) -> String? {
        if json {
            guard let body = try? publication.body.encoded(as: .json) else { return nil }
            return String(decoding: body, as: UTF8.self)
        }
        switch publication.body {
        case .event(let event):
            let time =
                event.acquisitionTimeNs != 0 ? timeOfDay(event.acquisitionTimeNs) : "#\(event.sampleIndex)"
            return lines.render(event, time: time)
        case .health(let health): return lines.render(health)
        }
    }

    /// The topics asked for, of the streams asked for.
    private func filters(withWaveforms: Bool = false) throws -> [TopicFilter] {
        for stream in streams where !StreamName.isValid(stream) {
            throw ValidationError("\(printable(stream)) is not a valid stream name")
        }
        let usual = ["alert", "beat", "suspicion", "status"] + (withWaveforms ? ["waveform"] : [])
        let wanted = topic.isEmpty ? usual : topic
        var filters: [TopicFilter] = []
        for name in wanted {
            let bare = name.hasSuffix(".") ? String(name.dropLast()) : name
            if let kind = Topic.Kind(rawValue: bare) {
                if streams.isEmpty || kind == .health {
                    filters.append(.all(kind))
                } else {
                    filters += streams.map { .only(Topic(kind, stream: $0)) }
                }
            } else if let whole = Topic(name) {
                filters.append(.only(whole))
            } else {
                throw ValidationError(
                    "\(printable(name)) is not a topic; the kinds are "
                        + Topic.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                )
            }
        }
        return filters
    }
}
