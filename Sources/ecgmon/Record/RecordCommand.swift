import ArgumentParser
import DaemonHarness
import ECGWire
import ToolSupport
import ZeroMQ

/// `ecgmon record`: a stream as it is published, into an EDF+ file.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record a stream's waveform, beats and alerts as an EDF+ file.",
        discussion: """
            Samples are in microvolts; beats, alerts and suspicions are annotations. Where samples are missing the file \
            has -32768, and whole seconds without any are left out (EDF+D). Ctrl-C ends the recording; another session, \
            sampling rate or other leads end it, too. What the daemon publishes while the connection is broken is not \
            in the file.

            Examples:
              ecgmon record bed-1 -o bed-1.edf
              ecgmon record bed-1 -o bed-1.edf --duration 10:00
              ecgmon annotate bed-1.edf -o annotations
            """)

    @Argument(help: "The stream.")
    var stream: String

    @Option(name: [.short, .customLong("output")], help: ArgumentHelp("The file, which must not exist.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Stop after so much signal, such as 90 or 1:30.", valueName: "time"))
    var duration: ClockTime?

    @Option(help: "The daemon's events endpoint.")
    var events = "tcp://127.0.0.1:5572"

    @OptionGroup var keyOptions: KeyOptions

    @Option(help: ArgumentHelp("How long to wait for the daemon.", valueName: "seconds"))
    var connectTimeout = 3.0

    mutating func validate() throws {
        guard StreamName.isValid(stream) else {
            throw ValidationError("\(printable(stream)) is not a valid stream name")
        }
        guard connectTimeout > 0, connectTimeout <= 3600 else {
            throw ValidationError("--connect-timeout takes more than 0 and at most 3600 seconds")
        }
    }

    mutating func run() throws {
        Interruption.install()
        let keys = try keyOptions.load()
        let context = try ZeroMQContext.orToolError()
        var connection = try ConnectionWatch(eventsEndpoint: events, context: context, keys: keys)
        let kinds: [Topic.Kind] = [.waveform, .beat, .alert, .suspicion]
        var client: SubscriberClient
        do throws(WireError) {
            client = try SubscriberClient(
                endpoint: events, filters: kinds.map { .only(Topic($0, stream: stream)) }, context: context, keys: keys,
                queueLength: 100_000)
        } catch {
            throw ToolError("\(error)", nextStep: "Give the daemon's events endpoint with --events")
        }
        guard connection.waitUntilConnected(timeout: .seconds(connectTimeout)) || Interruption.requested else {
            throw ToolError(
                "no daemon publishes events at \(printable(events))",
                nextStep: "Start the daemon with `ecgmond`, or name its events endpoint with --events" + keyOptions.hint)
        }
        Terminal.note("recording \(stream) into \(output); Ctrl-C ends it")
        var recording = StreamRecording(path: output)
        var progress = RecordingProgress(total: duration)
        while !Interruption.requested, !recording.isOver, !progress.isComplete {
            let publication: Publication?
            do throws(WireError) { publication = try client.receive(timeout: .milliseconds(100)) } catch {
                if case .unreadable = error { continue }
                throw ToolError("\(error)", nextStep: "Start recording again")
            }
            guard let event = publication?.event else { continue }
            try recording.take(event)
            if case .waveform(let waveform) = event.payload {
                progress.add(Double(waveform.millivolts.count) / max(1, waveform.samplingRate))
            }
        }
        progress.clear()
        try recording.finish()
        guard recording.samples > 0 else {
            throw ToolError("nothing came of \(stream)", nextStep: "See which streams there are with `ecgmon watch`")
        }
        Terminal.note("\(recording.samples) samples of each lead in \(output)")
    }
}

/// How much was recorded, on a terminal only.
private struct RecordingProgress {
    let total: ClockTime?
    private var seconds = 0.0
    private var nextAt: Int64 = 0

    init(total: ClockTime?) { self.total = total }

    var isComplete: Bool { total.map { seconds >= $0.seconds } ?? false }

    mutating func add(_ more: Double) {
        seconds += more
        guard Terminal.standardErrorIsTerminal, monotonicNanoseconds() >= nextAt else { return }
        nextAt = monotonicNanoseconds() + 500_000_000
        Terminal.overwrite("\(ClockTime(seconds: seconds))" + (total.map { " of \($0)" } ?? ""))
    }

    func clear() {
        if Terminal.standardErrorIsTerminal { Terminal.overwrite("") }
    }
}
