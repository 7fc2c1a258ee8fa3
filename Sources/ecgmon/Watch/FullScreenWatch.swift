import DaemonHarness
import ECGWire
import ToolSupport
import ZeroMQ

/// `ecgmon watch` on a terminal: every bed with its strip and its alarms, and keys to acknowledge them.
struct FullScreenWatch: ~Copyable {
    private let raw: RawTerminal
    private var screen: WatchScreen
    /// nil: commands go nowhere.
    private var commands: CommandClient?
    private let by: String
    private var nextFrame: Int64 = 0

    private static let framePeriod: Int64 = 100_000_000

    init(_ raw: RawTerminal, commands: consuming CommandClient?, by: String) {
        self.raw = raw
        self.commands = commands
        self.by = by
        screen = WatchScreen(terminal: Terminal())
    }

    /// Shows what comes until `q`, Ctrl-C, or the end of the terminal.
    mutating func run(
        from client: inout HistorySubscriberClient, connection: inout ConnectionWatch
    ) throws(ToolError) {
        while !Interruption.requested {
            while let change = connection.next(timeout: .zero) {
                screen.lostAt = change == .lost ? timeOfDay(wallClockNanoseconds()) : nil
            }
            for key in raw.keys() {
                if try take(key) { return }
            }
            do throws(WireError) {
                // Whatever has come, up to the next frame.
                var patience = Duration.milliseconds(50)
                while monotonicNanoseconds() < nextFrame || patience > .zero {
                    guard let publication = try client.receive(timeout: patience) else { break }
                    patience = .zero
                    screen.missed += publication.missedBefore
                    if let event = publication.event { screen.take(event) }
                }
            } catch {
                guard case .unreadable = error else {
                    throw ToolError("\(error)", nextStep: "Start watching again")
                }
            }
            if monotonicNanoseconds() >= nextFrame {
                nextFrame = monotonicNanoseconds() + Self.framePeriod
                let (width, height) = raw.size
                raw.show(screen.lines(width: width, height: height, time: timeOfDay(wallClockNanoseconds())))
            }
        }
    }

    /// - Returns: whether it is the end.
    private mutating func take(_ key: RawTerminal.Key) throws(ToolError) -> Bool {
        switch key {
        case .up, .letter("k"): screen.select(-1)
        case .down, .letter("j"): screen.select(1)
        case .letter("a"): try send(.acknowledge(.init()), "acknowledged")
        case .letter("p"):
            var pause = WireCommand.Pause()
            pause.kind = .audio
            try send(.pause(pause), "sounds paused")
        case .letter("r"): try send(.resume(.init()), "resumed")
        case .letter("q"), .letter("\u{3}"), .letter("\u{4}"): return true
        case .letter: break
        }
        return false
    }

    private mutating func send(_ action: WireCommand.OneOf_Action, _ done: String) throws(ToolError) {
        guard let bed = screen.selectedBed else { return }
        guard commands != nil else {
            screen.message = "No commands: name the daemon's command endpoint with --commands"
            return
        }
        var command = WireCommand()
        command.stream = bed.name
        command.by = by
        command.action = action
        let reply: WireCommandReply?
        do throws(WireError) { reply = try commands?.send(command, timeout: .seconds(1)) } catch {
            screen.message = "\(printable(bed.name)): \(error)"
            return
        }
        guard let reply else {
            screen.message = "\(printable(bed.name)): no answer; it is not known whether it was done"
            return
        }
        let outcome = reply.result == .done ? done : printable(reply.text)
        screen.message = "\(printable(bed.name)): \(outcome)"
    }
}
