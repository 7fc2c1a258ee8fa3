import ArgumentParser
import DaemonHarness
import ECGWire
import FoundationEssentials
import ToolSupport
import ZeroMQ

/// `ecgmon history`: what was published, out of the daemon's journal.
struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List past alerts, suspicions, states or beats from a daemon's journal.",
        discussion: """
            Times are acquisition times in UTC, such as 2026-03-31T14:00:00, or a time ago: 30s, 15m, 12h, 2d.

            Examples:
              ecgmon history
              ecgmon history bed-1 --from 12h --alert asystole
              ecgmon history --kind suspicion --json
              ecgmon history bed-1 --follow
            """)

    @Argument(help: "Stream; default: all.")
    var stream: String = ""

    @Option(help: "alert, suspicion, status or beat.")
    var kind = "alert"

    @Option(help: ArgumentHelp("Only alerts of this kind, such as asystole.", valueName: "kind"))
    var alert: String?

    @Option(help: ArgumentHelp("At or after this time.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("Before this time.", valueName: "time"))
    var until: String?

    @Option(help: ArgumentHelp("Only the last n.", valueName: "n"))
    var last: Int?

    @Flag(help: "Continue with new events as they are published; none is missed and none appears twice.")
    var follow = false

    @Flag(help: "One JSON object per line, as published.")
    var json = false

    @Option(help: "The daemon's history endpoint.")
    var history = "tcp://127.0.0.1:5573"

    @Option(help: "The daemon's events endpoint, for --follow.")
    var events = "tcp://127.0.0.1:5572"

    @OptionGroup var keyOptions: KeyOptions

    @Option(help: ArgumentHelp("How long to wait for the daemon.", valueName: "seconds"))
    var timeout = 3.0

    mutating func validate() throws {
        guard stream.isEmpty || StreamName.isValid(stream) else {
            throw ValidationError("\(printable(stream)) is not a valid stream name")
        }
        guard let topic = Topic.Kind(rawValue: kind), topic != .waveform, topic != .health else {
            throw ValidationError("--kind takes alert, suspicion, status or beat")
        }
        if let last, !(1...1_000_000).contains(last) { throw ValidationError("--last takes 1 to 1000000") }
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout takes more than 0 and at most 3600 seconds")
        }
        for time in [from, until] {
            if let time, HistoryTime.nanoseconds(time, now: wallClockNanoseconds()) == nil {
                throw ValidationError("\(printable(time)) is not a time such as 2026-03-31T14:00:00 or 12h")
            }
        }
        if follow, until != nil { throw ValidationError("--follow and --until exclude each other") }
    }

    mutating func run() throws {
        Interruption.install()
        let keys = try keyOptions.load()
        let context = try ZeroMQContext.orToolError()
        let terminal = Terminal()
        let output = HistoryOutput(alert: alert, json: json, terminal: terminal)
        var pages = try HistoryPages(
            endpoint: history, context: context, keys: keys, timeout: .seconds(timeout), hint: keyOptions.hint)
        var find = WireHistoryRequest.Find()
        find.kind = kind
        find.stream = stream
        let now = wallClockNanoseconds()
        find.fromTimeNs = from.flatMap { HistoryTime.nanoseconds($0, now: now) } ?? 0
        find.untilTimeNs = until.flatMap { HistoryTime.nanoseconds($0, now: now) } ?? 0
        var shown: [Topic: UInt64] = [:]
        if let last {
            find.newestFirst = true
            var kept: [WireEvent] = []
            try pages.all(find) { event in
                if output.wants(event) { kept.append(event) }
                return kept.count < last
            }
            for event in kept.reversed() { show(event, output, &shown) }
        } else {
            try pages.all(find) { event in
                show(event, output, &shown)
                return !Interruption.requested
            }
        }
        if follow { try goOn(context, keys, output, shown) }
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
    }

    private func show(_ event: WireEvent, _ output: HistoryOutput, _ shown: inout [Topic: UInt64]) {
        if let kind = Topic.Kind(rawValue: kind) { shown[Topic(kind, stream: event.stream)] = event.sequence }
        output.show(event)
    }

    /// From the beginning once more, which costs little, past what was shown.
    private func goOn(
        _ context: ZeroMQContext, _ keys: CurveClientKeys?, _ output: HistoryOutput, _ shown: [Topic: UInt64]
    ) throws {
        guard let kind = Topic.Kind(rawValue: kind) else { return }
        do {
            var client = try HistorySubscriberClient(
                endpoint: events, history: history,
                filters: [stream.isEmpty ? .all(kind) : .only(Topic(kind, stream: stream))], start: .after(shown),
                context: context, keys: keys)
            while !Interruption.requested {
                guard let publication = try client.receive(timeout: .milliseconds(100)) else { continue }
                if publication.missedBefore > 0 {
                    Terminal.note("\(publication.missedBefore) messages on \(publication.topic.name) were lost")
                }
                if let event = publication.event { output.show(event) }
            }
        } catch {
            throw ToolError("\(error)", nextStep: "Start it again")
        }
    }
}

/// Events as lines.
struct HistoryOutput {
    /// The kind of alert that is wanted, as the user wrote it; nil: all.
    var alert: String?
    var json: Bool
    var terminal: Terminal

    func wants(_ event: WireEvent) -> Bool {
        guard let alert else { return true }
        guard case .alert(let found) = event.payload else { return false }
        let name = EventLine(terminal: terminal).name(found.kind)
        return Self.plain(name) == Self.plain(alert)
    }

    /// "ventricular tachycardia", "ventricular_tachycardia" and "Ventricular-Tachycardia" are one.
    private static func plain(_ name: String) -> String { name.lowercased().filter { $0.isLetter } }

    func show(_ event: WireEvent) {
        guard wants(event) else { return }
        if json {
            guard let body = try? PublishedBody.event(event).encoded(as: .json) else { return }
            terminal.line(String(decoding: body, as: UTF8.self))
        } else {
            let time =
                event.acquisitionTimeNs != 0 ? HistoryTime.text(event.acquisitionTimeNs) : "#\(event.sampleIndex)"
            if let line = EventLine(terminal: terminal).render(event, time: time) { terminal.line(line) }
        }
    }
}

/// Times as people write them.
enum HistoryTime {
    /// - Parameter text: `2026-03-31`, `2026-03-31T14:00:00`, with or without a Z, or `30s`, `15m`, `12h`, `2d` ago.
    /// - Returns: UTC in ns since 1970.
    static func nanoseconds(_ text: String, now: Int64) -> Int64? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        if let last = text.last, let unit = units[last], let count = Double(text.dropLast()), count >= 0, count < 1e9 {
            return max(1, now - Int64(min(count * unit, 9e9) * 1e9))
        }
        let bare = text.hasSuffix("Z") ? String(text.dropLast()) : text
        let full = bare.contains("T") ? bare : bare + "T00:00:00"
        guard let date = try? Date(full + "Z", strategy: .iso8601), date.timeIntervalSince1970 > 0,
            date.timeIntervalSince1970 < 8e9
        else { return nil }
        return Int64(date.timeIntervalSince1970 * 1e9)
    }

    /// `2026-03-31 14:00:00.5`
    static func text(_ nanoseconds: Int64) -> String {
        let day = Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000_000)).formatted(.iso8601)
        return "\(day.prefix(10)) \(timeOfDay(nanoseconds))"
    }
}
