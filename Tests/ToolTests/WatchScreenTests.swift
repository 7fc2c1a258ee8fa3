import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing

@testable import ecgmon

/// The full-screen display as lines, and in a real pseudo-terminal.
@Suite struct WatchScreenTests {
    private func event(_ stream: String, _ payload: WireEvent.OneOf_Payload, index: Int64 = 0) -> WireEvent {
        var event = WireEvent()
        event.stream = stream
        event.session = 1
        event.sampleIndex = index
        event.payload = payload
        return event
    }

    private func wave(_ millivolts: [Float]) -> WireEvent.OneOf_Payload {
        var waveform = WireWaveform()
        waveform.samplingRate = 250
        waveform.lead = "II"
        waveform.millivolts = millivolts
        return .waveform(waveform)
    }

    private func alert(
        _ text: String, _ priority: WireAlertPriority, kind: WireAlertKind, phase: WireAlertPhase = .started,
        acknowledged: Bool = false
    ) -> WireEvent.OneOf_Payload {
        var alert = WireAlert()
        alert.text = text
        alert.priority = priority
        alert.kind = kind
        alert.phase = phase
        alert.number = 1
        alert.acknowledged = acknowledged
        return .alert(alert)
    }

    private func shown(_ screen: WatchScreen, width: Int = 80, height: Int = 24) -> [String] {
        screen.lines(width: width, height: height, time: "12:00:00.0")
    }

    private func plain() -> WatchScreen { WatchScreen(terminal: Terminal(usesColour: false)) }

    @Test(arguments: [(80, 24), (20, 5), (1, 1), (200, 60), (40, 2)])
    func screenIsFilledAndNoLineIsTooWide(width: Int, height: Int) {
        var screen = plain()
        for bed in 1...12 {
            screen.take(event("bed-\(bed)", wave((0..<2500).map { sin(Float($0) / 20) })))
            screen.take(event("bed-\(bed)", alert("asystole: no beat for 4.6 s", .high, kind: .asystole)))
        }
        let lines = shown(screen, width: width, height: height)
        #expect(lines.count == height)
        #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
    }

    @Test func stripShowsEachPeakOnce() {
        var strip = BrailleStrip()
        var samples = [Float](repeating: 0, count: 2500)
        for peak in stride(from: 100, to: 2500, by: 250) { samples[peak] = 2 }
        strip.take(samples, at: 0, rate: 250)
        // Ten seconds in 200 characters; the highest line holds the peaks alone.
        let (lines, span) = strip.lines(width: 200, height: 3)
        #expect(lines.allSatisfy { $0.count == 200 })
        #expect(lines[0].count { $0 != "\u{2800}" } >= 10 && lines[0].count { $0 != "\u{2800}" } <= 20)
        #expect(abs(span - 2) < 0.01)
        strip.take([.nan, .infinity, 1], at: .max - 10, rate: 250)
        strip.take([1], at: -5, rate: 0)
        #expect(strip.lines(width: 10, height: 0).lines.isEmpty)
    }

    @Test func gravestAlarmIsShownUntilItEnds() {
        var screen = plain()
        screen.take(event("bed-1", alert("single V beat", .low, kind: .singleVentricularBeat)))
        screen.take(event("bed-1", alert("asystole: no beat for 4.6 s", .high, kind: .asystole)))
        #expect(shown(screen)[1].contains("asystole: no beat for 4.6 s (+1)"))
        #expect(shown(screen)[0].contains("1 of high priority"))
        screen.take(event("bed-1", alert("asystole", .high, kind: .asystole, phase: .updated, acknowledged: true)))
        #expect(shown(screen)[1].contains("ack asystole"))
        #expect(!shown(screen)[0].contains("high priority"))
        screen.take(event("bed-1", alert("asystole over", .high, kind: .asystole, phase: .ended)))
        #expect(shown(screen)[1].contains("single V beat"))
        #expect(!shown(screen).contains { $0.contains("asystole") })
    }

    @Test func bedsAreInOrderAndTheChosenOneIsSeen() {
        var screen = plain()
        for bed in ["c", "a", "b"] { screen.take(event(bed, wave([0]))) }
        #expect(screen.selectedBed?.name == "c")
        screen.select(-10)
        #expect(screen.selectedBed?.name == "a")
        for bed in 10..<60 { screen.take(event("d\(bed)", wave([0]))) }
        screen.select(100)
        #expect(shown(screen).contains { $0.hasPrefix("> d59") })
    }

    @Test func lostConnectionIsSaidInsteadOfTheTime() {
        var screen = plain()
        screen.take(event("bed-1", wave([0])))
        screen.lostAt = "11:59:00.0"
        #expect(shown(screen)[0].contains("NOT LIVE"))
        #expect(shown(screen)[0].contains("11:59:00.0"))
    }

