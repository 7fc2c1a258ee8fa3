import DaemonHarness
import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// The daemon under a service manager's protocol: readiness, watchdog, reload, stop.
@Suite(.serialized) struct LifecycleTests {
    @Test func serviceManagerIsToldOfReadinessAndStopping() throws {
        let daemon = try DaemonProcess()
        #expect(try daemon.page("/readyz") == (200, "ready\n"))
        #expect(try daemon.page("/healthz") == (200, "ok\n"))
        #expect(try daemon.page("/").body.contains("ecgmond"))
        #expect(try daemon.page("/nothing").status == 404)
        daemon.signal(SIGTERM)
        #expect(daemon.notifications.wait { $0.contains("STOPPING=1") })
        #expect(daemon.exitCode() == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: daemon.directory).sorted()
        #expect(left == ["ecgmond.toml", "log", "notify"], "no socket files stay behind")
    }

    @Test func watchdogIsNotifiedWhenIdleAndWhenBusy() throws {
        let daemon = try DaemonProcess(watchdogSeconds: 6)
        for _ in 0..<2 { #expect(daemon.notifications.wait { $0 == "WATCHDOG=1" }) }
        #expect(daemon.metric("ecgmon_watchdog_withheld_total") == 0)
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let recording = Recording(samplingRate: 360, seconds: 30, seed: 10)
        for stream in 0..<50 {
            for block in recording.blocks(stream: "bed-\(stream)", size: 1800) {
                _ = try client.send(block, timeout: .seconds(30))
            }
        }
        #expect(daemon.notifications.wait { $0 == "WATCHDOG=1" })
        #expect(daemon.notifications.wait { $0.hasPrefix("STATUS=watching 50 streams") })
        #expect(daemon.terminate() == 0)
    }

    /// One thread is stopped from outside, as a debugger does it; all others go on.
    @Test(.enabled(if: ThreadStopper.isPermitted, ThreadStopper.need))
    func aStoppedWorkerThreadStopsTheWatchdog() throws {
        let daemon = try DaemonProcess(arguments: ["--workers", "2"], watchdogSeconds: 3)
        #expect(daemon.notifications.wait { $0 == "WATCHDOG=1" })
        let stopper = try ThreadStopper(process: daemon.processIdentifier, thread: "worker-1")
        #expect(daemon.wait(for: "ecgmon_watchdog_withheld_total") { $0 >= 1 })
        _ = daemon.notifications.drain()
        let withheld = try #require(daemon.metric("ecgmon_watchdog_withheld_total"))
        #expect(daemon.wait(for: "ecgmon_watchdog_withheld_total") { $0 >= withheld + 4 })
        #expect(!daemon.notifications.drain().contains("WATCHDOG=1"), "four occasions, not fed")
        #expect(try daemon.page("/healthz") == (503, "no sign of life from worker-1\n"))
        #expect(eventually { daemon.log.contains("no sign of life") })
        stopper.release()
        #expect(daemon.notifications.wait { $0 == "WATCHDOG=1" }, "alive again")
        #expect(eventually { (try? daemon.page("/healthz").status) == 200 })
        #expect(daemon.terminate() == 0)
    }

    @Test(.enabled(if: ThreadStopper.isPermitted, ThreadStopper.need))
    func daemonThatCannotFinishExitsAtItsLimitAndSaysSo() throws {
        let daemon = try DaemonProcess(configuration: "[stop]\nlimit_seconds = 0.5\n")
        let stopper = try ThreadStopper(process: daemon.processIdentifier, thread: "worker-0")
        daemon.signal(SIGTERM)
        #expect(eventually { daemon.log.contains("not finished within stop.limit_seconds") })
        // A traced thread keeps even a dead process until its tracer has gone.
        stopper.release()
        #expect(daemon.exitCode() == ExitStatus.software)
    }

    @Test func terminationUnderLoadLosesNothingAccepted() throws {
        let daemon = try DaemonProcess()
        let context = try ZeroMQContext()
        let recorder = try Recorder(daemon, context: context)
        let recording = Recording(samplingRate: 360, seconds: 60, seed: 11)
        let streams = (0..<40).map { "bed-\($0)" }
        let blocks = streams.map { recording.blocks(stream: $0, size: 90) }
        let stopping = try StopRequest()
        let endpoint = daemon.ingest
        let pusher = try OSThread(name: "pusher") {
            guard let client = try? AcquisitionClient(endpoint: endpoint, context: context, linger: .zero) else {
                return
            }
            for index in blocks[0].indices {
                for stream in blocks.indices {
                    while (try? client.send(blocks[stream][index], timeout: .milliseconds(100))) == false {
                        if stopping.isRequested { return }
                    }
                }
            }
        }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 > 50_000 })
        #expect(daemon.terminate() == 0)
        stopping.request()
        pusher.join()

