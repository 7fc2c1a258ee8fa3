import ECGWire
import Foundation
import Testing

@testable import ecgmon

/// The tool with a real daemon, both as processes.
@Suite(.serialized, .enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
struct RealDaemonTests {
    /// A TMPDIR of its own, so that what is left behind can be seen.
    private func ownTemporaryFolder() throws -> String {
        let path = "/tmp/ecgmon-demo-test-\(UUID().uuidString.prefix(6))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test func demoRunsToItsEndAndLeavesNothingBehind() throws {
        let folder = try ownTemporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let outcome = try ToolProcess.run(["demo", "--speed", "max"], environment: ["TMPDIR": folder])
        #expect(outcome.exitCode == 0, "\(outcome.lines.suffix(12).joined(separator: "\n"))")
        #expect(outcome.output.contains("suspicion  raised after "))
        #expect(outcome.output.contains("sent       118800 samples"))
        #expect(outcome.output.contains("replay     suspected after "))
        #expect(outcome.output.contains("0 lost, 0 messages rejected"))
        #expect(outcome.output.contains("daemon     exit code 0"))
        #expect(outcome.output.contains("the attack begins"))
        #expect(!outcome.output.contains("\u{1B}"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test func demoWithoutAnAttackFindsTheRecordsBeats() throws {
        let outcome = try ToolProcess.run(["demo", "--speed", "max", "--no-attack", "--no-replay"])
        let line = try #require(outcome.lines.first { $0.hasPrefix("beats ") })
        let count = try #require(Int(line.dropFirst("beats".count).drop { $0 == " " }.prefix { $0.isNumber }))
        // 509 beats are annotated in these five minutes.
        #expect((490...520).contains(count))
        #expect(!outcome.output.contains("attack begins"))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func interruptedDemoStopsItsDaemonAndRemovesItsFolder(signal: Int32) throws {
        let folder = try ownTemporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let demo = try ToolProcess(["demo", "--speed", "5", "--no-attack"], environment: ["TMPDIR": folder])
        #expect(demo.wait(until: { demo.output.contains("/min") }))
        demo.signal(signal)
        #expect(demo.outcome().exitCode == 128 + signal)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        #expect(!isAnyDaemonRunning(namedIn: folder))
    }

    /// Whether a process has this folder in its command line.
    private func isAnyDaemonRunning(namedIn folder: String) -> Bool {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { Int($0) != nil } ?? []
        return numbers.contains { number in
            guard let data = try? Data(contentsOf: URL(filePath: "/proc/\(number)/cmdline")) else { return false }
            return String(decoding: data, as: UTF8.self).contains(folder)
        }
    }

    @Test func watchShowsWhatIsReplayed() throws {
        let daemon = try DaemonForTool()
        let watch = try ToolProcess(["watch", "--events", daemon.events])
        #expect(watch.wait(until: { watch.errors.contains("watching") }))
        let replay = try ToolProcess.run([
            "replay", "--simulate", "sinus@75:20,asystole:8,sinus", "--duration", "40", "--speed", "max", "--ingest",
            daemon.ingest, "--streams", "2", "--stream", "bed",
        ])
        #expect(replay.exitCode == 0)
        #expect(replay.errors.contains("sent 28800 samples in 320 blocks"))
        #expect(daemon.stop() == 0)
        #expect(watch.wait(until: { watch.errors.contains("the connection broke") }))
        watch.signal(SIGINT)
        let outcome = watch.outcome()
        #expect(outcome.exitCode == 130)
        for stream in ["bed-1", "bed-2"] {
            let lines = outcome.lines.filter { $0.contains("  \(stream)  ") }
            #expect(lines.count { $0.contains("  beat ") } > 30)
            #expect(lines.contains { $0.contains("ALERT high begins  asystole") })
            #expect(lines.contains { $0.contains("status  monitoring  signal good") })
        }
    }

    @Test func replayFasterThanTheDaemonLosesNothingWhenItExits() throws {
        let daemon = try DaemonForTool()
        let watch = try ToolProcess(["watch", "--events", daemon.events, "--json", "--topic", "health"])
        #expect(watch.wait(until: { watch.output.contains("HEALTH_STATE_OK") }))
        let replay = try ToolProcess.run([
            "replay", "Fixtures/208s", "--duration", "60", "--speed", "max", "--block", "5", "--ingest", daemon.ingest,
        ])
        #expect(replay.exitCode == 0)
        #expect(replay.errors.contains("sent 21600 samples in 4320 blocks"))
        #expect(watch.wait(until: { watch.output.contains("\"samplesAccepted\":\"21600\"") }))
        #expect(watch.output.contains("\"samplesAccepted\":\"21600\""))
        #expect(daemon.stop() == 0)
    }

    @Test func watchWritesOneJSONObjectPerLineForTheTopicsRequested() throws {
        let daemon = try DaemonForTool()
        let watch = try ToolProcess([
            "watch", "bed-1", "--events", daemon.events, "--json", "--topic", "beat", "--count", "5",
        ])
        #expect(watch.wait(until: { watch.errors.contains("watching") }))
        let replay = try ToolProcess.run([
            "replay", "Fixtures/208s", "--duration", "20", "--speed", "max", "--ingest", daemon.ingest, "--streams",
            "10", "--stream", "bed", "--session", "77", "--millivolts", "--quiet",
        ])
        #expect(replay.exitCode == 0)
        #expect(replay.errors.isEmpty)
        let outcome = watch.outcome()
        #expect(outcome.exitCode == 0)
        #expect(outcome.lines.count == 5)
        for line in outcome.lines {
            let event = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(event["stream"] as? String == "bed-1")
            #expect(event["session"] as? String == "77")
            #expect(event["beat"] != nil)
        }
        #expect(daemon.stop() == 0)
    }

    @Test func replayWaitsForARestartedDaemonAndSaysSo() throws {
        var daemon: DaemonForTool? = try DaemonForTool()
        let ingest = try #require(daemon?.ingest)
        let replay = try ToolProcess([
            "replay", "--simulate", "sinus", "--speed", "20", "--loop", "--ingest", ingest,
        ])
        usleep(500_000)
        #expect(daemon?.stop() == 0)
        daemon = nil
        #expect(replay.wait(until: { replay.errors.contains("takes no samples; waiting") }))
        replay.signal(SIGINT)
        let outcome = replay.outcome()
        #expect(outcome.exitCode == 130)
        #expect(outcome.errors.contains("stopped before the end"))
    }
}
