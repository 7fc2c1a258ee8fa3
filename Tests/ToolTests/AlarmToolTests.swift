import ECGMonitor
import ECGWire
import Foundation
import Testing
import WFDB

@testable import ECGEvaluation
@testable import ecgmon

/// `ecgmon alarm` with a real daemon, both as processes.
@Suite(.serialized, .enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
struct AlarmToolTests {
    @Test func alarmsAreListedAcknowledgedPausedAndResumed() throws {
        let daemon = try DaemonForTool()
        func alarm(_ arguments: String...) throws -> ToolProcess.Outcome {
            try ToolProcess.run(["alarm"] + arguments + ["--commands", daemon.commands, "--timeout", "30"])
        }
        let unknown = try alarm("list", "bed-1")
        #expect(unknown.exitCode == 1 && unknown.output.contains("no samples of this stream have come"))
        let watch = try ToolProcess(["watch", "bed-1", "--events", daemon.events, "--topic", "alert", "status"])
        #expect(watch.wait(until: { watch.errors.contains("watching") }))
        let replay = try ToolProcess.run([
            "replay", "--simulate", "sinus@70:15,sinus@131", "--duration", "60", "--speed", "max", "--ingest",
            daemon.ingest, "--stream", "bed-1",
        ])
        #expect(replay.exitCode == 0)
        #expect(watch.wait(until: { watch.output.contains("tachycardia") }))
        let listed = try alarm("list", "bed-1")
        #expect(listed.exitCode == 0 && listed.output.contains("medium  tachycardia  number 1"), "\(listed.output)")
        let done = try alarm("acknowledge", "bed-1", "--kind", "tachycardia", "--by", "nurse 4711")
        #expect(done.exitCode == 0 && done.output.contains("bed-1: 1 acknowledged"))
        #expect(done.output.contains("acknowledged by nurse 4711"))
        #expect(watch.wait(until: { watch.output.contains("acknowledged by nurse 4711") }))
        let paused = try alarm("pause", "bed-1", "--seconds", "60", "--all")
        #expect(paused.exitCode == 0 && paused.output.contains("alarms paused for 60 s"))
        #expect(watch.wait(until: { watch.output.contains("alarms paused for 60 s by ") }))
        let long = try alarm("pause", "bed-1", "--seconds", "100000")
        #expect(long.exitCode == 1 && long.output.contains("at most"))
        let resumed = try alarm("resume", "bed-1", "--json")
        #expect(resumed.exitCode == 0)
        #expect(resumed.output.contains("\"result\":\"COMMAND_RESULT_DONE\""))
        watch.signal(SIGINT)
        _ = watch.outcome()
        #expect(daemon.stop() == 0)
    }

    @Test func limitsAreShownSetAndTakenBack() throws {
        let daemon = try DaemonForTool()
        let replay = try ToolProcess.run([
            "replay", "--simulate", "sinus@70", "--duration", "10", "--speed", "max", "--ingest", daemon.ingest,
            "--stream", "bed-1",
        ])
        #expect(replay.exitCode == 0)
        func limits(_ arguments: String...) throws -> ToolProcess.Outcome {
            try ToolProcess.run(
                ["alarm", "limits", "bed-1"] + arguments + ["--commands", daemon.commands, "--timeout", "30"])
        }
        let shown = try limits()
        func lines(_ outcome: ToolProcess.Outcome) -> [String] {
            outcome.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        }
        #expect(shown.exitCode == 0 && lines(shown).contains("tachycardia_above 120"), "\(shown.output)")
        let set = try limits("--set", "tachycardia_above=130", "--set", "pause_seconds=2.5", "--by", "dr. 12")
        #expect(set.exitCode == 0 && lines(set).contains("tachycardia_above 130 configured: 120"))
        #expect(lines(set).contains("pause_seconds 2.5 configured: 2") && lines(set).contains("set by dr. 12"))
        let bad = try limits("--set", "asystole_seconds=60")
        #expect(bad.exitCode == 1 && bad.output.contains("the time to asystole must be"), "\(bad.output)")
        let back = try limits("--as-configured")
        #expect(back.exitCode == 0 && !back.output.contains("configured:") && !back.output.contains("set by"))
        #expect(daemon.stop() == 0)
    }

    @Test func nonsenseAndAMissingDaemonAreReportedInOneLine() throws {
        for (arguments, words) in [
            (["list", "bed 1"], "is not a valid stream name"),
            (["acknowledge", "bed-1", "--kind", "boredom"], "is not a kind of alert"),
            (["pause", "bed-1", "--seconds", "0"], "--seconds takes 1 or more"),
            (["limits", "bed-1", "--set", "tachycardia_above"], "is not NAME=VALUE"),
            (["limits", "bed-1", "--set", "a=1", "--as-configured"], "either --set or --as-configured"),
            (
                ["list", "bed-1", "--commands", "ipc:///tmp/nobody-\(getpid())", "--timeout", "0.2"],
                "no daemon accepts commands"
            ),
        ] {
            let outcome = try ToolProcess.run(["alarm"] + arguments)
            #expect(outcome.exitCode != 0 && outcome.errors.contains(words), "\(outcome.errors)")
        }
    }

    @Test func simulatedAlarmsComeWithinTenSecondsAndRatesAreRight() throws {
        let outcome = try ToolProcess.run(["evaluate", "alarms", "--json"])
        #expect(outcome.exitCode == 0)
        let report = try #require(JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        let timings = try #require(report["timings"] as? [[String: Any]])
        #expect(timings.count == 18)
        for timing in timings {
            #expect(timing["within_10_s"] as? Int == timing["runs"] as? Int, "\(timing)")
        }
        let readings = try #require(report["readings"] as? [[String: Any]])
        #expect(readings.count == 27)
        for reading in readings { #expect(reading["is_right"] as? Bool == true, "\(reading)") }
    }
}

/// The scores of rhythm alerts, on events and annotations made up.
@Suite struct RhythmScoreTests {
    private static func record(seconds: Int) throws -> Record {
        let header = "made 1 100 \(seconds * 100)\nmade.dat 16 200 16 0 0 0 0 II\n"
        let folder = FileManager.default.temporaryDirectory.appending(path: "rhythm-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try header.write(toFile: folder + "/made.hea", atomically: true, encoding: .utf8)
        try Data(count: seconds * 200).write(to: URL(filePath: folder + "/made.dat"))
        return try Record.read("made", in: folder)
    }

    private static func alert(_ kind: AlertKind, _ phase: AlertPhase, at second: Double, decided: Double? = nil)
        -> MonitorEvent
    {
        MonitorEvent(
            session: 1, sampleIndex: Int64(second * 100), decidedAtSampleIndex: Int64((decided ?? second) * 100),
            acquisitionTimeNanoseconds: 0,
            kind: .alert(
                Alert(
                    kind: kind, phase: phase, priority: kind.priority, number: 1, onsetSampleIndex: 0,
                    durationSeconds: 0,
                    heartRate: nil, beatCount: 0, text: "x")))
    }

    private static func mark(_ code: AnnotationCode, _ second: Int, _ text: String = "") -> Annotation {
        Annotation(sampleIndex: Int64(second * 100), code: code, text: text)
    }

    @Test func fibrillationMinutesAreRightWrongMissedOrUnscored() throws {
        let annotations = [
            Self.mark(.rhythm, 0, "(N"), Self.mark(.rhythm, 120, "(AFIB"), Self.mark(.rhythm, 240, "(AFL"),
            Self.mark(.rhythm, 300, "(N"),
        ]
        let events = [
            Self.alert(.atrialFibrillation, .started, at: 60), Self.alert(.atrialFibrillation, .ended, at: 180),
            Self.alert(.atrialFibrillation, .started, at: 240), Self.alert(.atrialFibrillation, .ended, at: 300),
        ]
        let score = RhythmScore(events: events, annotations: annotations, record: try Self.record(seconds: 600))
        let duration = score.atrialFibrillation
        #expect(duration.right_min == 1 && duration.wrong_min == 1 && duration.missed_min == 1)
        #expect(abs(duration.rest_min - 6) < 1e-9)
        #expect(duration.sensitivity == 50 && duration.positive_predictivity == 50)
    }

    @Test func flutterAlarmIsTimedFromOnsetAndFalseElsewhere() throws {
        let annotations = [
            Self.mark(.ventricularFlutterStart, 100), Self.mark(.ventricularFlutterEnd, 130),
            Self.mark(.ventricularFlutterStart, 300), Self.mark(.ventricularFlutterEnd, 330),
        ]
        let events = [
            Self.alert(.ventricularFibrillation, .started, at: 99, decided: 104),
            Self.alert(.ventricularFibrillation, .ended, at: 130),
            Self.alert(.ventricularFibrillation, .started, at: 200),
            Self.alert(.ventricularFibrillation, .ended, at: 210),
        ]
        let score = RhythmScore(events: events, annotations: annotations, record: try Self.record(seconds: 600))
        #expect(score.flutter.map(\.delay_s) == [4, nil] && score.flutterFalse == 1)
    }

    @Test func annotatedEpisodesAreFoundOrMissedAndOthersAreFalse() throws {
        let annotations = [
            Self.mark(.rhythm, 0, "(N"), Self.mark(.rhythm, 100, "(B"), Self.mark(.rhythm, 120, "(N"),
            Self.mark(.rhythm, 300, "(B"), Self.mark(.rhythm, 320, "(N"),
        ]
        let events = [
            Self.alert(.bigeminy, .started, at: 105), Self.alert(.bigeminy, .ended, at: 120),
            Self.alert(.bigeminy, .started, at: 500), Self.alert(.bigeminy, .ended, at: 510),
        ]
        let score = RhythmScore(events: events, annotations: annotations, record: try Self.record(seconds: 600))
        let bigeminy = try #require(score.episodes["(B"])
        #expect(bigeminy.annotated == 2 && bigeminy.said == 1 && bigeminy.elsewhere == 1)
    }
}