        let summary = try #require(daemon.log.firstMatch(of: /finished .*dropped=(\d+) events=(\d+) .*samples=(\d+)/))
        #expect(summary.1 == "0")
        let samples = try #require(Int(summary.3))
        let events = streams.compactMap { try? recorder.events(of: $0) }
        let ended = eventually {
            streams.allSatisfy { stream in
                (try? recorder.events(of: stream).last?.status.state == .ended) ?? false
            }
        }
        #expect(ended, "\(events.count) streams: each is told to have ended")
        var taken = 0
        for stream in streams {
            let found = try recorder.events(of: stream)
            let last = try #require(found.last)
            let count = Int(last.decidedAtSampleIndex) + 1
            taken += count
            expectSame(found, try recording.expectedEvents(stream: stream, samples: count), stream)
        }
        #expect(taken == samples, "every sample that was taken in was processed")
    }

    @Test func hangUpReloadsTheConfiguration() throws {
        let daemon = try DaemonProcess(configuration: "[streams]\nmaximum = 1\n")
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let recording = Recording(samplingRate: 360, seconds: 10, seed: 12)
        _ = try client.send(recording.block(stream: "a", 0..<360), timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_streams") { $0 == 1 })
        _ = try client.send(recording.block(stream: "b", 0..<360), timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"too_many_streams\"}") { $0 == 1 })
        _ = daemon.notifications.drain()

        try daemon.write(configuration: "[streams]\nmaximum = 2\n[workers]\nqueue_segments = 77\n")
        daemon.signal(SIGHUP)
        #expect(daemon.notifications.wait { $0.contains("RELOADING=1") && $0.contains("MONOTONIC_USEC=") })
        #expect(daemon.notifications.wait { $0.contains("READY=1") })
        #expect(daemon.wait(for: "ecgmon_reloads_total{result=\"ok\"}") { $0 == 1 })
        #expect(eventually { daemon.log.contains("keys=workers.queue_segments") }, "what needs a restart is told")
        _ = try client.send(recording.block(stream: "b", 0..<360), timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_streams") { $0 == 2 })

        try daemon.write(configuration: "[streams]\nmaximum = 3\nmaximun = 4\n")
        daemon.signal(SIGHUP)
        #expect(daemon.wait(for: "ecgmon_reloads_total{result=\"failed\"}") { $0 == 1 })
        #expect(
            eventually { daemon.log.contains("ecgmond.toml:3: unknown key streams.maximun; is streams.maximum meant?") }
        )
        #expect(eventually { daemon.log.contains("stays as it was") })
        _ = try client.send(recording.block(stream: "c", 0..<360), timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_rejects_total{cause=\"too_many_streams\"}") { $0 == 2 })
        #expect(daemon.terminate() == 0)
    }
}

/// Stops one thread of a child process as a debugger does (ptrace), through python's ctypes: the C function is
/// variadic.
final class ThreadStopper {
    static let need: Comment = "stopping a single thread needs python3 and the permission to trace a child"

    private static let script = """
        import ctypes, sys
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        SEIZE, INTERRUPT = 0x4206, 0x4207
        tid = int(sys.argv[1])
        ok = libc.ptrace(SEIZE, tid, None, None) == 0 and libc.ptrace(INTERRUPT, tid, None, None) == 0
        print("stopped" if ok else "refused", flush=True)
        sys.stdin.read()
        """

    private let python = Process()
    private let input = Pipe()

    /// - Parameter thread: its name as `/proc` shows it.
    init(process: Int32, thread name: String) throws {
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
        let found = tasks.first {
            (try? String(contentsOfFile: "/proc/\(process)/task/\($0)/comm", encoding: .utf8)) == name + "\n"
        }
        let thread = try #require(found, "a thread \(name)")
        #expect(try start(thread) == "stopped")
    }

    private init(probing process: Int32) throws { answer = try start("\(process)") }

    private var answer = ""

    private func start(_ thread: String) throws -> String {
        let output = Pipe()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", "-c", Self.script, thread]
        python.standardInput = input
        python.standardOutput = output
        try python.run()
        return String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The thread goes on when its tracer ends.
    func release() {
        try? input.fileHandleForWriting.close()
        python.waitUntilExit()
    }

    deinit { if python.isRunning { release() } }

    static let isPermitted: Bool = {
        let sleeper = Process()
        sleeper.executableURL = URL(filePath: "/bin/sleep")
        sleeper.arguments = ["60"]
        guard (try? sleeper.run()) != nil else { return false }
        defer {
            kill(sleeper.processIdentifier, SIGKILL)
            sleeper.waitUntilExit()
        }
        guard let stopper = try? ThreadStopper(probing: sleeper.processIdentifier) else { return false }
        defer { stopper.release() }
        return stopper.answer == "stopped"
    }()
}