    @Test func namesWithControlCharactersAreHarmless() {
        var screen = plain()
        screen.take(event("bed\u{1B}[2J", wave([0])))
        screen.take(event("bed\u{1B}[2J", alert("\u{1B}]0;x\u{7}", .high, kind: .asystole)))
        #expect(!shown(screen).joined().contains("\u{1B}"))
    }

    @Test func pseudoTerminalShowsBedsAndTakesKeys() throws {
        let daemon = try DaemonForTool()
        let screen = try PseudoTerminal(
            ["watch", "--events", daemon.events, "--commands", daemon.commands, "--by", "nurse 4711"],
            width: 120, height: 30)
        #expect(screen.wait { $0.contains("\u{1B}[?1049h") && $0.contains("no stream yet") })
        // At real speed, so that the heart is still when the alarm is looked at.
        let replay = try ToolProcess([
            "replay", "--simulate", "sinus@75:8,asystole", "--duration", "300", "--stream", "bed-9", "--speed", "4",
            "--ingest", daemon.ingest, "--quiet",
        ])
        defer { replay.signal(SIGKILL) }
        #expect(screen.wait { $0.contains("> bed-9") && $0.contains("/min") })
        // Braille with dots in it.
        #expect(screen.wait { text in text.unicodeScalars.contains { (0x2801...0x28FF).contains($0.value) } })
        #expect(screen.wait { $0.contains("asystole: no beat") })
        screen.press("a")
        #expect(screen.wait { $0.contains("bed-9: acknowledged") && $0.contains("ack asystole") })
        screen.press("p")
        #expect(screen.wait { $0.contains("bed-9: sounds paused") })
        screen.press("q")
        #expect(screen.exitCode() == 0)
        #expect(screen.text.contains("\u{1B}[?1049l"), "the terminal is as it was before")
        #expect(daemon.stop() == 0)
    }

    @Test func intoAPipeThereIsALineForEachEvent() throws {
        let daemon = try DaemonForTool()
        let watch = try ToolProcess(["watch", "--events", daemon.events])
        #expect(watch.wait { watch.errors.contains("watching") })
        let replay = try ToolProcess.run([
            "replay", "--simulate", "sinus@75", "--duration", "20", "--stream", "bed-9", "--speed", "20", "--ingest",
            daemon.ingest, "--quiet",
        ])
        #expect(replay.exitCode == 0)
        #expect(watch.wait { watch.output.contains("bed-9  beat N") })
        #expect(!watch.output.contains("\u{1B}"))
        watch.signal(SIGINT)
        #expect(watch.outcome().exitCode == 130)
        #expect(daemon.stop() == 0)
    }
}

/// `ecgmon` in a pseudo-terminal, as a person has it before them.
private final class PseudoTerminal {
    struct Failure: Error {}

    private let process = Process()
    private let master: Int32
    private(set) var text = ""
    private var bytes: [UInt8] = []

    init(_ arguments: [String], width: UInt16, height: UInt16) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // ioctl_tty(2): TIOCSPTLCK and TIOCGPTN, which are unlockpt() and ptsname().
        var (lock, number): (Int32, Int32) = (0, 0)
        guard master >= 0, ioctl(master, 0x4004_5431, &lock) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw Failure()
        }
        let name = "/dev/pts/\(number)"
        let slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard slave >= 0 else { throw Failure() }
        var size = winsize(ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(slave, UInt(TIOCSWINSZ), &size)
        let handle = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
        process.executableURL = URL(filePath: Checkout.program("ecgmon"))
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm-256color"]) { $1 }
        process.standardInput = handle
        process.standardOutput = handle
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        close(master)
    }

    func press(_ keys: String) { _ = keys.withCString { Glibc.write(master, $0, strlen($0)) } }

    /// Waits until all that was written so far fulfils a condition, at most a minute.
    func wait(until condition: (String) -> Bool) -> Bool {
        for _ in 0..<600 {
            read()
            if condition(text) { return true }
            if !process.isRunning { return condition(text) }
        }
        return false
    }

    /// What comes within a tenth of a second.
    private func read() {
        var waiting = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 100) > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(master, &buffer, buffer.count)
        guard count > 0 else { return }
        bytes += buffer.prefix(count)
        text = String(decoding: bytes, as: UTF8.self)
    }

    func exitCode() -> Int32 {
        _ = wait { _ in !process.isRunning }
        process.waitUntilExit()
        for _ in 0..<3 { read() }
        return process.terminationStatus
    }
}
