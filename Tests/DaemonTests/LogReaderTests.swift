import ECGWire
import Foundation
import Glibc
import Logging
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Whoever reads the log does not read, or has gone.
@Suite(.serialized) struct LogReaderTests {
    /// Both ends of a pipe.
    private final class LogPipe {
        let reader: Int32
        let writer: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            (reader, writer) = (ends[0], ends[1])
            // No other process that a test starts keeps an end of it open.
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        deinit {
            close(reader)
            close(writer)
        }

        /// Fills it to the last byte, without waiting.
        func fill() {
            let full = open("/proc/self/fd/\(writer)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            defer { close(full) }
            for size in [4096, 64, 1] {
                let bytes = [UInt8](repeating: 0x78, count: size)
                while write(full, bytes, size) > 0 {}
            }
        }

        /// Reads until a text has come, half a minute at most.
        func read(until text: String) -> String { read { $0.contains(text) } }

        /// Reads until what has come is enough.
        func read(isEnough: (String) -> Bool) -> String {
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var item = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            while poll(&item, 1, 30_000) > 0 {
                let count = Glibc.read(reader, &buffer, buffer.count)
                guard count > 0 else { break }
                all += buffer.prefix(count)
                if isEnough(String(decoding: all, as: UTF8.self)) { break }
            }
            return String(decoding: all, as: UTF8.self)
        }
    }

    private func line(_ text: String) -> LogEntry { .line(Array("\(text)\n".utf8)) }

    @Test func fullPipeBlocksNobodyAndTheGapIsLogged() throws {
        let pipe = try LogPipe()
        pipe.fill()
        let writer = try LogWriter(descriptor: pipe.writer) { .line(Array("dropped \($0)\n".utf8)) }
        let count = LogWriter.queueEntries + 5000
        for number in 0..<count { writer.put(line("line \(number)")) }
        let dropped = writer.dropped.value
        #expect(dropped > 0)
        func numbers(_ text: String) -> [Int] {
            text.split(separator: "\n").compactMap { $0.split(separator: "line ").last.flatMap { Int($0) } }
        }
        let text = pipe.read { $0.hasSuffix("\n") && numbers($0).count == count - Int(dropped) }
        // What was kept is there as a whole and in order.
        let kept = numbers(text)
        let isInOrder = zip(kept, kept.dropFirst()).allSatisfy { $0 < $1 }
        #expect(kept.count == count - Int(dropped) && isInOrder)
        #expect(text.contains("dropped \(dropped)\n"))
        #expect(writer.finish())
    }

    @Test func shutdownDoesNotWaitForAReaderThatIsStuck() throws {
        let pipe = try LogPipe()
        pipe.fill()
        let writer = try LogWriter(descriptor: pipe.writer) { .line(Array("dropped \($0)\n".utf8)) }
        writer.put(line("never read"))
        #expect(!writer.finish(waitingAtMost: 10_000_000))
    }

    @Test func shutdownWaitsForAReaderThatReads() throws {
        let pipe = try LogPipe()
        let writer = try LogWriter(descriptor: pipe.writer) { .line(Array("dropped \($0)\n".utf8)) }
        for number in 0..<500 { writer.put(line("line \(number)")) }
        #expect(writer.finish())
        #expect(pipe.read(until: "line 499\n").hasSuffix("line 499\n"))
        writer.put(line("too late"))
        #expect(writer.dropped.value == 1)
    }

    @Test func vanishedReaderCostsOnlyTheLines() throws {
        let pipe = try LogPipe()
        let gone = dup(pipe.writer)
        let other = try LogPipe()
        // The only reader of the pipe is replaced by that of another.
        dup2(other.reader, pipe.reader)
        signal(SIGPIPE, SIG_IGN)
        let writer = try LogWriter(descriptor: gone) { .line(Array("dropped \($0)\n".utf8)) }
        for number in 0..<10 { writer.put(line("line \(number)")) }
        #expect(eventually { writer.dropped.value == 10 })
        writer.finish()
        close(gone)
    }

    @Test(arguments: ["info", "debug"])
    func alertsComeWhileNobodyReadsTheLog(level: String) throws {
        let pipe = try LogPipe()
        let daemon = try DaemonProcess(
            configuration: "[log]\nlevel = \"\(level)\"\n", standardError: pipe.writer, waitsUntilReady: false)
        let port = pipe.read(until: "model_sha256").firstMatch(of: /http_port=(\d+)/).flatMap { UInt16($0.1) }
        daemon.useHTTPPort(try #require(port))
        pipe.fill()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let bare = try ZeroMQSocket(context, .push)
        try bare.connect(daemon.ingest)
        for _ in 0..<100 { try bare.send([0xff, 0xff]) }
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 71)
        let expected = try recording.expectedEvents(stream: "a").filter { $0.decidedAtSampleIndex < 50 * 360 }
        for block in recording.blocks(stream: "a", size: 360) { _ = try client.send(block, timeout: .seconds(30)) }
        let alert = try #require(expected.last { $0.id.contains("/alert/") })
        #expect(eventually { (try? recorder.events(of: "a").contains { $0.id == alert.id }) ?? false })
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"not_decodable\"}") { $0 == 100 })
        #expect(try daemon.page("/healthz") == (200, "ok\n"))
        // It ends, too, although its last words find no room.
        daemon.signal(SIGTERM)
        #expect(daemon.exitCode() == 0)
    }

    @Test func supervisionThatHasStoppedReportsNoHealth() {
        let state = DaemonState(watchdogInterval: 40_000_000)
        #expect(state.silent == [])
        state.stuck = ["worker-0"]
        #expect(eventually { state.silent == ["supervision", "worker-0"] })
        state.stuck = []
        state.didLook()
        #expect(DaemonState(watchdogInterval: nil).patienceNanoseconds == DaemonState.defaultPatience)
        #expect(eventually { state.silent == ["supervision"] })
    }
}
