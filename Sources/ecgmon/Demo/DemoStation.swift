import DaemonHarness
import ECGReplay
import ECGWire
import FoundationEssentials
import Glibc
import ToolSupport
import ZeroMQ

/// `ecgmon demo --serve`: a daemon with a central station, and a ward that sends to it until Ctrl-C.
struct DemoStation {
    let ward: DemoWard
    let terminal: Terminal

    /// Who has this token may acknowledge and pause. It is drawn anew for each demo.
    static func writeToken(in directory: String) throws(ToolError) -> (path: String, token: String) {
        var generator = SystemRandomNumberGenerator()
        let token = (0..<2).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        let path = "\(directory)/station-command.token"
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0, write(file, token, token.utf8.count) == token.utf8.count else {
            throw ToolError("\(path) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
        close(file)
        return (path, token)
    }

    /// Sends until Ctrl-C.
    func run(_ daemon: LocalDaemon, token: String, seconds: Double?) throws(ToolError) {
        let port = try waitForStation(daemon)
        terminal.line("")
        terminal.line("  " + terminal.styled("http://127.0.0.1:\(port)/#token=\(token)", .bold))
        terminal.line("")
        terminal.line("Open this address in a browser on this machine. The token after # lets you acknowledge alarms;")
        terminal.line("without it the page may only look. Ctrl-C ends the demo.")
        for bed in ward.beds { terminal.line("  \(bed.stream)  \(bed.words)") }
        let context: ZeroMQContext
        do {
            context = try ZeroMQContext()
        } catch {
            throw ToolError("no socket can be opened: \(error)", nextStep: "Raise the limit of open files")
        }
        var sender = try ReplaySender(
            endpoint: daemon.endpoints.ingest, context: context, connectTimeout: .seconds(10),
            note: { Terminal.note($0) })
        let (session, start) = (UInt64(wallClockNanoseconds()), wallClockNanoseconds())
        for number in ward.beds.indices {
            for turn in -ward.beds[number].blocksAhead..<0 {
                let block = ward.block(ofBed: number, turn: turn, session: session, startNanoseconds: start)
                guard try sender.send(block) else { return }
            }
        }
        var pacer = MonotonicPacer(samplingRate: Double(DemoWard.blocksPerSecond), speed: 1)
        var turn = 0
        while pacer.wait(untilSample: Double(turn + 1)) {
            for number in ward.beds.indices {
                let block = ward.block(ofBed: number, turn: turn, session: session, startNanoseconds: start)
                guard try sender.send(block) else { return }
            }
            turn += 1
            if daemon.hasEnded {
                throw ToolError("the daemon has ended: \(daemon.lastLogLine)", nextStep: "Start the demo again")
            }
            if let seconds, Double(turn) >= seconds * Double(DemoWard.blocksPerSecond) { return }
        }
    }

    private func waitForStation(_ daemon: LocalDaemon) throws(ToolError) -> UInt16 {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(30)
        while !Interruption.requested, clock.now < deadline {
            if let port = daemon.stationPort { return port }
            if daemon.hasEnded { break }
            usleep(50_000)
        }
        throw ToolError(
            "the daemon does not serve its station: \(daemon.lastLogLine)",
            nextStep: "Start `ecgmond` by itself to see more")
    }
}
